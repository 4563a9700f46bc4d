//! Steps of a user, also where the backend has a single user and does not claim more.

use std::sync::Mutex;

use cnb_core::backend::Backend as _;
use cnb_core::backend::CacheId;
use cnb_core::backend::File;
use cnb_core::backend::MountKind;
use cnb_core::backend::SecretBytes;
use cnb_core::backend::SecretFile;
use cnb_core::backend::Source;
use cnb_core::backend::User;
use cnb_core::event::Event;
use cnb_core::event::EventSink;
use futures_lite::future::block_on;

use crate::mode::Inside;
use crate::mode::probe;

const USER: User = User::new(1001, 1002);

pub(crate) fn steps_do_not_depend_on_the_umask(inside: &Inside) {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    a_step_runs_as_its_user_and_can_use_what_is_mounted(inside);
}

pub(crate) fn a_step_runs_as_its_user_and_can_use_what_is_mounted(inside: &Inside) {
    let backend = inside.backend();
    let app = vec![File::directory("/").with_owner(USER), File::regular("/old", "1").with_owner(USER)];
    let app = block_on(backend.load(Source::Files(app))).expect("there is space");
    let commands = "id -- write /a/b/c/new 2 -- stat /a/b/c/new -- stat /a/b/c/old -- stat /a/b/c -- \
                    cat /s/secret/token -- write /a/b/c/tmp/t x -- stat /a/b/c/tmp -- write /cache/k v -- stat /cache";
    let words: Vec<&str> = commands.split_whitespace().collect();
    let secret = SecretFile { path: "secret/token".to_owned(), content: SecretBytes::new("geheim\n").into() };
    let step = probe(inside, &backend, &words)
        .with_user(USER)
        .with_mount("/a/b/c/tmp", MountKind::Tmpfs)
        .with_mount("/cache", MountKind::Cache(CacheId::new("c").expect("it is a plain name")))
        .with_mount("/s", MountKind::Secrets(vec![secret]))
        .with_mount("/a/b/c", MountKind::InOut(app));
    let output = Text::default();
    let ran = block_on(backend.run(step, &output)).expect("it runs");
    let expected = "1001:1002\nfile 0644 1001:1002 1\nfile 0644 1001:1002 1\ndirectory 0755 1001:1002\ngeheim\n\
                    directory 0755 1001:1002\ndirectory 0755 1001:1002\n";
    assert_eq!(*output.0.lock().expect("no holder panics"), expected);
    assert_eq!(ran.exit_code, 0);
    let names = block_on(backend.list(&ran.outputs["/a/b/c"], "/")).expect("it is a directory");
    let names: Vec<_> = names.iter().map(|entry| (entry.name.as_str(), entry.mode)).collect();
    assert_eq!(names, [("new", 0o644), ("old", 0o644), ("tmp", 0o755)]);
}

pub(crate) fn a_cache_can_be_forgotten(inside: &Inside) {
    let backend = inside.backend();
    let cache = CacheId::new("forgotten").expect("it is a plain name");
    let run = |words: &[&str]| {
        let mount = MountKind::Cache(cache.clone());
        let step = probe(inside, &backend, words).with_user(USER).with_mount("/cache", mount);
        block_on(backend.run(step, &Text::default())).expect("it runs").exit_code
    };
    assert_eq!(run(&["write", "/cache/k", "v"]), 0);
    assert_eq!(run(&["cat", "/cache/k"]), 0, "it is kept");
    block_on(backend.forget_cache(&cache)).expect("nobody has it");
    assert_ne!(run(&["cat", "/cache/k"]), 0, "it is forgotten");
    assert_eq!(run(&["write", "/cache/k", "v"]), 0, "and can be used again");
}

/// All that a step writes.
#[derive(Debug, Default)]
struct Text(Mutex<String>);

impl EventSink for Text {
    fn event(&self, event: Event) {
        if let Event::Output { bytes, .. } = event {
            self.0.lock().expect("no holder panics").push_str(&String::from_utf8_lossy(&bytes));
        }
    }
}
