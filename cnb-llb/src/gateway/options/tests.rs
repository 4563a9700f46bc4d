//! Options in the forms that `docker build` and `buildctl` send them.

use super::*;
use crate::gateway::ContextSource;

fn read(options: &[(&str, &str)]) -> Result<Options, InvalidOption> {
    Options::read(&options.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect())
}

#[test]
fn without_options_there_are_defaults() {
    let options = read(&[]).expect("nothing is wrong");
    assert_eq!(options.filename, None);
    assert_eq!(options.no_cache, NoCache::No);
    assert_eq!(options.network, Network::Sandbox);
    assert_eq!(options.source_date_epoch(), Ok(None));
    assert!(options.platforms.is_empty() && options.contexts.is_empty() && options.cache_imports.is_empty());
}

#[test]
fn no_cache_without_stages_means_everything() {
    for (value, expected) in
        [("", NoCache::Everything), ("a,b", NoCache::Stages(vec!["a".to_owned(), "b".to_owned()]))]
    {
        assert_eq!(read(&[("no-cache", value)]).expect(value).no_cache, expected);
    }
}

#[test]
fn values_are_sorted_by_what_they_are_for() {
    let options = read(&[
        ("build-arg:SOURCE_DATE_EPOCH", "315532801"),
        ("build-arg:BUILDKIT_CACHE_MOUNT_NS", "team"),
        ("label:a:b", "c"),
        ("platform", "linux/amd64,linux/arm64/v8"),
        ("image-resolve-mode", "pull"),
        ("force-network-mode", "none"),
        ("add-hosts", "A.example=192.0.2.1,b=::1"),
        ("requestid", "frontend.outline"),
        ("source", "ignored"),
    ])
    .expect("nothing is wrong");
    assert_eq!(options.source_date_epoch(), Ok(Some(315_532_801)));
    assert_eq!(options.cache_namespace(), Some("team"));
    assert_eq!(options.labels["a:b"], "c");
    assert_eq!(options.platforms, ["linux/amd64", "linux/arm64/v8"]);
    assert_eq!((options.resolve_mode, options.network), (ResolveMode::Pull, Network::None));
    let hosts: Vec<String> =
        options.extra_hosts.iter().map(|(name, address)| format!("{name} {address}")).collect();
    assert_eq!(hosts, ["a.example 192.0.2.1", "b ::1"]);
    assert_eq!(options.request.as_deref(), Some("frontend.outline"));
}

#[test]
fn caches_of_both_options_are_imported_once() {
    let json = r#"[{"Type":"registry","Attrs":{"ref":"r/a"}},{"Type":"gha"}]"#;
    let options = read(&[("cache-imports", json), ("cache-from", "r/a,r/b")]).expect("valid JSON");
    let kinds: Vec<&str> = options.cache_imports.iter().map(|import| import.kind.as_str()).collect();
    assert_eq!(kinds, ["registry", "gha", "registry"]);
    assert_eq!(options.cache_imports[2].attributes["ref"], "r/b");
}

#[test]
fn contexts_have_a_name_a_platform_and_a_source() {
    let cases = [
        ("context:app", "local:app-1", "app", None, ContextSource::Local("app-1".to_owned())),
        (
            "context:base::linux/amd64",
            "docker-image://r/b:1",
            "base",
            Some("linux/amd64"),
            ContextSource::DockerImage("r/b:1".to_owned()),
        ),
        (
            "context:l",
            "oci-layout://s@sha256:0",
            "l",
            None,
            ContextSource::OciLayout("s@sha256:0".to_owned()),
        ),
        ("context:i", "input:t", "i", None, ContextSource::Input("t".to_owned())),
        (
            "context:r",
            "https://x.example/a",
            "r",
            None,
            ContextSource::Remote("https://x.example/a".to_owned()),
        ),
    ];
    for (key, value, name, platform, source) in cases {
        let options = read(&[(key, value)]).expect(key);
        let expected = NamedContext { name: name.to_owned(), platform: platform.map(str::to_owned), source };
        assert_eq!(options.contexts, [expected]);
    }
}

#[test]
fn what_is_said_of_the_files_is_read() {
    let options = read(&[
        ("source", "example.com/frontend:0.2"),
        ("cmdline", "example.com/frontend:0.2"),
        ("contextkey", "remote"),
        ("remote", "https://example.com/a.git"),
        ("contextsubdir", "sub"),
        ("dockerfilekey", "stdin-1"),
        ("local-sessionid:context", "s1"),
        ("vcs:source", "https://example.com/a"),
        ("vcs:localdir:context", "sub"),
        ("multi-platform", "0"),
        ("build-arg:BUILDKIT_MULTI_PLATFORM", "1"),
        ("frontend.caps", "a+forward,b"),
    ])
    .expect("nothing is wrong");
    assert_eq!(options.frontend.as_deref(), Some("example.com/frontend:0.2"));
    assert!(options.by_syntax);
    assert_eq!(options.context_address.as_deref(), Some("https://example.com/a.git"));
    assert_eq!(options.context_subdirectory.as_deref(), Some("sub"));
    assert_eq!(options.descriptor_directory.as_deref(), Some("stdin-1"));
    assert_eq!(options.sessions["context"], "s1");
    assert_eq!(options.repository["localdir:context"], "sub");
    assert_eq!(options.multi_platform, Some(true));
    assert_eq!(options.capabilities, ["a+forward", "b"]);
}

#[test]
fn impossible_values_are_refused_by_name() {
    for (key, value) in [
        ("image-resolve-mode", "sometimes"),
        ("force-network-mode", "Host"),
        ("add-hosts", "name"),
        ("add-hosts", "name=nowhere"),
        ("cache-imports", "{}"),
        ("context:x", "ftp://x"),
        ("context:x", "x"),
        ("multi-platform", "yes"),
    ] {
        let error = read(&[(key, value)]).expect_err(value);
        assert!(error.to_string().starts_with(&format!("the option `{key}` cannot be")), "{error}");
    }
    let error = read(&[("cache-imports", r#"[{"Attrs":{"token":"hunter2"}}]"#)]).expect_err("it has no kind");
    let expected = "the option `cache-imports` cannot be `...`: it is not a list in JSON (line 1, column 30)";
    assert_eq!(error.to_string(), expected);
    let options = read(&[("build-arg:SOURCE_DATE_EPOCH", "now")]).expect("it is a build argument like any");
    assert!(options.source_date_epoch().is_err());
}
