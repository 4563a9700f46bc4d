//! What definitions say a daemon must be able to do.

use std::collections::BTreeSet;

use cnb_llb::Annotate as _;
use cnb_llb::Capability;
use cnb_llb::Image;
use cnb_llb::Local;
use cnb_llb::ResolveMode;

use crate::cases;
use crate::cases::alpine;
use crate::cases::command;

#[test]
fn every_capability_is_needed_by_a_case() {
    let needed: BTreeSet<Capability> =
        cases::all().into_iter().flat_map(|(_, state)| state.definition().capabilities()).collect();
    assert_eq!(needed, Capability::ALL.iter().cloned().collect());
}

#[test]
fn the_last_operation_says_what_metadata_needs() {
    let annotated = alpine().run(command().named("n").ignore_cache().export_cache(false)).root();
    for (state, expected) in [
        (alpine(), vec!["constraints", "platform"]),
        (
            annotated,
            vec!["constraints", "meta.description", "meta.exportcache", "meta.ignorecache", "platform"],
        ),
    ] {
        let definition = state.definition();
        let last = definition.message().def.last().unwrap();
        let digest = cnb_llb::Digest::of(last).to_string();
        let caps = definition.message().metadata[&digest].caps.iter().map(Capability::as_str);
        assert_eq!(caps.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn what_is_said_last_decides() {
    let image = Image::new("alpine").resolve_mode(ResolveMode::Pull).resolve_mode(ResolveMode::Default);
    assert_eq!(image.state().definition(), Image::new("alpine").state().definition());
    let local = Local::new("app").unique("u").session("s").state();
    assert_eq!(local.definition(), cases::app().definition());
    assert_eq!(Local::new("app").session("s").unique("u").state().definition(), local.definition());
}
