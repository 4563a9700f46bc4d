//! Builds at the same time.

use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::path::Path;
use std::process::Child;
use std::process::Stdio;

use cnb_cache::volume::VolumeCache;

use crate::build::Build;
use crate::outcome;

/// How many builds there are, as it takes several to meet.
const BUILDS: usize = 6;

/// Starts exports of several contents to the layout and the cache of `build`, which was analyzed; their `<layers>`
/// are their own.
fn start(build: &Build, flags: &[&str]) -> Vec<Child> {
    let launcher = build.path("cnb/launcher");
    let export = [&["export", "-layout", "-launcher", &launcher], flags, &["example.com/app:1"]].concat();
    let one = |number: usize| {
        let layers = build.path(&format!("layers-{number}"));
        let copied = std::process::Command::new("cp").args(["-a", &build.path("layers"), &layers]).status();
        assert!(copied.expect("cp can be run").success());
        for layer in ["both", "only"] {
            fs::write(format!("{layers}/example_a/{layer}/f"), format!("{number}")).expect("a file");
        }
        let mut command = build.command(&export);
        command.env("CNB_LAYERS_DIR", layers).stdout(Stdio::piped()).spawn().expect("the lifecycle runs")
    };
    (0..BUILDS).map(one).collect()
}

fn expect_success(exports: Vec<Child>) {
    for export in exports {
        let output = export.wait_with_output().expect("it is a child");
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn exports_to_one_layout_leave_one_whole_image() {
    let build = Build::new();
    build.analyze();
    for _ in 0..3 {
        expect_success(start(&build, &[]));
        let layout = build.path("images/example.com/app/1");
        assert!(outcome::image(&layout).is_some());
        assert_eq!(outcome::names(&layout), ["blobs", "index.json", "oci-layout"]);
        for number in 0..BUILDS {
            fs::remove_dir_all(build.path(&format!("layers-{number}"))).expect("a directory");
        }
    }
}

#[test]
fn builds_with_one_cache_wait_for_each_other() {
    let build = Build::new();
    build.analyze();
    let cache = build.path("cache");
    let held = VolumeCache::open(Path::new(&cache)).expect("a cache");
    let mut exports = start(&build, &["-cache-dir", &cache]);
    // Now all of them want it at once.
    let mut outputs = Vec::new();
    for export in &mut exports {
        let mut output = BufReader::new(export.stdout.take().expect("a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        assert!(line.contains(&format!("Waiting for another build to end its work on the cache in {cache}")));
        outputs.push(output);
    }
    drop(held);
    for (export, mut output) in exports.iter_mut().zip(outputs) {
        let mut said = String::new();
        std::io::Read::read_to_string(&mut output, &mut said).expect("UTF-8");
        assert!(export.wait().expect("it is a child").success(), "{said}");
        assert!(!said.contains("Failed to"), "{said}");
    }
    let content = outcome::cache(&cache);
    assert_eq!(content.keys().collect::<Vec<_>>(), ["example/a:both", "example/a:only", "sbom"]);
    let [both, only] = ["both", "only"].map(|name| {
        let tar = &content[&format!("example/a:{name}")];
        // The only file comes last, in a block of its own.
        let ends = tar.iter().rposition(|byte| *byte != 0).expect("a file");
        tar[ends]
    });
    assert_eq!(both, only, "both are of the same build");
}
