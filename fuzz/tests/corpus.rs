//! Replays the corpus: seeds, and everything that a fuzzer found once.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::path::PathBuf;

use cnb_fuzz::Input;
use cnb_fuzz::TARGETS;

#[test]
fn every_case_holds() {
    let failed: Vec<String> = TARGETS
        .iter()
        .flat_map(|(name, target)| {
            let cases = files(&Path::new(CORPUS).join(name));
            assert!(!cases.is_empty(), "the corpus of {name} is missing");
            cases.into_iter().filter_map(|case| {
                let data = fs::read(&case).expect("a case");
                match catch_unwind(|| target(&data)) {
                    Ok(Input::Used) => None,
                    Ok(Input::Ignored) => {
                        Some(format!("{} is not in the form of its target", case.display()))
                    }
                    Err(_) => Some(format!("{} does not hold, see above", case.display())),
                }
            })
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_target_has_a_fuzzer_a_dictionary_and_a_corpus() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for directory in [CORPUS, "dictionaries", "fuzz_targets"] {
        let stem = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
        let found: BTreeSet<String> = entries(directory.as_ref()).into_iter().map(stem).collect();
        assert_eq!(found, targets, "{directory}");
    }
}

/// Tests run in the directory of their package.
const CORPUS: &str = "corpus";

fn files(directory: &Path) -> Vec<PathBuf> {
    entries(directory).into_iter().filter(|path| path.is_file()).collect()
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}
