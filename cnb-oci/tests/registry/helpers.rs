//! Programs that know credentials.

use std::fs;
use std::process::Command;

use cnb_oci::registry::Credential;
use cnb_oci::registry::Keychain as _;
use cnb_oci::registry::keychain::DockerConfig;

/// Set in the process that has the helper in its `PATH`.
const INSIDE: &str = "CNB_TEST_HAS_HELPER";

/// Runs itself once more, as only another process can have another `PATH`.
#[test]
fn helpers_are_asked() {
    if std::env::var_os(INSIDE).is_some() {
        return ask();
    }
    let helpers = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/registry/helpers");
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "helpers::helpers_are_asked", "--nocapture"])
        .env("PATH", format!("{helpers}:/usr/bin:/bin"))
        .env(INSIDE, "1")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn ask() {
    let directory = tempfile::tempdir().expect("a directory");
    for config in [
        r#"{"credsStore": "cnb-test"}"#,
        r#"{"credHelpers": {"password.test": "cnb-test", "token.test": "cnb-test", "broken.test": "cnb-test",
            "failing.test": "cnb-test"}}"#,
    ] {
        fs::write(directory.path().join("config.json"), config).expect("it can be written");
        let config = DockerConfig::new(directory.path());
        for (registry, expected) in [
            ("password.test", Credential::basic("me", "secret")),
            ("token.test", Credential::IdentityToken("secret".to_owned())),
            ("unknown.test", Credential::Anonymous),
        ] {
            assert_eq!(config.credential(registry, "app").expect(registry), expected, "{registry}");
        }
        for (registry, expected) in
            [("broken.test", "answers no JSON"), ("failing.test", "`docker-credential-cnb-test` fails")]
        {
            let error = config.credential(registry, "app").expect_err(registry);
            assert!(error.to_string().contains(expected), "{error}");
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
    }
}
