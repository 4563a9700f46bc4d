//! The example frontend, run by the engines.

use std::path::Path;

use cnb_llb::client::Client;
use cnb_llb::client::Export;
use cnb_llb::client::SolveRequest;
use cnb_llb::client::SolveResponse;
use cnb_llb::errdefs::BuildError;
use cnb_llb::session::Session;

use crate::engine::id;
use crate::engine::on_each;
use crate::engine::variable;

/// Builds what is in a file with the example.
async fn build(client: &Client, text: &str, out: &Path) -> Result<SolveResponse, BuildError> {
    let files = tempfile::tempdir().expect("there is a directory");
    std::fs::write(files.path().join("all.txt"), text).expect("it is new");
    let session =
        Session::new(id()).with_directory("context", files.path()).with_directory("dockerfile", files.path());
    let request = SolveRequest::new(id())
        .with_frontend("gateway.v0")
        .with_attribute("source", variable("CNB_TEST_FRONTEND"))
        .with_attribute("filename", "all.txt")
        .with_export(Export::new("local").to_directory(out));
    client.solve(request, session, &mut |_| ()).await
}

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn the_example_builds() {
    on_each(async |client| {
        let out = tempfile::tempdir().expect("there is a directory");
        build(&client, "# files\n/a one\n/b two words\n", out.path()).await.expect("it works");
        assert_eq!(std::fs::read(out.path().join("a")).expect("it is there"), b"one");
        assert_eq!(std::fs::read(out.path().join("b")).expect("it is there"), b"two words");
    });
}

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn the_example_says_what_is_wrong_where() {
    on_each(async |client| {
        let out = tempfile::tempdir().expect("there is a directory");
        let error = build(&client, "/a one\nnothing\n", out.path()).await.expect_err("it is wrong");
        assert!(error.to_string().contains("`nothing` is not a path and a text"), "{error}");
        let excerpt = error.sources().next().expect("it has a place").excerpt();
        assert!(excerpt.starts_with("all.txt:2\n") && excerpt.contains(">>> nothing"), "{excerpt}");
    });
}
