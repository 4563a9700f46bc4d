//! Questions that are answered instead of building: `docker buildx build --call=outline` and the like.

use cnb_llb::gateway::Argument;
use cnb_llb::gateway::NeededSecret;
use cnb_llb::gateway::Outline;
use cnb_llb::gateway::Output;
use cnb_llb::gateway::Subrequest;

use crate::request::Asked;
use crate::settings::ARGUMENTS;
use crate::target::Target;

/// What is answered, beside which questions these are.
const ANSWERED: [Subrequest; 2] = [Subrequest::Outline, Subrequest::Targets];

/// What a question is answered with for which no file is needed.
pub fn answer_at_once(question: Subrequest) -> Option<Output> {
    match question {
        Subrequest::Describe => Some(Subrequest::describe(&ANSWERED)),
        Subrequest::Targets => Some(targets()),
        _ => None,
    }
}

/// What can be given to a build of a target: build arguments, with what they are in this build unless they may be
/// secret, and the secrets that it takes.
pub fn outline(asked: &Asked<'_>, target: Target) -> Outline {
    let given = &asked.options.build_args;
    let ours = ARGUMENTS.iter().map(|known| Argument {
        name: known.name.to_owned(),
        description: known.about.to_owned(),
        value: given.get(known.name).cloned().unwrap_or_default(),
    });
    let described = asked.descriptor.env_for(asked.exec_env()).map(|(name, value)| Argument {
        name: name.to_owned(),
        description: "a variable for the buildpacks".to_owned(),
        value: if given.contains_key(name) { String::new() } else { value.to_owned() },
    });
    let needed = |name: &String| NeededSecret { name: name.clone(), required: true };
    let mut ids: Vec<&String> = asked.settings.secrets.iter().collect();
    ids.extend(asked.bindings().flat_map(|binding| binding.secrets.values()));
    ids.sort();
    ids.dedup();
    Outline {
        name: target.name().to_owned(),
        description: target.about().to_owned(),
        arguments: ours.chain(described).collect(),
        secrets: ids.into_iter().map(needed).collect(),
        ssh: asked.settings.ssh.iter().map(needed).collect(),
    }
}

fn targets() -> Output {
    let targets = Target::ALL.map(|target| cnb_llb::gateway::Target {
        name: target.name().to_owned(),
        default: target == Target::default(),
        description: target.about().to_owned(),
        ..cnb_llb::gateway::Target::default()
    });
    cnb_llb::gateway::Target::answer(&targets)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cnb_core::diagnostic::SourceFile;
    use cnb_core::project::Descriptor;
    use cnb_llb::Platform;
    use cnb_llb::gateway::Options;

    use super::*;
    use crate::settings::Settings;

    #[test]
    fn an_outline_has_what_can_be_given_and_no_value_that_may_be_secret() {
        let options = [
            ("build-arg:builder", "b"),
            ("build-arg:TOKEN", "hunter2"),
            ("build-arg:CNB_BINDING_db", "type=t,key=db-key"),
            ("build-arg:CNB_SECRETS", "npm,db-key"),
            ("build-arg:CNB_SSH", "default"),
        ];
        let options: BTreeMap<_, _> = options.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let options = Options::read(&options).expect("valid");
        let text = "[_]\nschema-version = '0.2'\n[[io.buildpacks.build.env]]\nname = 'TOKEN'\nvalue = ''\n\
                    [[io.buildpacks.build.env]]\nname = 'BP_X'\nvalue = '1'\n";
        let (descriptor, _) = Descriptor::read(&SourceFile::new("project.toml", text)).expect("valid");
        let asked = Asked {
            options: &options,
            settings: &Settings::read(&options.build_args).expect("valid"),
            descriptor: &descriptor,
            platform: &Platform::new("linux", "amd64"),
            epoch: None,
        };
        let outline = outline(&asked, Target::Build);
        assert_eq!(outline.name, "build");
        let value = |name: &str| {
            let argument = outline.arguments.iter().find(|argument| argument.name == name).expect(name);
            argument.value.as_str()
        };
        assert_eq!(
            (value("builder"), value("BP_X"), value("TOKEN"), value("CNB_SECRETS")),
            ("b", "1", "", "npm,db-key")
        );
        let names = |list: &[NeededSecret]| list.iter().map(|secret| secret.name.clone()).collect::<Vec<_>>();
        assert_eq!(
            (names(&outline.secrets), names(&outline.ssh)),
            (vec!["db-key".into(), "npm".into()], vec!["default".into()])
        );
        assert!(!format!("{outline:?}").contains("hunter2"));
    }

    #[test]
    fn questions_without_files_are_answered_at_once() {
        assert!(answer_at_once(Subrequest::Describe).is_some());
        assert!(answer_at_once(Subrequest::Targets).is_some());
        assert!(answer_at_once(Subrequest::Outline).is_none());
    }
}
