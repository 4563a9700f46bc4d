//! What becomes of results.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::task::Context;
use std::task::Poll;

use cnb_llb::CacheEntry;
use cnb_llb::client::Export;
use cnb_llb::client::SolveRequest;
use tokio::io::AsyncWrite;

use crate::engine::id;
use crate::engine::on_each;
use crate::engine::session;
use crate::engine::solve;
use crate::graph::Graph;

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn several_exports_of_one_solve() {
    on_each(async |client| {
        let files = tempfile::tempdir().expect("there is a directory");
        let large = vec![7; 9 << 20];
        std::fs::create_dir(files.path().join("d")).expect("it is new");
        std::fs::write(files.path().join("d/large"), &large).expect("it is new");
        std::fs::hard_link(files.path().join("d/large"), files.path().join("same")).expect("it is new");
        std::os::unix::fs::symlink("d/large", files.path().join("link")).expect("it is new");
        let out = tempfile::tempdir().expect("there is a directory");
        let tar = Written::default();
        let request = SolveRequest::new(id())
            .with_definition(Graph::local("files", &[]))
            .with_export(Export::new("tar").to_writer(tar.clone()))
            .with_export(Export::new("local").to_directory(out.path().join("new")));
        let (answer, _) = solve(&client, request, session().with_directory("files", files.path())).await;
        answer.expect("it works");
        assert!(tar.whole().len() > large.len(), "{} bytes", tar.whole().len());
        let at = |name: &str| out.path().join("new").join(name);
        assert!(std::fs::read(at("link")).expect("it is there") == large);
        assert_eq!(std::fs::metadata(at("same")).expect("it is there").nlink(), 2);
    });
}

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn images_become_layouts() {
    on_each(async |client| {
        let oci = Written::default();
        let request = SolveRequest::new(id())
            .with_definition(Graph::root())
            .with_export(Export::new("oci").with_attribute("name", "a").to_writer(oci.clone()))
            .with_cache_export(CacheEntry::new("inline"));
        let (answer, _) = solve(&client, request, session()).await;
        let answer = answer.expect("it works");
        assert!(answer.exporters["containerimage.digest"].starts_with("sha256:"), "{answer:?}");
        assert!(oci.whole().len() > 1024, "{} bytes", oci.whole().len());
    });
}

/// More files than there is room for questions about them on the way.
#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn many_files_go_and_come_back() {
    on_each(async |client| {
        let files = tempfile::tempdir().expect("there is a directory");
        for number in 0..8_000 {
            std::fs::write(files.path().join(format!("{number}")), format!("{number}")).expect("it is new");
        }
        let out = tempfile::tempdir().expect("there is a directory");
        let request = SolveRequest::new(id())
            .with_definition(Graph::local("files", &[]))
            .with_export(Export::new("local").to_directory(out.path()));
        let (answer, _) = solve(&client, request, session().with_directory("files", files.path())).await;
        answer.expect("it works");
        for number in 0..8_000 {
            let content = std::fs::read(out.path().join(format!("{number}"))).expect("it came back");
            assert_eq!(content, format!("{number}").as_bytes());
        }
    });
}

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn an_output_that_fails_ends_the_solve() {
    on_each(async |client| {
        let export = Export::new("tar").to_writer(Full);
        let request = SolveRequest::new(id()).with_definition(Graph::root()).with_export(export);
        let (answer, _) = solve(&client, request, session()).await;
        let error = answer.expect_err("nothing can be written").to_string();
        assert!(error.contains("full"), "{error}");
    });
}

/// Keeps what is written.
#[derive(Clone, Default)]
pub(crate) struct Written(Arc<Mutex<(Vec<u8>, bool)>>);

impl Written {
    /// All of it.
    pub(crate) fn whole(&self) -> Vec<u8> {
        let written = self.0.lock().expect("nothing panics with it");
        assert!(written.1, "it was not shut down");
        written.0.clone()
    }
}

impl AsyncWrite for Written {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().expect("nothing panics with it").0.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().expect("nothing panics with it").1 = true;
        Poll::Ready(Ok(()))
    }
}

/// Takes nothing.
struct Full;

impl AsyncWrite for Full {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::Error::other("the disk is full")))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
