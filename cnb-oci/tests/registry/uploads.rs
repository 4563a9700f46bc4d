//! Uploads to a registry with faults.

use std::cell::Cell;
use std::io;

use cnb_oci::registry::Error;

use crate::client::Client;
use crate::client::TRIES;
use crate::client::many_bytes;
use crate::client::name;
use crate::server::Fault;
use crate::server::Server;

type Faults = Vec<(&'static str, Fault)>;

fn status(status: u16) -> Fault {
    Fault::Status(status, Vec::new())
}

#[test]
fn broken_uploads_start_anew() {
    let bytes = many_bytes();
    let cases: [(&str, Faults, usize); 8] = [
        ("nothing", vec![], 1),
        ("no beginning", vec![("POST", status(503))], 1),
        ("a connection that ends", vec![("PATCH", Fault::HangUp(100_000))], 2),
        ("at once", vec![("PATCH", Fault::HangUp(0))], 2),
        ("an error in between", vec![("PATCH", status(500)), ("PATCH", status(502))], 3),
        ("an error at the end", vec![("PUT", status(504))], 2),
        ("a token that expires while bytes are sent", vec![("PATCH", Fault::Expire)], 2),
        ("a token that expires before the end", vec![("PUT", Fault::Expire)], 1),
    ];
    for (case, faults, expected) in cases {
        let (server, client) = (Server::start(), Client::new());
        server.need_token(None);
        for (method, fault) in faults {
            server.fail(method, "/blobs/uploads/", fault);
        }
        let made = Cell::new(0);
        let blob = client.registry.upload(&name(&server.image("app")), &|out| {
            made.set(made.get() + 1);
            bytes.chunks(1000).try_for_each(|chunk| out.write_all(chunk))
        });
        let blob = blob.expect(case);
        assert_eq!((blob.digest, blob.size), (cnb_oci::digest(&bytes), bytes.len() as u64), "{case}");
        assert!(server.blob("app", cnb_oci::digest(&bytes).as_str()).as_deref() == Some(&bytes), "{case}");
        assert_eq!((made.get(), server.unmet()), (expected, 0), "{case}");
        let lengths = server.seen().into_iter().filter(|seen| seen.method == "PATCH").map(|seen| seen.length);
        assert!(lengths.into_iter().all(|length| length.is_none()), "{case}: sent before all was known");
    }
}

#[test]
fn uploads_that_always_break_are_an_error() {
    let (server, client) = (Server::start(), Client::new());
    for _ in 0..TRIES {
        server.fail("PATCH", "/blobs/uploads/", Fault::HangUp(1000));
    }
    let bytes = many_bytes();
    let error = client.registry.upload(&name(&server.image("app")), &|out| out.write_all(&bytes));
    let error = error.expect_err("it never ends");
    assert!(matches!(error, Error::Connection { .. }), "{error}");
    assert_eq!((server.count("PATCH", ""), client.waits()), (TRIES, vec![1, 3]));
}

#[test]
fn what_cannot_be_made_is_not_uploaded() {
    for written in [0, 10, 2_000_000] {
        let (server, client) = (Server::start(), Client::new());
        let bytes = many_bytes();
        let made = Cell::new(0);
        let error = client.registry.upload(&name(&server.image("app")), &|out| {
            made.set(made.get() + 1);
            out.write_all(&bytes[..written])?;
            Err(io::Error::other("the file is gone"))
        });
        let error = error.expect_err("it cannot be made");
        assert!(matches!(&error, Error::Content { source, .. } if source.to_string() == "the file is gone"));
        assert_eq!((made.get(), server.count("PUT", "")), (1, 0), "{error}");
    }
}

#[test]
fn refusals_are_final() {
    for (method, refused, tries) in [("POST", 403, 0), ("PATCH", 413, 1), ("PUT", 400, 1)] {
        let (server, client) = (Server::start(), Client::new());
        server.fail(method, "/blobs/uploads/", status(refused));
        let made = Cell::new(0);
        let error = client.registry.upload(&name(&server.image("app")), &|out| {
            made.set(made.get() + 1);
            out.write_all(b"some")
        });
        assert_eq!(error.expect_err("refused").status(), Some(refused));
        assert_eq!((made.get(), client.waits()), (tries, vec![]), "{method}");
    }
}

#[test]
fn blobs_that_are_there_are_not_sent() {
    let (server, client) = (Server::start(), Client::new());
    let app = name(&server.image("app"));
    for _ in 0..2 {
        client.registry.put_blob(&app, b"some").expect("it is uploaded");
    }
    let sent: Vec<_> = server.seen().into_iter().filter(|seen| seen.method == "PATCH").collect();
    assert_eq!(sent.iter().map(|seen| seen.length).collect::<Vec<_>>(), [Some(4)]);
}

#[test]
fn another_host_gets_the_bytes_alone() {
    let (server, storage, client) = (Server::start(), Server::start(), Client::new());
    server.need_token(None);
    let elsewhere = |id: u8| format!("http://{}/v2/app/blobs/uploads/{id}?token=secret", storage.address);
    // The other host has an upload of that name.
    client.registry.upload(&name(&storage.image("app")), &|out| out.write_all(b"x")).expect("it is uploaded");
    server.fail("POST", "/blobs/uploads/", Fault::Status(202, vec![("Location", elsewhere(2))]));
    let error = client.registry.upload(&name(&server.image("app")), &|out| out.write_all(b"some"));
    let error = error.expect_err("there is no such upload");
    assert!(error.is_not_found() && !error.to_string().contains("secret"), "{error}");
    assert!(storage.seen().iter().all(|seen| seen.authorization.is_none()));
    assert_eq!(storage.count("PATCH", "/v2/app/blobs/uploads/2?token=secret"), 1);
}

#[test]
fn writing_is_checked_without_leaving_anything() {
    let (server, client) = (Server::start(), Client::new());
    let app = name(&server.image("app"));
    client.registry.check_write(&app).expect("it may be written");
    assert_eq!((server.count("DELETE", "/blobs/uploads/"), server.open_uploads()), (1, 0));
    server.fail("POST", "/blobs/uploads/", status(403));
    assert!(client.registry.check_write(&app).expect_err("refused").is_forbidden());
    server.fail("DELETE", "/blobs/uploads/", status(405));
    client.registry.check_write(&app).expect("that it cannot be given up does not matter");
}
