//! Graphs that are deeper than a stack.

use std::thread;

use cnb_llb::Copy;
use cnb_llb::Definition;
use cnb_llb::Exec;
use cnb_llb::FileOp;
use cnb_llb::MakeDir;
use cnb_llb::State;
use cnb_llb::dump;

use crate::cases::alpine;

/// Far less than a recursion needs, even of the smaller one of the depths below.
const STACK: usize = 64 * 1024;

fn on_a_small_stack(check: fn()) {
    thread::Builder::new().stack_size(STACK).spawn(check).unwrap().join().unwrap();
}

fn deep(depth: usize) -> State {
    let exec = |number: usize| Exec::new(["echo".to_owned(), number.to_string()]);
    (0..depth).fold(alpine(), |state, number| state.run(exec(number)).root())
}

#[test]
fn marshalling_and_dropping_need_no_deep_stack() {
    on_a_small_stack(|| {
        let state = deep(100_000);
        let definition = state.definition();
        assert_eq!(definition.operations().len(), 100_002);
        assert!(format!("{state:?}").len() < 1000);
        drop(state);
    });
}

#[test]
fn reading_and_showing_need_no_deep_stack() {
    on_a_small_stack(|| {
        let definition = deep(10_000).definition();
        let read = Definition::from_bytes(&definition.to_bytes()).unwrap();
        assert_eq!(read, definition);
        assert_eq!(dump::dot(&read).matches(" -> ").count(), 10_001);
        assert_eq!(read.state().definition(), definition);
    });
}

#[test]
fn preparations_inside_each_other_need_no_deep_stack() {
    on_a_small_stack(|| {
        let first = FileOp::new(MakeDir::new("/a", 0o755)).prepare(&State::scratch());
        let nest = |inner, _| FileOp::new(Copy::new(inner, "/a", "/a")).prepare(&State::scratch());
        let nested = (0..10_000).fold(first, nest);
        assert!(format!("{nested:?}").len() < 1000);
        let state = State::scratch().file(Copy::new(nested, "/a", "/a"));
        let definition = state.definition();
        let vertex = definition.vertices().next().unwrap();
        assert_eq!(vertex.op.file.unwrap().actions.len(), 10_002);
    });
}

#[test]
fn preparations_that_are_used_twice_do_not_multiply() {
    let first = FileOp::new(Copy::new(alpine(), "/a", "/a")).prepare(&State::scratch());
    let twice = |inner, _| {
        let copies = FileOp::new(Copy::new(&inner, "/a", "/b")).then(Copy::new(&inner, "/a", "/c"));
        copies.prepare(&State::scratch())
    };
    let nested = (0..64).fold(first, twice);
    let definition = State::scratch().file(Copy::new(nested, "/b", "/b")).definition();
    assert_eq!(definition.vertices().last().unwrap().op.file.unwrap().actions.len(), 1 + 2 * 64 + 1);
}

#[test]
fn graphs_may_go_to_other_threads() {
    fn may_be_sent_and_shared<T: Send + Sync + Clone + 'static>() {}
    may_be_sent_and_shared::<State>();
    may_be_sent_and_shared::<Exec>();
    may_be_sent_and_shared::<Definition>();
}
