//! The programs against results recorded from the Go lifecycle.

use crate::Result;
use crate::command::capture;
use crate::command::command;
use crate::debian;
use crate::programs;

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
    println!("{}", stdout.lines().last().unwrap_or_default());
    let verdict = judge(&stdout);
    if verdict.is_err() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    verdict.map_err(Into::into)
}

/// All cases have to pass, and there has to be one.
fn judge(stdout: &str) -> std::result::Result<(), String> {
    let failed: Vec<&str> = stdout.lines().filter(|line| line.starts_with("FAIL ")).collect();
    if !failed.is_empty() {
        return Err(format!("not as recorded:\n{}", failed.join("\n")));
    }
    let passed = stdout.lines().any(|line| line.starts_with("ok "));
    if passed { Ok(()) } else { Err("no case was run".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn every_case_must_pass_and_one_must_be_run() {
        assert_eq!(judge("ok a\nok b\n2 passed, 0 failed"), Ok(()));
        let failed = judge("ok a\nFAIL b: step 0: exit 1, not 0\n1 passed, 1 failed");
        assert_eq!(failed, Err("not as recorded:\nFAIL b: step 0: exit 1, not 0".to_owned()));
        assert!(judge("").is_err());
    }
}
