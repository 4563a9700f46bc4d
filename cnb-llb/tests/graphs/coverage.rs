//! That everything which LLB can say occurs in a case.
//!
//! The list is BuildKit's own: all fields and values of `ops.proto`, all attributes of sources in `attr.go`.

use serde_json::Map;
use serde_json::Value;

use crate::golden::recorded;

/// What no client says.
const UNUSED: &[(&str, &str)] = &[
    ("BuildInput.input", "a build has one input, number 0, which is not written"),
    ("BuildOp.def", "no version of BuildKit reads it"),
    ("LowerDiffInput.input", "it is number 0, which is not written; without a lower tree there is no diff"),
    ("Mount.resultID", "of containers of the gateway, not of graphs"),
];

fn coverage() -> Map<String, Value> {
    let file: Value = serde_json::from_str(include_str!("../golden/coverage.json")).unwrap();
    file["coverage"].as_object().unwrap().clone()
}

#[test]
fn everything_that_can_be_said_is_in_a_case() {
    let recorded = recorded();
    for (what, cases) in coverage() {
        let is_unused = UNUSED.iter().any(|(unused, _)| *unused == what);
        let cases = cases.as_array().unwrap();
        assert_eq!(cases.is_empty(), is_unused, "{what}: {cases:?}");
        for case in cases {
            assert!(recorded.contains_key(case.as_str().unwrap()), "{what}: {case}");
        }
    }
}

#[test]
fn the_list_is_long() {
    let coverage = coverage();
    for what in
        ["FileActionCopy.required_paths", "Mount.mountType=TMPFS", "attr git.bundle", "scheme local://"]
    {
        assert!(coverage.contains_key(what), "{what}");
    }
    assert!(coverage.len() > 200, "{}", coverage.len());
}

#[test]
fn both_files_are_of_one_buildkit() {
    let buildkit = |text| serde_json::from_str::<Value>(text).unwrap()["buildkit"].clone();
    let coverage = buildkit(include_str!("../golden/coverage.json"));
    assert_eq!(coverage, buildkit(include_str!("../golden/graphs.json")));
    let module = include_str!("../go/go.mod");
    assert!(module.contains(&format!("github.com/moby/buildkit {}", coverage.as_str().unwrap())));
}
