//! Solves that nobody waits for any more.

use std::time::Duration;

use cnb_llb::client::Event;
use cnb_llb::client::SolveRequest;
use cnb_llb::pb::control::BuildHistoryEventType;
use cnb_llb::pb::control::BuildHistoryRequest;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::engine::id;
use crate::engine::on_each;
use crate::engine::session;
use crate::graph::Graph;

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn dropping_the_future_ends_the_solve() {
    on_each(async |client| {
        // What the connection itself needs is there after a call.
        client.workers().await.expect("every engine has workers");
        let before = Handle::current().metrics().num_alive_tasks();
        let solve = id();
        let graph = Graph::root().shell(&format!("echo started; sleep 1000 # {}", id()));
        let request = SolveRequest::new(&solve).with_definition(graph);
        let started = Notify::new();
        let mut events = |event| {
            if matches!(event, Event::Log(_)) {
                started.notify_one();
            }
        };
        tokio::select! {
            answer = client.solve(request, session(), &mut events) => panic!("it ended: {answer:?}"),
            () = started.notified() => {}
        }
        let request = BuildHistoryRequest { r#ref: solve.clone(), ..BuildHistoryRequest::default() };
        let mut history =
            client.control().listen_build_history(request).await.expect("there is a history").into_inner();
        let error = loop {
            let event = history.message().await.expect("it goes on").expect("it goes on");
            let complete = event.r#type() == BuildHistoryEventType::Complete;
            if let Some(record) = event.record.filter(|record| complete && record.r#ref == solve) {
                break record.error.expect("it has not ended well");
            }
        };
        assert!(error.message.contains("cancel"), "{}", error.message);
        drop(history);
        // Tasks end when they are next looked at. Should one not, the test does not end either.
        while Handle::current().metrics().num_alive_tasks() > before {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
}
