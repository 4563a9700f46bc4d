//! Being the frontend of one's own solve.

use cnb_llb::Warning;
use cnb_llb::client::Event;
use cnb_llb::client::Export;
use cnb_llb::client::SolveRequest;
use cnb_llb::errdefs::BuildError;
use cnb_llb::errdefs::Code;
use cnb_llb::errdefs::Source;
use cnb_llb::gateway::ContainerRequest;
use cnb_llb::gateway::EntryKind;
use cnb_llb::gateway::Gateway;
use cnb_llb::gateway::Output;
use cnb_llb::gateway::Process;
use cnb_llb::gateway::Reference;
use cnb_llb::gateway::Solve;

use crate::engine::id;
use crate::engine::on_each;
use crate::engine::session;
use crate::graph::Graph;

/// The size of a file that does not fit into a message.
const LARGE: usize = 20 << 20;

async fn reference(gateway: &Gateway, graph: Graph) -> Result<Reference, BuildError> {
    let reference = gateway.solve_graph(graph).await?;
    reference.ok_or_else(|| BuildError::new(Code::Internal, "no files"))
}

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn results_can_be_looked_into() {
    on_each(async |client| {
        let frontend = async |gateway: Gateway| {
            assert_eq!(gateway.environment().options["target"], "t");
            assert_eq!(gateway.workers()[0].platforms[0].os, "linux");
            assert!(
                gateway.capabilities().has("gateway.exec") && gateway.graph_capabilities().has("file.base")
            );
            let command = format!(
                "head -c {LARGE} /dev/zero | tr '\\0' x > /tmp/large; echo -n abc > /tmp/small; chmod 4750 /tmp/small"
            );
            let files = reference(&gateway, Graph::root().shell(&command)).await?;
            assert!(files.read_file("/tmp/large").await? == vec![b'x'; LARGE]);
            assert_eq!(files.read_range("/tmp/small", 1, 1).await?, b"b");
            let names: Vec<String> =
                files.read_dir("/tmp").await?.into_iter().map(|entry| entry.path).collect();
            assert_eq!(names, ["large", "small"]);
            assert_eq!(files.read_dir_like("/tmp", "s*").await?.len(), 1);
            let small = files.stat("/tmp/small").await?;
            assert_eq!((small.kind, small.mode, small.size), (EntryKind::File, 0o4750, 3));
            assert!(files.stat("/bin/sh").await?.size > 1000, "links are followed");
            let links = files.read_dir_like("/bin", "sh").await?;
            assert_eq!((links[0].kind, links[0].target.as_str()), (EntryKind::Symlink, "busybox"));
            assert_eq!(files.stat("/bin").await?.kind, EntryKind::Directory);
            let missing = files.read_file("/none").await.expect_err("there is none");
            assert!(missing.to_string().contains("no such file"), "{missing}");
            Ok(Output::new(files).with_config(r#"{"architecture":"amd64","os":"linux"}"#))
        };
        let out = tempfile::tempdir().expect("there is a directory");
        let request = SolveRequest::new(id())
            .with_attribute("target", "t")
            .with_export(Export::new("local").to_directory(out.path()));
        client.build(request, session(), &mut |_| (), frontend).await.expect("it works");
        assert_eq!(std::fs::read(out.path().join("tmp/small")).expect("it is there"), b"abc");
    });
}

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn processes_run_in_results() {
    on_each(async |client| {
        let frontend = async |gateway: Gateway| {
            let root = reference(&gateway, Graph::root()).await?;
            let other = reference(&gateway, Graph::root().shell("echo -n there > /tmp/other")).await?;
            let request = ContainerRequest::new("a", &root).with_mount("/mnt", &other, true);
            let script = "cat /mnt/tmp/other; echo -n $A >&2; exit 5";
            let process =
                Process::new(["/bin/sh", "-c", script]).with_variable("PATH", "/bin").with_variable("A", "b");
            let output = gateway.container(request).await?.output(process).await?;
            assert_eq!((output.code, output.stdout, output.stderr), (5, b"there".to_vec(), b"b".to_vec()));
            let container = gateway.container(ContainerRequest::new("b", &root)).await?;
            let missing = container.output(Process::new(["/bin/none"])).await?;
            let error = String::from_utf8_lossy(&missing.stderr);
            assert!(missing.code != 0 && error.contains("/bin/none"), "{missing:?}");
            Ok(Output::new(None))
        };
        client.build(SolveRequest::new(id()), session(), &mut |_| (), frontend).await.expect("it works");
    });
}

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn processes_run_beside_each_other() {
    on_each(async |client| {
        let frontend = async |gateway: Gateway| {
            let root = reference(&gateway, Graph::root()).await?;
            let container = gateway.container(ContainerRequest::new("c", &root)).await?;
            let (ready, starts) = tokio::sync::oneshot::channel();
            let mut ready = Some(ready);
            let mut first = |_, _: &[u8]| {
                if let Some(ready) = ready.take() {
                    ready.send(()).expect("it is waited for");
                }
            };
            let lasting =
                Process::new(["/bin/sh", "-c", "echo ready; sleep 1000"]).with_variable("PATH", "/bin");
            let lasting = container.run(lasting, tokio::io::empty(), &mut first);
            let beside = async {
                starts.await.expect("it starts");
                let mut written = Vec::new();
                let mut keep = |_, bytes: &[u8]| written.extend_from_slice(bytes);
                let input = vec![b'i'; 100_000];
                let code =
                    container.run(Process::new(["/bin/tr", "i", "o"]), input.as_slice(), &mut keep).await?;
                Ok::<_, BuildError>((code, written))
            };
            tokio::select! {
                ended = lasting => panic!("it ended: {ended:?}"),
                written = beside => assert_eq!(written?, (0, vec![b'o'; 100_000])),
            }
            container.release().await?;
            Ok(Output::new(None))
        };
        client.build(SolveRequest::new(id()), session(), &mut |_| (), frontend).await.expect("it works");
    });
}

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn warnings_and_errors_have_a_place() {
    on_each(async |client| {
        let source = || Source::lines("project.toml", "a\nb\n", 2, 2);
        let frontend = async |gateway: Gateway| {
            let graph = Graph::root();
            let vertex = graph.head();
            let solved = gateway.solve(Solve::graph(graph).evaluated()).await?;
            assert!(solved.reference.is_some() && solved.platforms.is_empty());
            let warning = Warning {
                vertex,
                short: "odd".to_owned(),
                level: 1,
                source: Some(source()),
                ..Warning::default()
            };
            gateway.warn(warning).await?;
            Err(BuildError::new(Code::InvalidArgument, "no good").with_source(source()))
        };
        let mut events = Vec::new();
        let mut keep = |event| events.push(event);
        let error = client
            .build(SolveRequest::new(id()), session(), &mut keep, frontend)
            .await
            .expect_err("it fails");
        assert_eq!((error.to_string().as_str(), error.sources().next()), ("no good", Some(&source())));
        let warned = |event: &Event| matches!(event, Event::Warning(warning) if warning.short == "odd" && warning.source == Some(source()));
        assert!(events.iter().any(warned), "{events:?}");
    });
}

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn a_frontend_that_evaluates_gets_the_error() {
    on_each(async |client| {
        let frontend = async |gateway: Gateway| {
            let fails = |code: u32| Graph::root().shell(&format!("exit {code} # {}", id()));
            let lazy = reference(&gateway, fails(9)).await?;
            let error = lazy.evaluate().await.expect_err("it fails");
            assert_eq!(error.exit_code(), Some(9), "{error:?}");
            // Others with the same inputs have errors of their own.
            let other = reference(&gateway, fails(8)).await?.evaluate().await.expect_err("it fails");
            assert_eq!(other.exit_code(), Some(8), "{other:?}");
            let third = gateway.solve(Solve::graph(fails(7)).evaluated()).await.expect_err("it fails");
            assert_eq!(third.exit_code(), Some(7), "{third:?}");
            Err(error)
        };
        let error = client
            .build(SolveRequest::new(id()), session(), &mut |_| (), frontend)
            .await
            .expect_err("it fails");
        assert!(error.vertex().is_some(), "{error:?}");
    });
}
