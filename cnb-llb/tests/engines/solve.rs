//! Solving, what happens meanwhile, and errors.

use cnb_llb::client::Event;
use cnb_llb::client::SolveRequest;
use cnb_llb::client::Stream;
use cnb_llb::errdefs::Code;
use cnb_llb::session::Session;

use crate::engine::id;
use crate::engine::log;
use crate::engine::on_each;
use crate::engine::session;
use crate::engine::solve;
use crate::graph::Graph;

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn an_engine_says_what_it_is() {
    on_each(async |client| {
        let workers = client.workers().await.expect("every engine has workers");
        assert_eq!(workers[0].platforms[0].os, "linux");
        let info = client.info().await.expect("0.13 can say it");
        assert!(
            !info.version.is_empty() || !info.revision.is_empty() || !info.package.is_empty(),
            "{info:?}"
        );
    });
}

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn what_happens_is_told_and_a_second_time_nothing_is_done() {
    on_each(async |client| {
        let unique = id();
        let graph = Graph::root().shell(&format!("echo out-{unique}; echo err >&2"));
        let digest = graph.head();
        let request = || SolveRequest::new(id()).with_definition(graph.clone());
        let (answer, events) = solve(&client, request(), session()).await;
        answer.expect("it works");
        let declared =
            events.iter().filter(|event| matches!(event, Event::Declared(v) if v.digest == digest));
        assert_eq!(declared.count(), 1, "{events:?}");
        assert!(log(&events).contains(&format!("out-{unique}")), "{events:?}");
        let error = |event: &Event| matches!(event, Event::Log(log) if log.stream == Stream::Stderr && log.bytes == b"err\n");
        assert!(events.iter().any(error), "{events:?}");
        let cached = |events: &[Event]| {
            events
                .iter()
                .filter_map(|event| match event {
                    Event::Completed { vertex, cached, .. } if *vertex == digest => Some(*cached),
                    _ => None,
                })
                .next_back()
        };
        assert_eq!(cached(&events), Some(false));
        let (answer, events) = solve(&client, request(), session()).await;
        answer.expect("it works");
        assert_eq!((cached(&events), log(&events).as_str()), (Some(true), ""));
    });
}

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn a_failing_process_is_an_error_with_its_place() {
    on_each(async |client| {
        // The error brings all of the file.
        let text = format!("one\ntwo\nthree\n{}", "# a long line\n".repeat(20_000));
        let graph = Graph::root().shell(&format!("exit 3 # {}", id())).at("project.toml", &text, 2);
        let digest = graph.head();
        let (answer, events) =
            solve(&client, SolveRequest::new(id()).with_definition(graph), session()).await;
        let error = answer.expect_err("it fails");
        assert!(error.to_string().contains("exit code: 3"), "{error}");
        assert_eq!(error.vertex(), Some(digest.as_str()), "{error:?}");
        assert_eq!(error.exit_code(), Some(3), "{error:?}");
        let excerpt = error.sources().next().expect("it has a place").excerpt();
        assert!(excerpt.contains("   2 | >>> two\n"), "{excerpt}");
        let failed = |event: &Event| matches!(event, Event::Completed { vertex, error: Some(_), .. } if *vertex == digest);
        assert!(events.iter().any(failed), "{events:?}");
    });
}

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn what_is_no_graph_is_refused() {
    on_each(async |client| {
        let graph = cnb_llb::pb::ops::Definition { def: vec![vec![0xff]], ..Default::default() };
        let (answer, _) =
            solve(&client, SolveRequest::new(id()).with_definition(graph), Session::new(id())).await;
        assert_ne!(answer.expect_err("it is none").code(), Code::Ok);
    });
}
