//! Which phase the program is started as.

use super::Stop;
use super::failure::Failure;
use super::failure::code;

/// A phase.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    Analyze,
    Detect,
    Restore,
    Extend,
    Build,
    Export,
    Create,
    Rebase,
    DetectFinish,
    CacheFill,
    CacheRecall,
    CacheComplete,
    CacheSave,
}

/// Each phase with its name as a program and as a first argument.
pub(super) const NAMES: [(Phase, &str, &str); 13] = [
    (Phase::Analyze, "analyzer", "analyze"),
    (Phase::Detect, "detector", "detect"),
    (Phase::Restore, "restorer", "restore"),
    (Phase::Extend, "extender", "extend"),
    (Phase::Build, "builder", "build"),
    (Phase::Export, "exporter", "export"),
    (Phase::Create, "creator", "create"),
    (Phase::Rebase, "rebaser", "rebase"),
    (Phase::DetectFinish, "detect-finisher", "detect-finish"),
    (Phase::CacheFill, "cache-filler", "cache-fill"),
    (Phase::CacheRecall, "cache-recaller", "cache-recall"),
    (Phase::CacheComplete, "cache-completer", "cache-complete"),
    (Phase::CacheSave, "cache-saver", "cache-save"),
];

/// The phase if there is one of that name, the name by which it is called, and the arguments after it.
pub(super) fn select(arguments: &[String]) -> Result<(Option<Phase>, &str, &[String]), Stop> {
    let (program, rest) = arguments.split_first().map_or(("", arguments), |(first, rest)| (first, rest));
    let stem = file_name(program).rsplit_once('.').map_or(file_name(program), |(stem, _)| stem);
    if let Some((phase, name, _)) = NAMES.iter().find(|(_, name, _)| *name == stem) {
        return Ok((Some(*phase), name, rest));
    }
    let Some((first, rest)) = rest.split_first() else {
        return Err(Failure::message("parse arguments").with_code(code::INVALID_ARGUMENTS).into());
    };
    if first == "-version" {
        return Err(Stop::Version);
    }
    let name = file_name(first);
    let phase = NAMES.iter().find(|(_, _, argument)| *argument == name).map(|(phase, _, _)| *phase);
    Ok((phase, name, rest))
}

fn file_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phase_is_the_name_of_the_program_or_the_first_argument() {
        let table: [(&[&str], Option<Phase>, &[&str]); 6] = [
            (&["/cnb/lifecycle/detector", "-x"], Some(Phase::Detect), &["-x"]),
            (&["exporter.exe"], Some(Phase::Export), &[]),
            (&["lifecycle", "create", "image"], Some(Phase::Create), &["image"]),
            (&["lifecycle", "detector"], None, &[]),
            (&["lifecycle", "frobnicate", "x"], None, &["x"]),
            (&["rebaser", "detect"], Some(Phase::Rebase), &["detect"]),
        ];
        for (arguments, expected, expected_rest) in table {
            let arguments: Vec<String> = arguments.iter().map(|&a| a.to_owned()).collect();
            let Ok((phase, _, rest)) = select(&arguments) else { panic!("{arguments:?}") };
            assert_eq!(
                (phase, rest),
                (expected, expected_rest.iter().map(|&a| a.to_owned()).collect::<Vec<_>>().as_slice())
            );
        }
        assert!(matches!(select(&["lifecycle".to_owned()]), Err(Stop::Failed(f)) if f.code == 3));
        assert!(matches!(select(&["lifecycle".to_owned(), "-version".to_owned()]), Err(Stop::Version)));
    }
}
