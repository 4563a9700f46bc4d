//! Buildpacks that are a script in the descriptor (RFC 0048, `createInlineBuildpack` of `pack`).

use serde::Serialize;

use crate::backend::File;
use crate::buildpack::order::OrderElement;
use crate::encode::go_toml;
use crate::id::BuildpackId;
use crate::project::Script;

/// A script that is a buildpack: it always passes detection, and runs when it builds.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct InlineBuildpack {
    /// Its ID.
    pub id: BuildpackId,
    /// Its version, `0.0.0` unless the descriptor says another.
    pub version: String,
    /// The script.
    pub script: Script,
}

impl InlineBuildpack {
    /// The buildpack of a descriptor's entry.
    pub fn new(id: BuildpackId, version: Option<String>, script: Script) -> Self {
        Self { id, version: version.unwrap_or_else(|| "0.0.0".to_owned()), script }
    }

    /// What stands for it in an order.
    pub fn element(&self) -> OrderElement {
        OrderElement { id: self.id.clone(), version: self.version.clone(), optional: false }
    }

    /// Its files: `/buildpack.toml`, `/bin/detect` and `/bin/build`. It is for the stack of the builder, if
    /// that has one.
    pub fn files(&self, stack_id: Option<&str>) -> Vec<File> {
        let program = |path, script: &str| {
            let content = format!("#!{}\n\n{script}\n", self.script.shell);
            File::regular(path, content).with_mode(0o755)
        };
        vec![
            File::regular("/buildpack.toml", self.descriptor(stack_id)),
            program("/bin/detect", "exit 0"),
            program("/bin/build", &self.script.inline),
        ]
    }

    fn descriptor(&self, stack_id: Option<&str>) -> String {
        let descriptor = Descriptor {
            api: self.script.api.to_string(),
            buildpack: Info { id: self.id.as_str(), version: &self.version },
            stacks: stack_id.map(|id| Stack { id }).into_iter().collect(),
        };
        go_toml::to_string(&descriptor).expect("texts and tables can be written")
    }
}

#[derive(Serialize)]
struct Descriptor<'a> {
    api: String,
    buildpack: Info<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stacks: Vec<Stack<'a>>,
}

#[derive(Serialize)]
struct Info<'a> {
    id: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Stack<'a> {
    id: &'a str,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::backend::FileKind;
    use crate::buildpack::descriptor::BuildpackDescriptor;
    use crate::diagnostic::SourceFile;
    use crate::project;
    use crate::project::BuildpackSource;

    fn inline(version: &str) -> InlineBuildpack {
        let text = "[_]\nschema-version = '0.2'\n[[io.buildpacks.group]]\nid = 'example/inline'\n\
                    [io.buildpacks.group.script]\napi = '0.10'\nshell = '/bin/bash'\ninline = \"\"\"\necho \\\"a\\\"\n\"\"\"\n";
        let (descriptor, _) = project::Descriptor::read(&SourceFile::new("f", text)).expect("valid");
        let BuildpackSource::Inline { id, script, .. } = descriptor.group[0].buildpack.clone() else {
            panic!("it is a script")
        };
        InlineBuildpack::new(id, (!version.is_empty()).then(|| version.to_owned()), script)
    }

    fn content(file: &File) -> &str {
        let FileKind::Regular(content) = &file.kind else { panic!("a regular file") };
        std::str::from_utf8(content).expect("text")
    }

    #[test]
    fn the_files_are_those_of_pack() {
        let files = inline("").files(Some("example.stack"));
        let paths: Vec<(&str, u32)> = files.iter().map(|file| (file.path.as_str(), file.mode)).collect();
        assert_eq!(paths, [("/buildpack.toml", 0o644), ("/bin/detect", 0o755), ("/bin/build", 0o755)]);
        let expected = "api = \"0.10\"\n\n[buildpack]\n  id = \"example/inline\"\n  version = \"0.0.0\"\n\n\
                        [[stacks]]\n  id = \"example.stack\"\n";
        assert_eq!(content(&files[0]), expected);
        assert_eq!(content(&files[1]), "#!/bin/bash\n\nexit 0\n");
        assert_eq!(content(&files[2]), "#!/bin/bash\n\necho \"a\"\n\n");
    }

    #[test]
    fn the_descriptor_can_be_read() {
        let files = inline("2").files(None);
        let descriptor = BuildpackDescriptor::read(Path::new("buildpack.toml"), content(&files[0]));
        let descriptor = descriptor.expect("it is valid");
        assert_eq!(
            (descriptor.buildpack.id.as_ref().map(BuildpackId::as_str), &*descriptor.buildpack.version),
            (Some("example/inline"), "2")
        );
        assert_eq!(descriptor.inferred_targets(true)[0].os, "linux");
        assert_eq!(inline("2").element().to_string(), "example/inline@2");
    }
}
