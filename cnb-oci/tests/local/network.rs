//! What steps reach by name.

use std::net::TcpListener;

use cnb_core::backend::Backend as _;
use cnb_core::backend::Network;
use cnb_core::event::NoEvents;
use futures_lite::future::block_on;

use crate::mode::Inside;
use crate::mode::probe;

/// The root file system has the static probe and nothing else: no libraries, no files of a resolver.
pub(crate) fn a_static_program_finds_a_host_by_its_name(inside: &Inside) {
    let backend = inside.backend();
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = format!("localhost:{}", listener.local_addr().expect("it is bound").port());
    let step = probe(inside, &backend, &["connect", &address]);
    let ran = block_on(backend.run(step.clone().with_network(Network::Host), &NoEvents)).expect("it runs");
    assert_eq!(ran.exit_code, 0, "with the network of the machine");
    let ran = block_on(backend.run(step, &NoEvents)).expect("it runs");
    assert_ne!(ran.exit_code, 0, "without a network");
}
