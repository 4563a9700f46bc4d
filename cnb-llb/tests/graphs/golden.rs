//! Cases that both sides have by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use cnb_llb::Capability;
use cnb_llb::Definition;
use cnb_llb::State;
use cnb_llb::dump;
use cnb_llb::ops;
use serde_json::Value;

use crate::cases;

/// Where Go's client says less than it should, or more: what we say of which case in addition, and what not.
///
/// It collects the capabilities of file operations before it has a list of their actions, and so finds none;
/// of others it does not think; and it asks for secrets as files where there are only variables.
const CORRECTIONS: &[(&str, &[Capability], &[Capability])] = &[
    ("git-subdir", &[Capability::SOURCE_GIT_SUBDIR], &[]),
    ("git-reference-subdir", &[Capability::SOURCE_GIT_SUBDIR], &[]),
    ("exec-cgroup-parent", &[Capability::EXEC_META_CGROUP_PARENT], &[]),
    ("exec-secret-variable", &[], &[Capability::EXEC_MOUNT_SECRET]),
    ("mount-no-output", &[Capability::EXEC_MOUNT_BIND_READ_WRITE_NO_OUTPUT], &[]),
    ("rm-wildcards", &[Capability::FILE_RM_WILDCARD], &[]),
    ("symlink", &[Capability::FILE_SYMLINK_CREATE], &[]),
    ("symlink-owner", &[Capability::FILE_SYMLINK_CREATE], &[]),
    ("symlink-created", &[Capability::FILE_SYMLINK_CREATE], &[]),
    ("file-several", &[Capability::FILE_SYMLINK_CREATE], &[]),
    ("copy-symbolic-mode", &[Capability::FILE_COPY_MODE_STRING], &[]),
    ("copy-include", &[Capability::FILE_COPY_INCLUDE_EXCLUDE_PATTERNS], &[]),
    ("copy-exclude", &[Capability::FILE_COPY_INCLUDE_EXCLUDE_PATTERNS], &[]),
    (
        "copy-required-paths",
        &[Capability::FILE_COPY_INCLUDE_EXCLUDE_PATTERNS, Capability::FILE_COPY_REQUIRED_PATHS],
        &[],
    ),
    ("copy-replace-existing", &[Capability::FILE_COPY_ALWAYS_REPLACE], &[]),
    // Its recorder wrote the attributes without the client's help.
    ("git-signature", &GIT_SIGNATURE, &[]),
];

const GIT_SIGNATURE: [Capability; 3] =
    [Capability::SOURCE_GIT, Capability::SOURCE_GIT_FULL_URL, Capability::SOURCE_GIT_SIGNATURE_VERIFY];

/// What was recorded of a case.
pub(crate) struct Recorded {
    /// The digest of the operation that it points to; empty for no files.
    pub(crate) head: String,
    /// The `pb.Definition`.
    pub(crate) definition: Vec<u8>,
    /// The digest of what `buildctl debug dump-llb` prints.
    pub(crate) json: String,
}

/// What was recorded, by case.
pub(crate) fn recorded() -> BTreeMap<String, Recorded> {
    let file: Value = serde_json::from_str(include_str!("../golden/graphs.json")).unwrap();
    let graphs = file["graphs"].as_array().unwrap().iter().map(|graph| {
        let text = |key: &str| graph[key].as_str().unwrap().to_owned();
        let definition = from_hex(&text("definition"));
        (text("name"), Recorded { head: text("head"), definition, json: text("json") })
    });
    graphs.collect()
}

fn from_hex(digits: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

#[test]
fn both_sides_have_the_same_cases() {
    let ours: Vec<&str> = cases::all().into_iter().map(|(name, _)| name).collect();
    let mut sorted = ours.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), ours.len(), "a name is given twice");
    assert_eq!(sorted, recorded().keys().collect::<Vec<_>>());
}

#[test]
fn digests_are_those_of_the_go_client() {
    let recorded = recorded();
    for (name, state) in cases::all() {
        let digest = state.digest().map(|digest| digest.to_string()).unwrap_or_default();
        let theirs = Definition::from_bytes(&recorded[name].definition).unwrap();
        assert_eq!(digest, recorded[name].head, "{name}\n{}\n{}", dump::text(&theirs), shown(&state));
    }
}

#[test]
fn definitions_are_those_of_the_go_client() {
    let recorded = recorded();
    for (name, state) in cases::all() {
        let theirs = Definition::from_bytes(&recorded[name].definition).unwrap();
        let ours = as_the_go_client_says(name, state.definition().message().clone());
        assert!(&ours == theirs.message(), "{name}\n{}\n{}", dump::text(&theirs), shown(&state));
    }
}

#[test]
fn corrections_are_of_cases() {
    let recorded = recorded();
    for (name, ..) in CORRECTIONS {
        assert!(recorded.contains_key(*name), "{name}");
    }
}

fn shown(state: &State) -> String {
    dump::text(&state.definition())
}

/// The definition with the capabilities that Go's client gives its operations.
fn as_the_go_client_says(name: &str, mut ours: ops::Definition) -> ops::Definition {
    let corrections = CORRECTIONS.iter().filter(|(case, ..)| *case == name);
    for (_, more, fewer) in corrections {
        for capability in *more {
            let metadata = ours.metadata.values_mut().map(Arc::make_mut);
            let said = metadata.map(|metadata| usize::from(metadata.caps.remove(capability))).sum::<usize>();
            assert_eq!(said, 1, "{name}: {capability}");
        }
        for capability in *fewer {
            let execs = ours.metadata.values_mut().map(Arc::make_mut);
            let execs = execs.filter(|metadata| metadata.caps.contains(&Capability::EXEC_META_BASE));
            execs.for_each(|metadata| assert!(metadata.caps.insert(capability.clone())));
        }
    }
    ours
}
