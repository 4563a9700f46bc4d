//! What a machine does to a backend.

use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use cnb_core::backend::Backend as _;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::File;
use cnb_core::backend::ImageRequest;
use cnb_core::backend::Source;
use cnb_core::backend::User;
use cnb_core::event::Event;
use cnb_core::event::EventSink;
use cnb_core::event::NoEvents;
use cnb_core::image_name::ImageName;
use cnb_oci::local::LocalBackend;
use cnb_oci::local::runtime::Cli;
use futures_lite::future::block_on;
use libtest_mimic::Failed;
use rustix::mount::MountFlags;

use crate::image;
use crate::mode::Bench;
use crate::mode::Inside;
use crate::mode::probe;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn without_a_runtime_the_error_says_what_to_install(inside: &Inside) {
    let options = inside.options(&inside.own().join("state")).with_runtime(Cli::new("/nowhere/runc"));
    let backend = LocalBackend::new(options).expect("the directory is the user's");
    let error =
        block_on(backend.run(probe(inside, &backend, &["id"]), &NoEvents)).expect_err("there is no runtime");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(
        error.to_string(),
        "no OCI runtime works here; install one, for example the package `runc` (tried /nowhere/runc: not installed)"
    );
}

pub(crate) fn a_full_disk_is_named(inside: &Inside) {
    let small = inside.own().join("small");
    fs::create_dir(&small).expect("the directory is the user's");
    rustix::mount::mount("tmpfs", &small, "tmpfs", MountFlags::empty(), Some(c"size=256k"))
        .expect("this process may mount");
    let backend = LocalBackend::new(inside.options(&small)).expect("there is space for directories");
    let large = File::regular("/large", vec![0; 1 << 20]);
    let error = block_on(backend.load(Source::Files(vec![large]))).expect_err("the disk is smaller");
    assert_eq!(error.kind(), ErrorKind::Exhausted, "{error}");
    assert!(error.to_string().contains("/large"), "{error}");
    block_on(backend.load(Source::Files(vec![File::regular("/little", "x")])))
        .expect("nothing is left behind");
}

pub(crate) fn a_corrupt_layer_is_never_part_of_a_root(inside: &Inside) {
    let layout = inside.own().join("layout");
    let blob = image::make(&layout, &inside.program("cnb-probe"));
    let whole = fs::read(&blob).expect("it was made");
    let backend = inside.backend();
    let name: ImageName = format!("oci:{}", layout.display()).parse().expect("a transport and a path");
    let image = block_on(backend.resolve(ImageRequest::new(name))).expect("its config is whole");
    // A byte in the middle, and one that only the digest protects: the operating system in the gzip header.
    for place in [whole.len() / 2, 9] {
        let mut damaged = whole.clone();
        damaged[place] ^= 0xff;
        fs::write(&blob, damaged).expect("it is the user's");
        let error = block_on(backend.list(&image.root, "/")).expect_err("the layer is corrupt");
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{place}: {error}");
    }
    fs::write(&blob, whole).expect("it is the user's");
    let names = block_on(backend.list(&image.root, "/")).expect("the layer is whole");
    assert_eq!(names.len(), 1);
}

/// Says when its step runs.
pub(crate) fn sleep_until_killed(inside: &Inside) {
    let backend = inside.backend();
    let step = probe(inside, &backend, &["print", "started", "--", "wait"]).with_user(User::new(1001, 1001));
    let ended = block_on(backend.run(step, &Relay));
    panic!("the step ended: {ended:?}");
}

/// The files of the process that was killed are gone, and steps run.
pub(crate) fn start_again(inside: &Inside) {
    let backend = inside.backend();
    let sessions = inside.own().join("state").join(inside.mode_name()).join("sessions");
    let count = fs::read_dir(sessions).expect("it was made").count();
    assert_eq!(count, 2, "a lock and the session of this backend");
    let output = block_on(backend.run(probe(inside, &backend, &["exit", "7"]), &NoEvents)).expect("it runs");
    assert_eq!(output.exit_code, 7);
}

pub(crate) fn a_killed_backend_leaves_nothing_running(bench: &Bench) -> Result<(), Failed> {
    let mut process = bench.command("sleep_until_killed")?.stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("it is a pipe")).read_line(&mut line)?;
    assert_eq!(line, "started\n");
    assert_eq!(processes(&bench.own()).len(), 1, "the runtime of the step runs");
    process.kill()?;
    process.wait()?;
    // The runtime ends when the container has.
    wait_until(|| processes(&bench.own()).is_empty());
    Ok(bench.run("start_again")?)
}

/// The processes that have something of `directory` in their command line, and live.
fn processes(directory: &Path) -> Vec<String> {
    let directory = directory.to_str().expect("it is text");
    let lines = fs::read_dir("/proc").expect("it is mounted").flatten();
    let lines = lines.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(directory)).collect()
}

fn wait_until(holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "still not after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Prints what a step writes.
#[derive(Debug)]
struct Relay;

impl EventSink for Relay {
    fn event(&self, event: Event) {
        use std::io::Write as _;
        if let Event::Output { bytes, .. } = event {
            std::io::stdout().write_all(&bytes).expect("somebody listens");
        }
    }
}
