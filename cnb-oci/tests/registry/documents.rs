//! Manifests from a registry with faults: what is tried again, what is believed.

use cnb_core::backend::ErrorKind;
use cnb_oci::descriptor::media_type;
use cnb_oci::registry::Error;
use cnb_oci::registry::Options;
use cnb_oci::registry::Proxy;

use crate::client::Client;
use crate::client::TRIES;
use crate::client::name;
use crate::server::Fault;
use crate::server::Server;

const MANIFEST: &[u8] = br#"{"schemaVersion":2}"#;

fn server() -> Server {
    let server = Server::start();
    server.add_manifest("app", "1", media_type::OCI_MANIFEST, MANIFEST);
    server
}

fn status(status: u16) -> Fault {
    Fault::Status(status, Vec::new())
}

#[test]
fn what_may_help_is_tried_again() {
    let retry_after =
        |status, seconds: &str| Fault::Status(status, vec![("Retry-After", seconds.to_owned())]);
    let cases: [(&str, Vec<Fault>, &[u64]); 8] = [
        ("nothing", vec![], &[]),
        ("too many requests", vec![retry_after(429, "7")], &[7]),
        ("long maintenance", vec![retry_after(503, "99999")], &[60]),
        ("a date", vec![retry_after(503, "Fri, 31 Dec 1999 23:59:59 GMT")], &[1]),
        ("errors", vec![status(500), status(502)], &[1, 3]),
        ("timeouts", vec![status(408), status(504)], &[1, 3]),
        ("no answer", vec![Fault::HangUp(0)], &[1]),
        ("half an answer", vec![Fault::Short(3)], &[1]),
    ];
    for (case, faults, waits) in cases {
        let (server, client) = (server(), Client::new());
        let tries = faults.len() + 1;
        for fault in faults {
            server.fail("GET", "/manifests/1", fault);
        }
        let found = client.registry.manifest(&name(&server.image("app:1"))).expect(case).expect(case);
        assert_eq!((found.0.digest, &found.1[..]), (cnb_oci::digest(MANIFEST), MANIFEST), "{case}");
        assert_eq!(server.count("GET", "/manifests/1"), tries, "{case}");
        assert_eq!(client.waits(), waits, "{case}");
        assert_eq!(
            server.count("GET", "/v2/"),
            tries + 1,
            "{case}: the registry is asked what it wants once"
        );
    }
}

#[test]
fn what_does_not_help_is_not_tried_again() {
    for (status, kind) in [
        (400, ErrorKind::InvalidInput),
        (401, ErrorKind::Denied),
        (403, ErrorKind::Denied),
        (405, ErrorKind::Unsupported),
    ] {
        let (server, client) = (server(), Client::new());
        server.fail("GET", "/manifests/1", Fault::Status(status, Vec::new()));
        let error = client.registry.manifest(&name(&server.image("app:1"))).expect_err("refused");
        assert_eq!((error.status(), error.kind(), error.is_retryable()), (Some(status), kind, false));
        assert_eq!((server.count("GET", "/manifests/1"), client.waits()), (1, vec![]), "{status}");
    }
    let (server, client) = (server(), Client::new());
    assert!(client.registry.manifest(&name(&server.image("app:2"))).expect("no error").is_none());
    assert_eq!(server.count("GET", "/manifests/2"), 1);
    let error = client.registry.check_read(&name(&server.image("app:2"))).expect_err("not there");
    assert!(error.is_not_found() && error.kind() == ErrorKind::NotFound);
    let url = format!("http://{}/v2/app/manifests/2", server.address);
    assert_eq!(error.to_string(), format!("GET {url}: 404: MANIFEST_UNKNOWN: manifest unknown"));
}

#[test]
fn tries_end() {
    let (server, client) = (server(), Client::new());
    for _ in 0..TRIES {
        server.fail("GET", "/manifests/1", status(503));
    }
    let error = client.registry.manifest(&name(&server.image("app:1"))).expect_err("never there");
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true), "{error}");
    assert_eq!((server.count("GET", "/manifests/1"), client.waits()), (TRIES, vec![1, 3]));
}

#[test]
fn nobody_there_is_said_at_once_and_with_the_name() {
    let image = Server::start().image("app:1");
    let client = Client::new();
    let error = client.registry.manifest(&name(&image)).expect_err("it has ended");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains(image.split('/').next().expect("a registry")), "{error}");
    assert_eq!((error.is_retryable(), client.waits()), (false, vec![]));
}

#[test]
fn documents_are_verified() {
    let digest = cnb_oci::digest(MANIFEST);
    for image in ["app:1".to_owned(), format!("app@{digest}")] {
        let (server, client) = (server(), Client::new());
        server.fail("GET", "/manifests/", Fault::Corrupt);
        let error = client.registry.manifest(&name(&server.image(&image))).expect_err("corrupt");
        assert!(matches!(&error, Error::Corrupt { expected, .. } if *expected == digest), "{error}");
        assert_eq!((server.count("GET", "/manifests/"), error.kind()), (1, ErrorKind::Corrupt));
    }
    let (server, client) = (server(), Client::new());
    let other = name(&server.image(&format!("app@{}", cnb_oci::digest(b"other"))));
    let error = client.registry.put_manifest(&other, "m", MANIFEST).expect_err("another digest");
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert_eq!(server.count("PUT", ""), 0);
}

#[test]
fn proxies_are_used_for_all_but_this_machine() {
    let (server, through) = (server(), Server::start());
    let proxy = format!("http://{}", through.address);
    let proxy = Proxy::new().with_http(&proxy).with_https(&proxy).with_no_proxy("direct.invalid");
    let client = Client::with(Options::new().with_proxy(proxy).with_insecure("registry.invalid"));
    client.registry.manifest(&name(&server.image("app:1"))).expect("no error").expect("it is there");
    client.registry.manifest(&name("a.direct.invalid/app:1")).expect_err("no such host");
    assert_eq!(through.all_seen(), []);

    // It takes itself for what it should connect to.
    through.add_manifest("app", "1", media_type::OCI_MANIFEST, MANIFEST);
    client.registry.manifest(&name("registry.invalid:5000/app:1")).expect("no error").expect("it is there");
    let seen = through.all_seen();
    assert_eq!((seen[0].method.as_str(), seen[0].target.as_str()), ("CONNECT", "registry.invalid:5000"));
    assert_eq!(through.count("GET", "/v2/app/manifests/1"), 1);
}

#[test]
fn redirects_that_go_in_circles_end() {
    let (server, client) = (server(), Client::new());
    for _ in 0..20 {
        let location = vec![("Location", "/v2/app/manifests/1".to_owned())];
        server.fail("GET", "/manifests/1", Fault::Status(307, location));
    }
    let error = client.registry.manifest(&name(&server.image("app:1"))).expect_err("a circle");
    assert!(matches!(error, Error::Protocol { .. }), "{error}");
}
