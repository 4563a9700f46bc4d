//! The engines, and what every test needs of them.

use std::fs::File;
use std::future::Future;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

use cnb_llb::client::Client;
use cnb_llb::client::Connector;
use cnb_llb::client::Event;
use cnb_llb::client::SolveRequest;
use cnb_llb::client::SolveResponse;
use cnb_llb::errdefs::BuildError;
use cnb_llb::session::Session;
use tempfile::TempDir;

/// Runs a test on each engine, one after the other.
pub(crate) fn on_each<R: Future<Output = ()>>(test: impl Fn(Client) -> R) {
    let runtime = tokio::runtime::Runtime::new().expect("there are threads");
    for address in variable("CNB_TEST_BUILDKIT").split_whitespace() {
        runtime.block_on(async {
            let address = address.parse().expect("CNB_TEST_BUILDKIT holds addresses");
            test(Connector::new(address).connect().await.expect("the engine runs")).await;
        });
    }
}

#[allow(clippy::disallowed_methods, reason = "the test command says what is where")]
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask test engines`"))
}

/// A name that nothing else has.
pub(crate) fn id() -> String {
    let mut bytes = [0; 16];
    let mut source = File::open("/dev/urandom").expect("there is randomness");
    source.read_exact(&mut bytes).expect("there is enough");
    hex(&bytes)
}

/// Bytes as digests are written.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).expect("it is below 16");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A session that serves the root of containers, with a busybox as `/bin/sh` and the like, by the name `root`.
pub(crate) fn session() -> Session {
    Session::new(id()).with_directory("root", root())
}

fn root() -> PathBuf {
    static ROOT: Mutex<Option<Arc<TempDir>>> = Mutex::new(None);
    let mut root = ROOT.lock().expect("nothing panics with it");
    let root = root.get_or_insert_with(|| {
        let root = tempfile::tempdir().expect("there is a directory");
        for directory in ["bin", "etc", "tmp"] {
            std::fs::create_dir(root.path().join(directory)).expect("it is new");
        }
        std::fs::copy(variable("CNB_TEST_BUSYBOX"), root.path().join("bin/busybox"))
            .expect("there is a busybox");
        for name in ["cat", "chmod", "echo", "head", "ls", "printf", "sh", "sleep", "stat", "test", "tr"] {
            std::os::unix::fs::symlink("busybox", root.path().join("bin").join(name)).expect("it is new");
        }
        Arc::new(root)
    });
    root.path().to_owned()
}

/// Solves, and gives what happened.
pub(crate) async fn solve(
    client: &Client,
    request: SolveRequest,
    session: Session,
) -> (Result<SolveResponse, BuildError>, Vec<Event>) {
    let mut events = Vec::new();
    let answer = client.solve(request, session, &mut |event| events.push(event)).await;
    (answer, events)
}

/// What processes wrote.
pub(crate) fn log(events: &[Event]) -> String {
    let logs = events.iter().filter_map(|event| match event {
        Event::Log(log) => Some(String::from_utf8_lossy(&log.bytes)),
        _ => None,
    });
    logs.collect()
}
