//! Digests recorded from BuildKit's Go client, for linux/amd64, and the shape of definitions.

use super::*;

fn alpine() -> State {
    Image::new("docker.io/library/alpine:latest", Platform::new("linux", "amd64")).state()
}

fn file() -> State {
    State::scratch().make_file(&MakeFile::new("/a", 0o644, "x"))
}

#[test]
fn digests_are_those_of_the_go_client() {
    let local = Local::new("context").with_shared_key_hint("h").with_session_id("s").state();
    let recorded = [
        (alpine(), "sha256:a7f9733e307dd352c82d43053b783dd17bb2ec2c36214908ce393e41545c8b51"),
        (file(), "sha256:2ceaba8e5ffb5e926fbea3aab09b60349400c88319194549e18e556ae3b3e612"),
        (
            merge([&alpine(), &file()]),
            "sha256:d3ee8e42e4d292ac4e2bd02648cb401b81592355d0aa3a0456a2440f277fde13",
        ),
        (local, "sha256:27094861858aea4e5bb23e8ba8da910b684cdd2e45bc7c4359e54256c6d263f3"),
    ];
    for (state, expected) in recorded {
        assert_eq!(state.digest(), Some(expected));
    }
}

#[test]
fn a_merge_of_fewer_than_two_trees_is_none() {
    let scratch = State::scratch();
    assert_eq!(merge([&scratch, &file(), &scratch]).digest(), file().digest());
    assert_eq!(merge([&scratch, &scratch]).digest(), None);
    assert_eq!(scratch.definition().to_bytes(), b"");
}

#[test]
fn a_definition_has_each_vertex_once_after_its_inputs_and_points_to_the_head() {
    let base = alpine();
    let (left, right) =
        (base.make_file(&MakeFile::new("/l", 0o600, "")), base.make_file(&MakeFile::new("/r", 0o600, "")));
    let head = merge([&left, &right, &left]);
    let definition = head.definition();
    let digests: Vec<String> = definition.operations().iter().map(|op| op::digest(op)).collect();
    let expected: Vec<&str> =
        [&base, &left, &right, &head].iter().filter_map(|state| state.digest()).collect();
    assert_eq!(digests[..4], expected);
    let terminal = [b"\x0a\x49\x0a\x47", head.digest().expect("it has a vertex").as_bytes()].concat();
    assert_eq!(definition.operations()[4..], [terminal]);
}

#[test]
fn a_definition_says_what_the_daemon_must_be_able_to_do() {
    let bytes = merge([&alpine(), &file()]).definition().to_bytes();
    for capability in ["source.image", "file.base", "mergeop", "constraints", "platform"] {
        let entry =
            [&[0x0a, u8::try_from(capability.len()).expect("short")], capability.as_bytes(), &[0x10, 1]]
                .concat();
        assert!(bytes.windows(entry.len()).any(|window| window == entry), "{capability}");
    }
}

#[test]
fn deep_graphs_need_no_deep_stack() {
    let file = MakeFile::new("/a", 0o644, "");
    let deep = (0..50_000).fold(State::scratch(), |state, _| state.make_file(&file));
    assert_eq!(deep.definition().operations().len(), 50_001);
}
