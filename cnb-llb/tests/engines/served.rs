//! What sessions serve: directories, secrets, agents.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use cnb_llb::client::SolveRequest;
use cnb_llb::pb::ops;

use crate::engine::id;
use crate::engine::log;
use crate::engine::on_each;
use crate::engine::session;
use crate::engine::solve;
use crate::graph::Graph;
use crate::graph::agent;
use crate::graph::secret;

/// Runs a command with what is mounted of a directory, and gives what it wrote.
async fn listed(
    client: &cnb_llb::client::Client,
    files: &Path,
    attributes: &[(&str, &str)],
    command: &str,
) -> String {
    let files_graph: ops::Definition = Graph::local("files", attributes).into();
    let graph = Graph::root().beside(&files_graph, "/files", &format!("cd /files; {command} # {}", id()));
    let session = session().with_directory("files", files);
    let (answer, events) = solve(client, SolveRequest::new(id()).with_definition(graph), session).await;
    answer.expect("it works");
    log(&events)
}

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn directories_arrive_as_asked_for() {
    on_each(async |client| {
        let files = tempfile::tempdir().expect("there is a directory");
        for name in ["a/b", "a/ü", "node_modules/x/y", "top"] {
            let path = files.path().join(name);
            std::fs::create_dir_all(path.parent().expect("it is in the root")).expect("it is possible");
            std::fs::write(&path, name).expect("it is new");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("it is ours");
            std::os::unix::fs::chown(&path, Some(1234), Some(5678)).expect("this is root");
        }
        std::os::unix::fs::symlink("a/b", files.path().join("link")).expect("it is new");
        let find = "/bin/busybox find . | /bin/busybox sort | tr '\\n' ' '";
        let many: Vec<String> = (0..2_000).map(|number| format!("\"no/such/file/{number}\"")).collect();
        let many = format!("[{}, \"t*\"]", many.join(", "));
        for (attributes, expected) in [
            (&[][..], ". ./a ./a/b ./a/ü ./link ./node_modules ./node_modules/x ./node_modules/x/y ./top "),
            (&[("local.excludepatterns", r#"["node_modules", "t*"]"#)], ". ./a ./a/b ./a/ü ./link "),
            (
                &[("local.excludepatterns", &many)],
                ". ./a ./a/b ./a/ü ./link ./node_modules ./node_modules/x ./node_modules/x/y ",
            ),
            (&[("local.includepattern", r#"["a/ü"]"#)], ". ./a ./a/ü "),
            (&[("local.followpaths", r#"["link"]"#)], ". ./a ./a/b ./link "),
        ] {
            assert_eq!(listed(&client, files.path(), attributes, find).await, expected, "{attributes:?}");
        }
        let said = listed(&client, files.path(), &[], "stat -c '%a %u %g %s' a/b; cat a/b").await;
        assert_eq!(said, "640 0 0 3\na/b");
    });
}

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn another_directory_is_refused() {
    on_each(async |client| {
        let graph = Graph::local("none", &[]);
        let (answer, _) = solve(&client, SolveRequest::new(id()).with_definition(graph), session()).await;
        let error = answer.expect_err("there is none").to_string();
        // The transfer and its reason end at the same time; BuildKit may have seen the end first.
        assert!(
            error.contains("no access allowed to dir \"none\"") || error == "context canceled",
            "{error}"
        );
        let missing = session().with_directory("none", "/nowhere/at/all");
        let graph = Graph::local("none", &[]);
        let (answer, _) = solve(&client, SolveRequest::new(id()).with_definition(graph), missing).await;
        let error = answer.expect_err("there is none").to_string();
        assert!(error.contains("cannot read /nowhere/at/all"), "{error}");
    });
}

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn secrets_are_files_and_variables() {
    on_each(async |client| {
        let run = |command: &str| {
            let variable = ops::SecretEnv { id: "b".to_owned(), name: "B".to_owned(), optional: false };
            Graph::root().run(&format!("{command} # {}", id()), vec![secret("a", "/run/a")], vec![variable])
        };
        let secrets = BTreeMap::from([("a".to_owned(), b"x\0y".to_vec()), ("b".to_owned(), b"z".to_vec())]);
        let request = SolveRequest::new(id()).with_definition(run("tr '\\0' - < /run/a; echo $B"));
        let (answer, events) = solve(&client, request, session().with_secrets(secrets)).await;
        answer.expect("it works");
        assert_eq!(log(&events), "x-yz\n");
        let (answer, _) =
            solve(&client, SolveRequest::new(id()).with_definition(run("echo")), session()).await;
        let error = answer.expect_err("there are none").to_string();
        assert!(error.contains("not found"), "{error}");
    });
}

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn agents_are_mounted() {
    on_each(async |client| {
        let directory = tempfile::tempdir().expect("there is a directory");
        let socket = directory.path().join("agent.sock");
        let _listener = UnixListener::bind(&socket).expect("it is new");
        let graph = || {
            let command = format!("test -S /agent && echo -n there # {}", id());
            Graph::root().run(&command, vec![agent("a", "/agent")], Vec::new())
        };
        let session_with = session().with_agent("a", &socket);
        let (answer, events) =
            solve(&client, SolveRequest::new(id()).with_definition(graph()), session_with).await;
        answer.expect("it works");
        assert_eq!(log(&events), "there");
        let (answer, _) = solve(&client, SolveRequest::new(id()).with_definition(graph()), session()).await;
        let error = answer.expect_err("there is none").to_string();
        assert!(error.contains("ssh"), "{error}");
    });
}
