//! What a `BuildKit` and its frontends send: graphs, errors, progress.
//!
//! The first line of an input is the name of the message, the rest its bytes. What was read can be written, and reads as
//! the same.

use std::collections::BTreeSet;

use cnb_llb::Definition;
use cnb_llb::MakeFile;
use cnb_llb::client::Event;
use cnb_llb::dump;
use cnb_llb::errdefs::BuildError;
use cnb_llb::fuzz;
use cnb_llb::pb;
use prost::Message as _;

use crate::Input;
use crate::choice;

/// Reads one message of any kind.
pub fn check(data: &[u8]) -> Input {
    match choice::choose(&MESSAGES, data) {
        Some((check, bytes)) => {
            check(bytes);
            Input::Used
        }
        None => Input::Ignored,
    }
}

type Check = fn(&[u8]);

const MESSAGES: [(&str, Check); 3] = [("definition", definition), ("progress", progress), ("status", status)];

fn definition(bytes: &[u8]) {
    let definition = match Definition::from_bytes(bytes) {
        Ok(definition) => definition,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let again = |definition: &Definition| {
        Definition::from_bytes(&definition.to_bytes()).expect("what was written is read")
    };
    assert_eq!(again(&definition), definition);
    for view in [dump::dot, dump::json, dump::text] {
        let _ = view(&definition);
    }
    let _ = (
        definition.capabilities(),
        definition.vertices().filter_map(|vertex| vertex.name().map(drop)).count(),
    );
    // What generated code reads is the same.
    let message = pb::ops::Definition::from(&definition);
    assert!(definition.operations().eq(message.def.iter().map(Vec::as_slice)));
    // A part of another graph.
    let state = definition.state();
    let part = state.definition();
    assert_eq!(again(&part), part);
    assert_eq!(part.head(), definition.head());
    let more = state.file(MakeFile::new("/fuzz", 0o644, "x")).definition();
    assert_eq!(again(&more), more);
}

fn progress(bytes: &[u8]) {
    // BuildKit repeats itself.
    let mut declared = BTreeSet::new();
    for event in fuzz::progress([bytes, bytes]) {
        match event {
            Event::Declared(vertex) => assert!(declared.insert(vertex.digest), "it is told twice"),
            Event::Started { vertex, .. } | Event::Completed { vertex, .. } => {
                assert!(declared.contains(&vertex), "nobody knows it yet");
            }
            _ => {}
        }
    }
}

fn status(bytes: &[u8]) {
    let Ok(status) = pb::google::rpc::Status::decode(bytes) else { return };
    let error = BuildError::from_status(status);
    let again = BuildError::from_status(error.to_status());
    assert_eq!(
        (again.code(), again.message(), again.details()),
        (error.code(), error.message(), error.details())
    );
    assert!(!format!("{error:?}").is_empty());
    let _ = (error.vertex(), error.exit_code());
    for source in error.sources() {
        let lines = source.info.data.split(|byte| *byte == b'\n').count();
        let excerpt = source.excerpt();
        assert!(excerpt.lines().count() <= lines + source.info.filename.lines().count() + 5, "{excerpt}");
    }
}
