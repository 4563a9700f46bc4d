//! `cargo xtask fuzz`: looks for bytes that break what reads them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::Result;
use crate::command::capture;
use crate::command::command;
use crate::workspace;

/// The version of cargo-fuzz that this is written for.
const CARGO_FUZZ: &str = "0.13.2";
const MINUTES: u64 = 10;

/// Longest inputs, in bytes: a few entries of a tar, many lines of text.
const MAX_LENGTH: u64 = 4096;
/// Longest time that one input may take, in seconds: a hang is a finding.
const TIMEOUT: u64 = 10;
/// Most memory of a fuzzer: a bomb is a finding.
const MEGABYTES: u64 = 2048;

/// Files in memory, where there are such: layers are applied thousands of times a second.
const MEMORY: &str = "/dev/shm";

/// Runs the named targets, or all, one after another.
///
/// # Errors
/// When something was found or could not be run.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let (targets, minutes) = parse(arguments)?;
    need_tools()?;
    let mut findings = Vec::new();
    for target in targets {
        println!("\n=== {target}: {minutes} min");
        findings.extend(fuzz(&target, minutes)?);
    }
    if findings.is_empty() {
        println!("\nnothing was found");
        return Ok(());
    }
    let findings: Vec<String> = findings.iter().map(|path| format!("  {}", path.display())).collect();
    Err(format!(
        "\nfound:\n{}\nCopy each to fuzz/corpus/TARGET/ under a name that says what it is, repeat it with \
         `cargo xtask test corpus`, mend the code, and leave the case there.",
        findings.join("\n")
    )
    .into())
}

fn parse(arguments: &[&str]) -> Result<(Vec<String>, u64)> {
    let known = known_targets()?;
    let (mut targets, mut minutes) = (Vec::new(), MINUTES);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if *word == "--minutes" {
            let number = words.next().and_then(|number| number.parse().ok());
            minutes = number.filter(|minutes| *minutes > 0).ok_or("--minutes needs a number above 0")?;
        } else if known.contains(*word) {
            targets.push((*word).to_owned());
        } else {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            return Err(format!("no target is called `{word}`; there are {}", known.join(", ")).into());
        }
    }
    Ok((if targets.is_empty() { known.into_iter().collect() } else { targets }, minutes))
}

fn known_targets() -> Result<BTreeSet<String>> {
    let names = fs::read_dir(directory().join("corpus"))?;
    names.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

fn need_tools() -> Result<()> {
    if !succeeds(nightly(["rustc", "--version"]))? {
        return Err(
            "fuzzers need a nightly toolchain: rustup toolchain install nightly --profile minimal".into()
        );
    }
    if !succeeds(nightly(["cargo", "fuzz", "--version"]))? {
        return Err(format!(
            "cargo-fuzz is missing: cargo install cargo-fuzz --version {CARGO_FUZZ} --locked"
        )
        .into());
    }
    Ok(())
}

fn succeeds(mut command: Command) -> Result<bool> {
    Ok(capture(&mut command)?.status.success())
}

/// Runs one fuzzer; returns what it found. It starts with the corpus and what was found before.
fn fuzz(target: &str, minutes: u64) -> Result<Vec<PathBuf>> {
    let work = workspace::target().join("fuzz");
    let (grown, found) = (work.join("corpus").join(target), work.join("found").join(target));
    fs::create_dir_all(&grown)?;
    fs::create_dir_all(&found)?;
    let mut fuzz = nightly(["cargo", "fuzz", "run", "--fuzz-dir", "fuzz", "--features", "libfuzzer"]);
    // Our code is safe Rust, which sanitizers slow down for nothing; overflows are checked anyway.
    fuzz.args(["--sanitizer", "none", target]);
    // What is new goes into the first directory.
    fuzz.arg(&grown).arg(directory().join("corpus").join(target)).arg(&found).arg("--");
    fuzz.arg(format!("-max_total_time={}", minutes * 60));
    fuzz.arg(format!("-max_len={MAX_LENGTH}")).arg(format!("-timeout={TIMEOUT}"));
    fuzz.arg(format!("-rss_limit_mb={MEGABYTES}")).arg("-print_final_stats=1");
    fuzz.arg(format!("-dict={}", directory().join("dictionaries").join(format!("{target}.dict")).display()));
    fuzz.arg(format!("-artifact_prefix={}/", found.display()));
    fuzz.env("CARGO_TARGET_DIR", &work);
    if Path::new(MEMORY).is_dir() {
        fuzz.env("TMPDIR", MEMORY);
    }
    if fuzz.status()?.success() {
        return Ok(Vec::new());
    }
    let findings: Vec<PathBuf> =
        fs::read_dir(&found)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    if findings.is_empty() {
        Err(format!("{target} could not be run, see above").into())
    } else {
        Ok(findings)
    }
}

/// A program of the nightly toolchain.
fn nightly<const N: usize>(words: [&str; N]) -> Command {
    let mut rustup = command("rustup");
    rustup.args(["run", "nightly"]).args(words);
    rustup
}

fn directory() -> PathBuf {
    workspace::root().join("fuzz")
}
