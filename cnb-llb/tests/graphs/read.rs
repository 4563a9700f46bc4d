//! Reading definitions back.

use cnb_llb::Definition;
use cnb_llb::Digest;
use cnb_llb::MakeDir;
use cnb_llb::Network;
use cnb_llb::ReadError;
use cnb_llb::State;
use cnb_llb::WireError;
use cnb_llb::dump;

use crate::cases;
use crate::golden::recorded;

#[test]
fn what_the_go_client_wrote_is_written_back_as_it_was() {
    for (name, recorded) in recorded() {
        let definition = Definition::from_bytes(&recorded.definition).unwrap();
        assert!(definition.to_bytes() == recorded.definition, "{name}");
    }
}

#[test]
fn a_graph_that_was_read_is_the_same_graph() {
    for (name, state) in cases::all() {
        let definition = state.definition();
        let read = Definition::from_bytes(&definition.to_bytes()).unwrap().state();
        assert_eq!(read, state, "{name}");
        // With several inputs another order is as good; the operations are the same.
        let sorted = |definition: &Definition| {
            let mut digests: Vec<_> = definition.vertices().map(|vertex| vertex.digest).collect();
            digests.sort_unstable();
            digests
        };
        assert_eq!(sorted(&read.definition()), sorted(&definition), "{name}");
        assert_eq!(read.definition().message().metadata, definition.message().metadata, "{name}");
    }
}

#[test]
fn a_graph_that_was_read_can_grow() {
    let base = cases::alpine();
    let read = base.definition().state();
    let dir = || MakeDir::new("/a", 0o755);
    assert_eq!(read.file(dir()), base.file(dir()));
    assert_eq!(read.platform(), Some(&cases::amd64()));
    assert_eq!(State::merge([&read, &base]).definition().vertices().count(), 2);
}

#[test]
fn no_bytes_are_no_files() {
    let empty = Definition::from_bytes(b"").unwrap();
    assert_eq!(empty, State::scratch().definition());
    assert_eq!(empty.head(), None);
    assert!(empty.state().is_scratch());
}

/// A `pb.Definition` of these operations.
fn definition(operations: &[&[u8]]) -> Vec<u8> {
    let field = |operation: &&[u8]| [&[0x0a, u8::try_from(operation.len()).unwrap()], *operation].concat();
    operations.iter().flat_map(field).collect()
}

#[test]
fn malformed_definitions_are_refused() {
    let base = cases::app().definition();
    let operations: Vec<&[u8]> = base.operations().collect();
    let (source, last) = (operations[0], operations[1]);
    let unknown = b"\x0a\x03\x0a\x01x".as_slice();
    // A source map whose only location is in file 1.
    let file_is_missing =
        [definition(&[source, last]), b"\x1a\x0b\x0a\x09\x0a\x01d\x12\x04\x0a\x02\x08\x01".into()].concat();
    let cases = [
        (b"\x0a".to_vec(), ReadError::Definition(WireError::Truncated)),
        (b"\x08\x01".to_vec(), ReadError::Definition(WireError::Type)),
        (definition(&[b"\x0a", last]), ReadError::Operation(0, WireError::Truncated)),
        (definition(&[b"\x1a\x03\x0a\x01\xff", last]), ReadError::Operation(0, WireError::Text)),
        (definition(&[b"", last]), ReadError::Kind(0)),
        (definition(&[b"\x1a\x00\x32\x00", last]), ReadError::Kind(0)),
        (definition(&[source]), ReadError::Head),
        (definition(&[b""]), ReadError::Head),
        (definition(&[source, unknown]), ReadError::Input(1, "x".to_owned())),
        (file_is_missing, ReadError::File(1)),
    ];
    for (bytes, expected) in cases {
        assert_eq!(Definition::from_bytes(&bytes), Err(expected), "{bytes:?}");
    }
}

#[test]
fn definitions_inside_each_other_have_an_end() {
    // Source (3) has infos (2), which have a definition (3).
    let wrap = |inner: Vec<u8>| {
        [3_u8, 2, 3].iter().rev().fold(inner, |inner, field| {
            let mut outer = vec![field << 3 | 2];
            let mut length = inner.len();
            while length >= 0x80 {
                outer.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
                length >>= 7;
            }
            outer.push(u8::try_from(length).unwrap());
            outer.extend(inner);
            outer
        })
    };
    let nested = |depth| (0..depth).fold(Vec::new(), |inner, _| wrap(inner));
    assert!(Definition::from_bytes(&nested(10)).is_ok());
    let error = Definition::from_bytes(&nested(1000)).unwrap_err();
    assert_eq!(error, ReadError::Definition(WireError::TooDeep));
}

#[test]
fn what_a_newer_client_wrote_is_kept() {
    // A command with network 7, security 8 and a field 100.
    let exec = b"\x12\x07\x18\x07\x20\x08\xa0\x06\x01".as_slice();
    let last = [b"\x0a\x49\x0a\x47", Digest::of(exec).as_str().as_bytes()].concat();
    let read = Definition::from_bytes(&definition(&[exec, &last])).unwrap();
    let vertex = read.vertices().next().unwrap();
    assert_eq!(vertex.op.exec.unwrap().network, Network::Other(7));
    assert!(dump::text(&read).contains("    security: Other(8)\n"));
    assert_eq!(read.state().definition().operations().next(), Some(exec));
}

#[test]
fn changed_definitions_are_read_or_refused() {
    let (_, recorded) = recorded().into_iter().find(|(name, _)| name == "source-map-several").unwrap();
    for at in 0..recorded.definition.len() {
        for change in [1, 0x80, 0xff] {
            let mut bytes = recorded.definition.clone();
            bytes[at] ^= change;
            let Ok(definition) = Definition::from_bytes(&bytes) else { continue };
            let state = definition.state();
            assert_eq!(state.definition().head(), definition.head());
            assert!(!dump::text(&definition).is_empty());
        }
    }
}

#[test]
fn every_prefix_of_a_definition_is_read_or_refused() {
    let recorded = recorded().into_iter().map(|(name, recorded)| (name, recorded.definition));
    for (name, bytes) in recorded.filter(|(_, bytes)| bytes.len() < 1000) {
        for length in 0..bytes.len() {
            if let Ok(definition) = Definition::from_bytes(&bytes[..length]) {
                assert!(definition.operations().len() <= 40, "{name}");
                definition.state();
            }
        }
    }
}
