//! Blobs from a registry with faults.

use std::io;
use std::io::Read as _;

use cnb_core::backend::ErrorKind;
use cnb_oci::blob::Blobs;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::registry::Copied;
use cnb_oci::registry::Error;

use crate::client::Client;
use crate::client::TRIES;
use crate::client::descriptor;
use crate::client::many_bytes;
use crate::client::name;
use crate::server::Fault;
use crate::server::Server;

/// Reads a blob of `app`.
fn read(client: &Client, server: &Server, blob: &Descriptor) -> io::Result<Vec<u8>> {
    let mut reader = client.registry.blob(&name(&server.image("app")), blob).expect("it is there");
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map(|_| bytes)
}

type Check = fn(&Error) -> bool;

fn error(error: &io::Error) -> &Error {
    error.get_ref().and_then(|inner| inner.downcast_ref()).expect("an error of the registry")
}

#[test]
fn broken_transfers_go_on_where_they_were() {
    let bytes = many_bytes();
    let ranges = |seen: &[&str]| seen.iter().map(|range| (*range).to_owned()).collect::<Vec<_>>();
    let cases: [(&str, Vec<Fault>, Vec<String>); 5] = [
        ("nothing", vec![], ranges(&[])),
        ("one break", vec![Fault::Short(1000)], ranges(&["bytes=1000-"])),
        ("at the start", vec![Fault::Short(0)], ranges(&[])),
        (
            "two breaks",
            vec![Fault::Short(1_000_000), Fault::Short(500)],
            ranges(&["bytes=1000000-", "bytes=1000500-"]),
        ),
        ("no ranges", vec![Fault::Short(1000), Fault::NoRange], ranges(&["bytes=1000-"])),
    ];
    for (case, faults, expected) in cases {
        let (server, client) = (Server::start(), Client::new());
        server.add_blob("app", &bytes);
        for fault in faults {
            server.fail("GET", "/blobs/", fault);
        }
        let got = read(&client, &server, &descriptor(&bytes)).expect(case);
        assert!(got == bytes, "{case}: other bytes");
        let seen: Vec<String> = server.seen().into_iter().filter_map(|seen| seen.range).collect();
        assert_eq!(seen, expected, "{case}");
        assert_eq!(server.unmet(), 0, "{case}");
    }
}

#[test]
fn transfers_that_always_break_are_an_error() {
    let (server, client) = (Server::start(), Client::new());
    let bytes = many_bytes();
    server.add_blob("app", &bytes);
    for _ in 0..TRIES {
        server.fail("GET", "/blobs/", Fault::Short(10));
    }
    let failed = read(&client, &server, &descriptor(&bytes)).expect_err("it never ends");
    assert_eq!((error(&failed).kind(), error(&failed).is_retryable()), (ErrorKind::Unavailable, true));
    assert_eq!((server.count("GET", "/blobs/"), client.waits()), (TRIES, vec![1, 3]));
}

#[test]
fn blobs_are_verified() {
    let bytes = many_bytes();
    let size = bytes.len() as u64;
    let cases: [(&str, Option<Fault>, u64, Check); 3] = [
        ("other bytes", Some(Fault::Corrupt), size, |error| matches!(error, Error::Corrupt { .. })),
        ("more bytes", None, size - 1, |error| matches!(error, Error::Size { .. })),
        ("less bytes", None, size + 1, |error| matches!(error, Error::Status { status: 416, .. })),
    ];
    for (case, fault, size, check) in cases {
        let (server, client) = (Server::start(), Client::new());
        server.add_blob("app", &bytes);
        if let Some(fault) = fault {
            server.fail("GET", "/blobs/", fault);
        }
        let failed = read(&client, &server, &Descriptor { size, ..descriptor(&bytes) }).expect_err(case);
        assert!(check(error(&failed)), "{case}: {failed}");
    }
    let (server, client) = (Server::start(), Client::new());
    let failed = client.registry.blob(&name(&server.image("app")), &descriptor(b"x")).expect_err("not there");
    assert!(failed.is_not_found(), "{failed}");
}

#[test]
fn another_host_does_not_learn_who_is_asking() {
    let (server, storage) = (Server::start(), Server::start());
    let client = Client::new();
    let bytes = many_bytes();
    server.need_token(None);
    let digest = storage.add_blob("app", &bytes);
    let signed = format!("http://{}/v2/app/blobs/{digest}?signature=secret", storage.address);
    for _ in 0..2 {
        server.fail("GET", "/blobs/", Fault::Status(307, vec![("Location", signed.clone())]));
    }
    storage.fail("GET", "/blobs/", Fault::Short(5));
    assert!(read(&client, &server, &descriptor(&bytes)).expect("it is valid") == bytes);

    let from = |server: &Server| server.seen().into_iter().map(|seen| (seen.authorization, seen.range));
    let token = || Some("Bearer t1".to_owned());
    let range = || Some("bytes=5-".to_owned());
    assert_eq!(from(&server).collect::<Vec<_>>(), [(token(), None), (token(), range())]);
    assert_eq!(from(&storage).collect::<Vec<_>>(), [(None, None), (None, range())]);

    server.fail("GET", "/blobs/", Fault::Status(307, vec![("Location", signed)]));
    storage.fail("GET", "/blobs/", Fault::Status(403, Vec::new()));
    let refused =
        client.registry.blob(&name(&server.image("app")), &descriptor(&bytes)).expect_err("refused");
    assert!(refused.is_forbidden() && !refused.to_string().contains("secret"), "{refused}");
}

#[test]
fn blobs_are_copied_in_the_cheapest_way() {
    let bytes = many_bytes();
    let blob = descriptor(&bytes);
    let (server, client) = (Server::start(), Client::new());
    let (from, to) = (name(&server.image("app")), name(&server.image("copy")));
    let copy = || client.registry.copy_blob((&client.registry, &from), &to, &blob).expect("it is copied");
    server.add_blob("app", &bytes);
    assert_eq!((copy(), copy()), (Copied::Mounted, Copied::Present));
    assert_eq!((server.count("PATCH", ""), server.count("GET", "/blobs/")), (0, 0));

    for (case, fault) in [("refused", 403), ("not known", 404), ("not allowed", 405)] {
        let server = Server::start();
        let (from, to) = (name(&server.image("app")), name(&server.image("copy")));
        server.add_blob("app", &bytes);
        server.fail("POST", "mount=", Fault::Status(fault, Vec::new()));
        let copied = client.registry.copy_blob((&client.registry, &from), &to, &blob).expect(case);
        assert_eq!(copied, Copied::Uploaded, "{case}");
        assert!(server.blob("copy", blob.digest.as_str()).as_deref() == Some(&bytes), "{case}");
    }
}

#[test]
fn mounts_that_become_uploads_are_given_up() {
    let (server, client) = (Server::start(), Client::new());
    let to = name(&server.image("copy"));
    assert!(!client.registry.mount_blob(&to, "app", &cnb_oci::digest(b"x")).expect("a refusal"));
    assert_eq!((server.count("DELETE", "/blobs/uploads/1"), server.open_uploads()), (1, 0));
}

#[test]
fn corrupt_blobs_are_not_copied() {
    let (server, other, client) = (Server::start(), Server::start(), Client::new());
    let bytes = many_bytes();
    server.add_blob("app", &bytes);
    server.fail("GET", "/blobs/", Fault::Corrupt);
    let (from, to) = (name(&server.image("app")), name(&other.image("app")));
    let blob = descriptor(&bytes);
    let error = client.registry.copy_blob((&client.registry, &from), &to, &blob).expect_err("corrupt");
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert!(other.blob("app", blob.digest.as_str()).is_none());
}

#[test]
fn blobs_are_brought_into_a_directory_once_and_verified() {
    let (server, client) = (Server::start(), Client::new());
    let bytes = many_bytes();
    let (from, blob) = (name(&server.image("app")), descriptor(&bytes));
    server.add_blob("app", &bytes);
    let directory = tempfile::tempdir().expect("a directory");
    let blobs = Blobs::create(directory.path()).expect("a directory");
    let pull = || client.registry.pull_blob(&from, &blobs, &blob);
    server.fail("GET", "/blobs/", Fault::Corrupt);
    let error = pull().expect_err("corrupt");
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert!(!blobs.path(&blob.digest).exists());
    server.fail("GET", "/blobs/", Fault::Short(1000));
    for _ in 0..2 {
        pull().expect("it is brought");
        blobs.verify(&blob.digest, blob.size).expect("it is whole");
    }
    assert_eq!(server.count("GET", "/blobs/"), 3, "the second time it is there");
}
