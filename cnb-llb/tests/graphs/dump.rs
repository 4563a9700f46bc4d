//! What the views show.

use cnb_llb::Annotate as _;
use cnb_llb::Definition;
use cnb_llb::Digest;
use cnb_llb::Exec;
use cnb_llb::Mount;
use cnb_llb::SourceFile;
use cnb_llb::dump;
use serde_json::Value;
use serde_json::json;

use crate::cases;
use crate::cases::alpine;
use crate::cases::app;
use crate::cases::command;
use crate::golden::recorded;

fn example() -> Definition {
    let file = SourceFile::new("project.toml", "a\nb\n");
    let exec = command().mount(Mount::bind(&app(), "/src")).named("say \"yes\"").at(file.lines(1..=2));
    alpine().run(exec).output("/src").unwrap().definition()
}

#[test]
fn text_has_everything() {
    let expected = "\
0 docker-image://docker.io/library/alpine:latest
  sha256:a7f9733e307dd352c82d43053b783dd17bb2ec2c36214908ce393e41545c8b51
  platform
    Architecture: \"amd64\"
    OS: \"linux\"
  constraints
  source
    identifier: \"docker-image://docker.io/library/alpine:latest\"
  caps: source.image
1 local://app
  sha256:52849c76a11d0a3f877d6a0b47940ef03792332633c3c1b9ec6786e439fa68ed
  constraints
  source
    identifier: \"local://app\"
    attrs
      local.session: \"s\"
  caps: source.local source.local.sessionid
2 true
";
    let text = dump::text(&example());
    assert!(text.starts_with(expected), "{text}");
    let end = "  description\n    llb.customname: \"say \\\"yes\\\"\"\n  caps: exec.meta.base exec.mount.bind\n  at: project.toml:1-2\nhead: 2.1\n";
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn text_has_names_of_choices_and_octal_modes() {
    let all = cases::all();
    let shown = |name: &str| dump::text(&all.iter().find(|(case, _)| *case == name).unwrap().1.definition());
    assert!(shown("mount-cache-locked").contains("      mountType: Cache\n"));
    assert!(shown("mount-cache-locked").contains("        sharing: Locked\n"));
    assert!(shown("exec-secret-file").contains("        mode: 0o400\n"));
    assert!(shown("copy").contains("        mode: -1\n"));
}

#[test]
fn text_has_one_line_for_what_an_operation_does() {
    let text = dump::text(&alpine().run(Exec::shell("true\nfalse")).root().definition());
    assert!(text.contains("\n1 /bin/sh -c true\\nfalse\n  sha256:"), "{text}");
}

#[test]
fn dot_has_names_labels_and_mounts() {
    let definition = example();
    let dot = dump::dot(&definition);
    let digests: Vec<String> = definition.vertices().map(|vertex| vertex.digest.to_string()).collect();
    let lines = [
        format!("  \"{}\" [label=\"local://app\" shape=\"ellipse\"];\n", digests[1]),
        format!("  \"{}\" [label=\"say \\\"yes\\\"\\ntrue\" shape=\"box\"];\n", digests[2]),
        format!("  \"{}\" -> \"{}\" [label=\"\"];\n", digests[0], digests[2]),
        format!("  \"{}\" -> \"{}\" [label=\"/src\"];\n", digests[1], digests[2]),
    ];
    for line in lines {
        assert!(dot.contains(&line), "{line}{dot}");
    }
    assert!(dot.starts_with("digraph {\n") && dot.ends_with("}\n"));
}

/// `buildctl` of this version forgets what a symbolic link is.
#[test]
fn json_is_that_of_buildctl() {
    let recorded = recorded().into_iter().filter(|(name, _)| !name.starts_with("symlink"));
    for (name, recorded) in recorded.filter(|(name, _)| name != "file-several") {
        let json = dump::json(&Definition::from_bytes(&recorded.definition).unwrap());
        assert_eq!(Digest::of(json.as_bytes()).as_str(), recorded.json, "{name}\n{json}");
    }
}

#[test]
fn json_has_the_fields_of_the_protocol() {
    let lines = dump::json(&example());
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (image, exec, last) = (&lines[0], &lines[2], &lines[3]);
    assert_eq!(
        *image,
        json!({
            "Op": {
                "Op": {"source": {"identifier": "docker-image://docker.io/library/alpine:latest"}},
                "platform": {"Architecture": "amd64", "OS": "linux"},
                "constraints": {},
            },
            "Digest": "sha256:a7f9733e307dd352c82d43053b783dd17bb2ec2c36214908ce393e41545c8b51",
            "OpMetadata": {"caps": {"source.image": true}},
        })
    );
    assert_eq!(exec["Op"]["Op"]["exec"]["mounts"][1], json!({"input": 1, "dest": "/src", "output": 1}));
    assert_eq!(last["Op"]["inputs"], json!([{"digest": exec["Digest"], "index": 1}]));
    assert_eq!(last["Op"]["Op"], json!({}));
}

#[test]
fn json_of_actions_says_their_places() {
    let copy = cases::all().into_iter().find(|(name, _)| *name == "mkfile").unwrap().1;
    let lines = dump::json(&copy.definition());
    let line: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(
        line["Op"]["Op"]["file"]["actions"],
        json!([{
            "input": -1,
            "secondaryInput": -1,
            "output": 0,
            "Action": {"mkfile": {"path": "/a", "mode": 0o644, "data": "eA==", "timestamp": -1}},
        }])
    );
}

#[test]
fn all_views_show_all_graphs() {
    for (name, state) in cases::all().into_iter().filter(|(_, state)| !state.is_scratch()) {
        let definition = state.definition();
        assert_eq!(dump::json(&definition).lines().count(), definition.operations().len(), "{name}");
        for vertex in definition.vertices() {
            assert!(!dump::label(&vertex.op).is_empty(), "{name}");
            assert!(dump::text(&definition).contains(vertex.digest.as_str()), "{name}");
            assert!(dump::dot(&definition).contains(vertex.digest.as_str()), "{name}");
        }
    }
}
