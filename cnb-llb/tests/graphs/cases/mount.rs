use cnb_llb::ContentCache;
use cnb_llb::Mount;
use cnb_llb::Sharing;
use cnb_llb::State;

use super::Case;
use super::alpine;
use super::app;
use super::arm;
use super::command;
use super::scratch;

pub(super) fn cases() -> Vec<Case> {
    let run = |mount| alpine().run(command().mount(mount)).root();
    let bind = || Mount::bind(&app(), "/src");
    let cache = |sharing| Mount::cache("id", "/cache", sharing);
    vec![
        ("mount-bind", run(bind())),
        ("mount-scratch", run(Mount::bind(&scratch(), "/out"))),
        ("mount-read-only", run(bind().read_only())),
        ("mount-selector", run(bind().read_only().selector("/sub"))),
        ("mount-no-output", run(bind().no_output())),
        ("mount-content-cache-on", run(bind().content_cache(ContentCache::On))),
        ("mount-content-cache-off", run(bind().content_cache(ContentCache::Off))),
        ("mount-cache-shared", run(cache(Sharing::Shared))),
        ("mount-cache-private", run(cache(Sharing::Private))),
        ("mount-cache-locked", run(cache(Sharing::Locked))),
        ("mount-cache-initial", run(cache(Sharing::Shared).initial(&app()).selector("/sub"))),
        ("mount-tmpfs", run(Mount::tmpfs("/tmp"))),
        ("mount-tmpfs-size", run(Mount::tmpfs("/tmp").size(1 << 20))),
    ]
    .into_iter()
    .chain(output_cases())
    .collect()
}

fn output_cases() -> Vec<Case> {
    let exec = command()
        .mount(Mount::bind(&scratch(), "/z"))
        .mount(Mount::bind(&app(), "/a"))
        .mount(Mount::cache("id", "/cache", Sharing::Locked))
        .mount(Mount::bind(&app(), "/b").read_only())
        .mount(Mount::bind(&scratch(), "/c"));
    let run = alpine().run(exec);
    let output = |dest| run.output(dest).unwrap();
    let several = State::merge([&output("/z"), &output("/a"), &output("/b"), &output("/c"), &run.root()]);

    let twice = command()
        .mount(Mount::bind(&app(), "/a").read_only())
        .mount(Mount::bind(&app(), "/b").read_only())
        .mount(Mount::bind(&alpine(), "/c").read_only());
    let out = || Mount::bind(&scratch(), "/out");
    let reader = alpine().run(command().read_only_root().mount(out()));
    let platform = alpine().run(command().platform(arm()).mount(out())).output("/out").unwrap();
    vec![
        ("mount-same-input", alpine().run(twice).root()),
        ("mount-read-only-root", reader.output("/out").unwrap()),
        ("mount-outputs", several),
        ("mount-output-run", output("/a").with_platform(super::amd64()).run(command()).root()),
        ("mount-output-platform", platform.run(command()).root()),
    ]
}

#[test]
fn what_does_not_stay_is_no_output() {
    let exec = command()
        .mount(Mount::cache("id", "/cache", Sharing::Shared))
        .mount(Mount::tmpfs("/tmp"))
        .mount(Mount::bind(&app(), "/dropped").no_output())
        .mount(Mount::bind(&app(), "/kept").read_only());
    let run = alpine().run(exec);
    for dest in ["/cache", "/tmp", "/dropped", "/nothing"] {
        assert_eq!(run.output(dest), None, "{dest}");
    }
    assert_eq!(run.output("/kept"), Some(app()));
    assert_eq!(run.output("/"), Some(run.root()));
}

#[test]
fn a_read_only_root_is_left_as_it_was() {
    assert_eq!(alpine().run(command().read_only_root()).root(), alpine());
}
