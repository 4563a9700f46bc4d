//! Who is asking, and what registries make of it.

use cnb_core::backend::ErrorKind;
use cnb_oci::registry::Credential;
use cnb_oci::registry::Error;
use cnb_oci::registry::Options;
use cnb_oci::registry::keychain::DockerConfig;

use crate::client::Client;
use crate::client::name;
use crate::server::Fault;
use crate::server::Server;

type Prepare<'p> = &'p dyn Fn(&Server);

fn basic(password: &str) -> Credential {
    Credential::basic("me", password)
}

fn server(prepare: impl Fn(&Server)) -> Server {
    let server = Server::start();
    server.add_manifest("app", "1", "m", b"{}");
    prepare(&server);
    server
}

#[test]
fn credentials_reach_who_wants_them() {
    let password = |server: &Server| server.need_password("me", "secret");
    let token = |server: &Server| server.need_token(Some("me:secret"));
    let refresh = |server: &Server| server.need_token(Some("refresh"));
    let open = |server: &Server| server.need_token(None);
    let identity = || Credential::IdentityToken("refresh".to_owned());
    let cases: [(&str, Prepare<'_>, Credential, Option<u16>); 9] = [
        ("a password", &password, basic("secret"), None),
        ("a wrong password", &password, basic("wrong"), Some(401)),
        ("no password", &password, Credential::Anonymous, Some(401)),
        ("a password for a token", &token, basic("secret"), None),
        ("a wrong password for a token", &token, basic("wrong"), Some(401)),
        ("a refresh token for a token", &refresh, identity(), None),
        ("a token for everybody", &open, Credential::Anonymous, None),
        ("a token of one's own, too early", &open, Credential::Bearer("t1".to_owned()), Some(401)),
        ("credentials that nobody wants", &|_| (), basic("secret"), None),
    ];
    for (case, prepare, credential, refused) in cases {
        let (server, client) = (server(prepare), Client::of(credential));
        match (client.registry.manifest(&name(&server.image("app:1"))), refused) {
            (Ok(found), None) => assert!(found.is_some(), "{case}"),
            (Err(error), Some(status)) => {
                assert_eq!((error.status(), error.kind()), (Some(status), ErrorKind::Denied), "{case}");
                assert!(error.to_string().contains("UNAUTHORIZED: "), "{case}: {error}");
                assert!(!format!("{error:?}").contains("wrong"), "{case}: {error:?}");
                assert!(client.waits().is_empty(), "{case}");
            }
            (result, _) => panic!("{case}: {result:?}"),
        }
        let first = server.all_seen().into_iter().find(|seen| seen.target == "/v2/").expect("it was asked");
        assert_eq!(first.authorization, None, "{case}");
    }
}

#[test]
fn tokens_are_asked_for_once_and_for_what_is_needed() {
    let (server, client) = (server(|server| server.need_token(None)), Client::new());
    let registry = &client.registry;
    let app = name(&server.image("app:1"));
    for _ in 0..3 {
        registry.manifest(&app).expect("it is there");
    }
    registry.put_blob(&app, b"some").expect("it is uploaded");
    registry
        .mount_blob(&name(&server.image("copy")), "app", &cnb_oci::digest(b"some"))
        .expect("it is mounted");
    let asked = server.all_seen().into_iter().filter(|seen| seen.target.starts_with("/token"));
    let asked: Vec<String> = asked.map(|seen| seen.target.replace("%3A", ":").replace("%2C", ",")).collect();
    let expected = [
        "/token?service=test&scope=repository:app:pull",
        "/token?service=test&scope=repository:app:pull,push",
        "/token?service=test&scope=repository:copy:pull,push&scope=repository:app:pull",
    ];
    assert_eq!(asked, expected);
}

#[test]
fn threads_share_what_one_of_them_got() {
    let (server, client) = (server(|server| server.need_token(None)), Client::new());
    let app = name(&server.image("app:1"));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| client.registry.clone().manifest(&app).expect("it is there"));
        }
    });
    let counts =
        [("GET", "/token"), ("GET", "/manifests/1")].map(|(method, target)| server.count(method, target));
    assert_eq!(counts, [1, 8]);
    assert_eq!(server.all_seen().iter().filter(|seen| seen.target == "/v2/").count(), 1);
}

#[test]
fn expired_tokens_are_renewed_once() {
    let (server, client) = (server(|server| server.need_token(None)), Client::new());
    let app = name(&server.image("app:1"));
    client.registry.manifest(&app).expect("it is there");
    server.fail("GET", "/manifests/1", Fault::Expire);
    client.registry.manifest(&app).expect("with a new token");
    client.registry.manifest(&app).expect("with the same token");
    let manifests = server.seen().into_iter().filter(|seen| seen.target.contains("/manifests/"));
    let tokens: Vec<_> = manifests.filter_map(|seen| seen.authorization).collect();
    assert_eq!(tokens, ["Bearer t1", "Bearer t1", "Bearer t2", "Bearer t2"]);

    for _ in 0..2 {
        server.fail("GET", "/manifests/1", Fault::Expire);
    }
    assert!(client.registry.manifest(&app).expect_err("they expire at once").is_unauthorized());
    assert_eq!((server.unmet(), client.waits()), (0, vec![]));
}

#[test]
fn scopes_that_the_registry_asks_for_are_added() {
    let (server, client) = (server(|server| server.need_token(None)), Client::new());
    let challenge = format!(
        r#"Bearer realm="http://{}/token",service="test",scope="repository:app:pull repository:base:pull""#,
        server.address
    );
    server.fail("GET", "/manifests/1", Fault::Status(401, vec![("WWW-Authenticate", challenge)]));
    client.registry.manifest(&name(&server.image("app:1"))).expect("it is there");
    let last =
        server.all_seen().into_iter().rfind(|seen| seen.target.starts_with("/token")).expect("it was asked");
    let both = "scope=repository%3Aapp%3Apull%20repository%3Abase%3Apull&scope=repository%3Aapp%3Apull";
    assert_eq!(last.target, format!("/token?service=test&{both}"));
}

#[test]
fn registries_may_ask_later() {
    let (server, client) =
        (server(|server| server.need_token(Some("me:secret"))), Client::of(basic("secret")));
    server.fail("GET", "/v2/", Fault::Status(200, Vec::new()));
    client
        .registry
        .upload(&name(&server.image("app")), &|out| out.write_all(b"some"))
        .expect("it is uploaded");
    let statuses: Vec<_> = server.seen().into_iter().map(|seen| (seen.method, seen.status)).collect();
    let expected = [("POST", 401), ("POST", 202), ("PATCH", 202), ("PUT", 201)];
    assert_eq!(statuses, expected.map(|(method, status)| (method.to_owned(), Some(status))));
}

#[test]
fn token_services_without_oauth_are_asked_in_the_old_way() {
    let (server, client) = (
        server(|server| server.need_token(None)),
        Client::of(Credential::IdentityToken("refresh".to_owned())),
    );
    server.fail("POST", "/token", Fault::Status(404, Vec::new()));
    client.registry.manifest(&name(&server.image("app:1"))).expect("it is there");
    assert_eq!((server.count("POST", "/token"), server.count("GET", "/token")), (1, 1));
}

#[test]
fn challenges_that_nobody_knows_are_said() {
    let (server, client) = (server(|_| ()), Client::new());
    let negotiate = vec![("WWW-Authenticate", "Negotiate".to_owned())];
    server.fail("GET", "/v2/", Fault::Status(401, negotiate));
    let error = client.registry.manifest(&name(&server.image("app:1"))).expect_err("not known");
    assert!(matches!(&error, Error::Challenge { challenge, .. } if challenge == "Negotiate"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn configs_of_docker_are_used() {
    let server = server(|server| server.need_password("me", "secret"));
    let directory = tempfile::tempdir().expect("a directory");
    let config = format!(r#"{{"auths":{{"{}":{{"auth":"bWU6c2VjcmV0"}}}}}}"#, server.address);
    std::fs::write(directory.path().join("config.json"), config).expect("it can be written");
    let client = Client::with(Options::new().with_keychain(DockerConfig::new(directory.path())));
    assert!(client.registry.manifest(&name(&server.image("app:1"))).expect("no error").is_some());

    std::fs::write(directory.path().join("config.json"), "{").expect("it can be written");
    let client = Client::with(Options::new().with_keychain(DockerConfig::new(directory.path())));
    let error = client.registry.manifest(&name(&server.image("app:1"))).expect_err("not valid");
    assert!(matches!(error, Error::Keychain { .. }), "{error}");
}
