//! Processes in bash: one bash reads the profiles, a second one runs the command.
//!
//! Source: the Go lifecycle's `launch/bash.go` and `launch/shell.go`.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fmt::Write;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use cnb_core::environment::Environment;

const BASH: &str = "/bin/bash";

/// A command for bash.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ShellCommand {
    /// What `$0` is in profiles.
    pub(super) caller: OsString,
    /// Files to source, in order.
    pub(super) profiles: Vec<PathBuf>,
    /// Where the command runs.
    pub(super) working_directory: PathBuf,
    /// A script when there are no arguments, otherwise the first word of a command.
    pub(super) command: OsString,
    /// Words that bash expands once.
    pub(super) arguments: Vec<OsString>,
}

impl ShellCommand {
    /// Replaces this process by bash. Returns when that fails.
    pub(super) fn exec(&self, environment: &Environment) -> io::Error {
        Command::new(BASH)
            .arg0("bash")
            .arg("-c")
            .arg(self.script())
            .arg(&self.caller)
            .arg(&self.command)
            .args(&self.arguments)
            .env_clear()
            .envs(environment.iter())
            .exec()
    }

    fn script(&self) -> OsString {
        let mut script = OsString::new();
        for profile in &self.profiles {
            line(&mut script, "source", profile);
        }
        line(&mut script, "cd", &self.working_directory);
        if self.arguments.is_empty() {
            script.push(r#"exec bash -c "$@""#);
        } else {
            script.push(format!(r#"exec bash -c '{}' "${{@:1}}""#, expanded_words(self.arguments.len())));
        }
        script
    }
}

fn line(script: &mut OsString, command: &str, path: &Path) {
    for part in [OsStr::new(command), OsStr::new(" \""), path.as_os_str(), OsStr::new("\"\n")] {
        script.push(part);
    }
}

/// `$0` and as many positional parameters, each expanded once and then a word of its own.
fn expanded_words(parameters: usize) -> String {
    let mut words = String::from(r#""$(eval echo \"$0\")""#);
    for index in 1..=parameters {
        write!(words, r#" "$(eval echo \"${{{index}}}\")""#).expect("strings take all that is written");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(arguments: &[&str]) -> ShellCommand {
        ShellCommand {
            caller: "/cnb/process/web".into(),
            profiles: vec!["/layers/a/l/profile.d/x".into(), ".profile".into()],
            working_directory: "/workspace".into(),
            command: "run".into(),
            arguments: arguments.iter().map(OsString::from).collect(),
        }
    }

    #[test]
    fn a_command_without_arguments_is_a_script() {
        let expected = "source \"/layers/a/l/profile.d/x\"\nsource \".profile\"\ncd \"/workspace\"\n\
                        exec bash -c \"$@\"";
        assert_eq!(command(&[]).script(), expected);
    }

    #[test]
    fn arguments_are_expanded_once() {
        let script = command(&["$A", "b"]).script().into_string().expect("ASCII");
        let expected = concat!(
            r#"exec bash -c '"$(eval echo \"$0\")" "$(eval echo \"${1}\")" "$(eval echo \"${2}\")"'"#,
            r#" "${@:1}""#
        );
        assert_eq!(script.lines().last(), Some(expected));
    }
}
