//! The usage text of Go's package `flag`.

use std::fmt::Write as _;

use cnb_core::api::PlatformApi;

use super::flags::FLAGS;
use super::flags::Flag;
use super::inputs::Inputs;
use super::name::Phase;

/// Every flag of the phase, by name, with its value where that is not the zero value.
pub(super) fn text(phase: Phase, api: PlatformApi, inputs: &Inputs) -> String {
    let mut flags: Vec<&Flag> = FLAGS.iter().filter(|flag| flag.is_taken_by(phase, api)).collect();
    flags.sort_by_key(|flag| flag.name);
    let version = flags.partition_point(|flag| flag.name < "version");
    let mut text = "Usage of lifecycle:\n".to_owned();
    for flag in &flags[..version] {
        describe(&mut text, flag, inputs);
    }
    text.push_str("  -version\n    \tshow version\n");
    for flag in &flags[version..] {
        describe(&mut text, flag, inputs);
    }
    text
}

fn describe(text: &mut String, flag: &Flag, inputs: &Inputs) {
    let value_name = flag.value_name();
    let space = if value_name.is_empty() { "" } else { " " };
    let default = flag.shown_default(inputs);
    writeln!(text, "  -{}{space}{value_name}\n    \t{}{default}", flag.name, flag.help)
        .expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use cnb_core::environment::Environment;

    use super::*;

    #[test]
    fn usage_looks_like_go() {
        let environment = Environment::from_iter([("CNB_USER_ID", "1001"), ("CNB_USE_DAEMON", "1")]);
        let text = text(Phase::Rebase, PlatformApi::v0(11), &Inputs::from_environment(&environment));
        let expected = "Usage of lifecycle:
  -daemon
    \texport to docker daemon (default true)
  -gid int
    \tGID of user's group in the stack's build and run images
  -image string
    \t[deprecated] reference to run image
  -log-level string
    \tlogging level (default \"info\")
  -no-color
    \tdisable color output
  -previous-image string
    \treference to previous image
  -report string
    \tpath to report.toml (default \"<layers>/report.toml\")
  -run-image string
    \treference to run image
  -uid int
    \tUID of user in the stack's build and run images (default 1001)
  -version
    \tshow version
";
        assert_eq!(text, expected);
    }
}
