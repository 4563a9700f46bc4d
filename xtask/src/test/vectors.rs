//! The programs against results recorded from the Go lifecycle.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;

use crate::Result;
use crate::command::capture;
use crate::command::command;
use crate::debian;
use crate::programs;
use crate::workspace;

/// Cases that are known not to pass, one a line.
const NOT_YET: &str = "conformance/not-yet.txt";

pub(super) fn run() -> Result<()> {
    if !debian::is_root() {
        return Err("the vectors need root: they make root file systems with devices".into());
    }
    debian::ensure(&["python3", "busybox-static", "bash-static"])?;
    programs::dist()?;
    let mut runner = command("conformance/run-vectors");
    runner.arg("--lifecycle").arg(programs::directory().join("lifecycle"));
    runner.arg("--launcher").arg(programs::directory().join("launcher"));
    let output = capture(&mut runner)?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    let not_yet = fs::read_to_string(workspace::root().join(NOT_YET))
        .map_err(|error| format!("cannot read {NOT_YET}: {error}"))?;
    println!("{}", stdout.lines().last().unwrap_or_default());
    let verdict = judge(&stdout, &not_yet);
    if verdict.is_err() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    verdict.map_err(Into::into)
}

/// Compares what passed with what is expected to.
fn judge(stdout: &str, not_yet: &str) -> std::result::Result<(), String> {
    let listed: BTreeSet<&str> = not_yet.lines().map(str::trim).filter(|line| is_case(line)).collect();
    let passed: BTreeSet<&str> = stdout.lines().filter_map(|line| line.strip_prefix("ok ")).collect();
    let failed: BTreeMap<&str, &str> =
        stdout.lines().filter_map(|line| line.strip_prefix("FAIL ")?.split_once(": ")).collect();
    let unlisted = failed.iter().filter(|(case, _)| !listed.contains(*case));
    let mut wrong: Vec<String> = unlisted.map(|(case, why)| format!("  {case} fails: {why}")).collect();
    for case in listed {
        if passed.contains(case) {
            wrong.push(format!("  {case} passes: take it out of {NOT_YET}"));
        } else if !failed.contains_key(case) {
            wrong.push(format!("  {case} was not run: take it out of {NOT_YET}"));
        }
    }
    if passed.is_empty() && failed.is_empty() {
        wrong.push("  no case was run".to_owned());
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("not as expected:\n{}", wrong.join("\n"))) }
}

fn is_case(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn a_listed_case_must_fail_and_an_unlisted_one_must_pass() {
        let output = "ok a\nFAIL b: step 0: exit 1, not 0\n1 passed, 1 failed";
        assert_eq!(judge(output, "# known\nb\n"), Ok(()));
        for (not_yet, complaint) in [
            ("", "  b fails: step 0: exit 1, not 0"),
            ("a\nb", "  a passes: take it out of conformance/not-yet.txt"),
            ("b\nc", "  c was not run: take it out of conformance/not-yet.txt"),
        ] {
            assert_eq!(judge(output, not_yet), Err(format!("not as expected:\n{complaint}")), "{not_yet}");
        }
        assert!(judge("", "").is_err());
    }
}
