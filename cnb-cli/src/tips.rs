//! What to write here for options of `pack` and `docker` that people try.

use clap::error::ContextKind;
use clap::error::ContextValue;
use clap::error::ErrorKind;

const OUTPUT: &str = "say with --output where the image goes: docker://REFERENCE, oci:DIRECTORY[:TAG], or with --backend docker \
                      docker-daemon:REFERENCE";

/// Options of their builds with what to do instead; those that are here and mean the same are not among them.
const TIPS: [(&[&str], &str); 13] = [
    (&["-t", "--tag", "--publish", "--push", "--load"], OUTPUT),
    (&["-p", "--path"], "the directory of the application is an argument: cnb build PATH"),
    (&["-f", "--file"], "the project descriptor is --descriptor FILE"),
    (&["--build-arg"], "variables for the buildpacks are --env NAME=VALUE"),
    (&["--secret", "--volume"], "files for the buildpacks alone are a service binding: --binding NAME=DIR"),
    (
        &["--cache", "--cache-image", "--cache-from", "--cache-to"],
        "caches are carried with `cnb cache export` and `import`",
    ),
    (&["--docker-host", "-H", "--host"], "the Docker Engine is that of $DOCKER_HOST, with --backend docker"),
    (&["--platform"], "images are for the platform of this program"),
    (&["--pull", "--pull-policy"], "what a name stands for is asked each time, and layers are fetched once"),
    (
        &["--trust-builder", "--trust-extra-buildpacks"],
        "no builder sees credentials or outputs, so none needs to be trusted",
    ),
    (&["--date-time"], "it is --creation-time, or $SOURCE_DATE_EPOCH"),
    (&["--lifecycle-image"], "another lifecycle is in a directory: --lifecycle PATH"),
    (
        &["--progress", "--no-color", "--verbose", "-v", "--timestamps"],
        "progress is plain where there is no terminal, and without \
      colours with NO_COLOR; there are --json, --quiet and --explain",
    ),
];

/// The error with a tip in place of that of clap, which is how to pass an option as a value.
pub(crate) fn with_tip(mut error: clap::Error) -> clap::Error {
    if error.kind() == ErrorKind::UnknownArgument
        && is_of_build(&error)
        && let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg)
        && let Some(tip) = tip(argument)
    {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// Other commands have other options of the same names.
fn is_of_build(error: &clap::Error) -> bool {
    error.get(ContextKind::Usage).is_some_and(|usage| usage.to_string().contains("cnb build "))
}

fn tip(argument: &str) -> Option<&'static str> {
    let name = argument.split('=').next().unwrap_or(argument);
    TIPS.iter().find(|(names, _)| names.contains(&name)).map(|(_, tip)| *tip)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use clap::Parser as _;

    use super::*;
    use crate::Cli;

    #[test]
    fn options_of_others_are_answered() {
        for (arguments, expected) in [
            (&["build", "-t", "app", "."][..], "tip: say with --output where the image goes"),
            (&["build", "app", "--publish"], "tip: say with --output"),
            (
                &["build", "--path=app", "--output", "oci:out"],
                "tip: the directory of the application is an argument",
            ),
            (
                &["build", "-o", "oci:out", "--build-arg", "A=b"],
                "tip: variables for the buildpacks are --env",
            ),
        ] {
            let error = Cli::try_parse_from([&["cnb"], arguments].concat()).expect_err("it is not known");
            let error = with_tip(error).to_string();
            assert!(error.contains(expected) && !error.contains("as a value"), "{error}");
        }
        for arguments in [["builder", "create", "--publish"], ["cache", "ls", "--verbose"]] {
            let error =
                Cli::try_parse_from([&["cnb"], &arguments[..]].concat()).expect_err("it is not known");
            let error = with_tip(error).to_string();
            assert!(!error.contains("--output") && !error.contains("--explain"), "{error}");
        }
        let error = Cli::try_parse_from(["cnb", "build", "--outptu", "oci:out"]).expect_err("a mistake");
        assert!(with_tip(error).to_string().contains("--output"), "what is misspelt is corrected");
    }

    #[test]
    fn no_option_of_ours_has_a_tip() {
        let command = Cli::command();
        let build = command.find_subcommand("build").expect("it is there");
        for argument in build.get_arguments() {
            let long = argument.get_long().map(|long| format!("--{long}"));
            let short = argument.get_short().map(|short| format!("-{short}"));
            for name in long.iter().chain(&short) {
                assert_eq!(tip(name), None, "{name}");
            }
        }
    }
}
