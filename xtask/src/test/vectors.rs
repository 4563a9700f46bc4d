//! The programs against results recorded from the Go lifecycle.

use std::fs;

use crate::Result;
use crate::command::capture;
use crate::command::command;
use crate::debian;
use crate::programs;
use crate::workspace;

pub(super) fn run() -> Result<()> {
    if !debian::is_root() {
        return Err("the vectors need root: they make root file systems with devices".into());
    }
    debian::ensure(&["python3", "busybox-static", "bash-static"])?;
    programs::dist()?;
    let mut runner = command(RUNNER);
    runner.arg("--lifecycle").arg(programs::directory().join("lifecycle"));
    runner.arg("--launcher").arg(programs::directory().join("launcher"));
    let output = capture(&mut runner)?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    println!("{}", stdout.lines().last().unwrap_or_default());
    let verdict = judge(&stdout, cases()?);
    if verdict.is_err() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    verdict.map_err(Into::into)
}

const RUNNER: &str = "conformance/run-vectors";

/// How many cases there are: each is a directory beside the runner.
fn cases() -> Result<usize> {
    let beside = workspace::root().join(RUNNER).with_file_name("");
    let is_case = |entry: std::io::Result<fs::DirEntry>| Ok(entry?.file_type()?.is_dir());
    let found = fs::read_dir(beside)?.map(is_case).collect::<Result<Vec<bool>>>()?;
    Ok(found.into_iter().filter(|is_case| *is_case).count())
}

/// All cases have to pass, whatever the runner makes of it: there is no list of those that need not.
fn judge(stdout: &str, cases: usize) -> std::result::Result<(), String> {
    let failed: Vec<&str> = stdout.lines().filter(|line| line.starts_with("FAIL ")).collect();
    if !failed.is_empty() {
        return Err(format!("not as recorded:\n{}", failed.join("\n")));
    }
    let passed = stdout.lines().filter(|line| line.starts_with("ok ")).count();
    if passed == cases && cases > 0 { Ok(()) } else { Err(format!("{passed} of {cases} cases were run")) }
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn every_case_must_be_run_and_pass() {
        assert_eq!(judge("ok a\nok b\n2 passed, 0 failed", 2), Ok(()));
        let failed = judge("ok a\nFAIL b: step 0: exit 1, not 0\n1 passed, 1 failed", 2);
        assert_eq!(failed, Err("not as recorded:\nFAIL b: step 0: exit 1, not 0".to_owned()));
        assert_eq!(judge("ok a\n", 2), Err("1 of 2 cases were run".to_owned()));
        assert!(judge("", 0).is_err());
    }
}
