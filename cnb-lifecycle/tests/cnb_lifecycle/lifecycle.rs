//! The phases of the program `lifecycle` that work on images and caches, over OCI layouts and directories.

use std::fs;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpListener;

use cnb_oci::descriptor::media_type;
use cnb_oci::layout::Layout;
use cnb_oci::platform::Platform;

use crate::build::Build;

#[test]
fn a_second_image_reuses_every_layer_of_the_first() {
    let build = Build::new();
    assert!(build.analyze().contains("app/1\" not found"));
    let said = build.export();
    for line in [
        "Adding layer 'example/a:both'",
        "Adding layer 'example/a:kept'",
        "Adding layer 'buildpacksio/lifecycle:launch.sbom'",
        "Added 2/2 app layer(s)",
        "Adding label 'io.buildpacks.lifecycle.metadata'",
        "no default process type",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert!(!said.contains("example/a:only"), "a layer that is not launch is not in the image");
    let first = build.app_image();
    let report = build.read("layers/report.toml");
    assert!(report.contains("images/example.com/app/1"), "{report}");

    // The next build keeps one layer without its contents.
    assert!(build.analyze().contains("Restoring data for SBOM from previous image"));
    assert!(build.read("layers/analyzed.toml").contains("v = 3.0"));
    fs::remove_dir_all(build.path("layers/example_a/kept")).expect("a directory");
    let said = build.export();
    for line in [
        "Reusing layer 'example/a:kept'",
        "Reusing layer 'example/a:both'",
        "Reused 2/2 app layer(s)",
        "Reusing layer 'buildpacksio/lifecycle:launcher'",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert!(!said.contains("Adding layer"), "{said}");
    let second = build.app_image();
    assert_eq!(second.config.bytes(), first.config.bytes(), "the same image");
    assert_eq!(second.manifest, first.manifest);
}

#[test]
fn every_tag_names_the_whole_image() {
    let build = Build::new();
    build.analyze();
    let launcher = build.path("cnb/launcher");
    build.run(&["export", "-layout", "-launcher", &launcher, "example.com/app:1", "example.com/other"]);
    let other = Layout::open(build.path("images/example.com/other/latest")).expect("a layout");
    let image = other.image(Some("latest"), &Platform::host()).expect("an image");
    assert_eq!(image.config.bytes(), build.app_image().config.bytes());
    for (_, layer) in image.layers() {
        other.blobs().verify(&layer.digest, layer.size).expect("a layer");
    }
    assert_eq!(build.read("layers/report.toml").matches("images/example.com").count(), 2);
}

#[test]
fn what_cache_save_keeps_the_restorer_brings_back() {
    let build = Build::new();
    let cache = build.path("cache");
    let save = ["cache-save", "-cache-dir", &cache];
    let restore = ["restore", "-cache-dir", &cache];
    fs::remove_file(build.path("layers/config/metadata.toml")).expect("not needed");
    let said = build.run(&save);
    assert!(said.contains("Adding cache layer 'example/a:only'"), "{said}");
    assert!(build.run(&save).contains("Reusing cache layer 'example/a:only'"));

    build.forget_layers();
    let said = build.run(&restore);
    for line in [
        "Restoring metadata for \"example/a:only\" from cache",
        "Restoring data for \"example/a:only\" from cache",
        "Restoring data for \"example/a:both\" from cache",
        "Restoring data for SBOM from cache",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert_eq!(build.read("layers/example_a/only/f"), "only");
    assert_eq!(build.read("layers/example_a/only.toml"), "[metadata]\n  what = \"cache\"\n");
    assert_eq!(build.read("layers/example_a/only.sbom.cdx.json"), "{\"cached\":1}");
    assert!(!build.exists("layers/sbom"), "what was handed out is gone");
    assert!(!build.exists("layers/example_a/kept"), "it was never cached");
}

#[test]
fn a_damaged_cache_costs_layers_but_no_build() {
    let build = Build::new();
    let cache = build.path("cache");
    build.run(&["cache-save", "-cache-dir", &cache]);
    build.forget_layers();
    for entry in fs::read_dir(build.path("cache/committed")).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "tar") {
            let mut bytes = fs::read(&path).expect("a file");
            bytes[600] ^= 1;
            fs::write(&path, bytes).expect("a file");
        }
    }
    let said = build.run(&["restore", "-cache-dir", &cache]);
    assert!(
        said.contains(
            "Warning: Skipping restore for layer example/a:only: expected layer contents to have SHA"
        )
    );
    assert!(!build.exists("layers/example_a/only"));
    assert!(build.exists("layers/example_a/only.toml"), "as in Go");
}

#[test]
fn the_run_image_of_the_platform_is_the_mirror_in_the_registry_of_the_output() {
    let build = Build::new();
    let run = build.path("run.toml");
    for (images, expected) in [
        (
            "image = 'other.example.com/run'\nmirrors = ['example.com/run']",
            Some("images/example.com/run/latest@"),
        ),
        (
            "image = 'example.com/run'\nmirrors = ['other.example.com/run']",
            Some("images/example.com/run/latest@"),
        ),
        ("image = 'a.example.com/run'", Some("")),
        ("", None),
    ] {
        build.write(
            "run.toml",
            &if images.is_empty() { String::new() } else { format!("[[images]]\n{images}\n") },
        );
        let output = build.lifecycle(&["analyze", "-layout", "-run", &run, "example.com/app:1"]);
        let Some(expected) = expected else {
            assert_eq!(output.status.code(), Some(3), "{output:?}");
            continue;
        };
        assert!(output.status.success(), "{output:?}");
        let analyzed: toml::Table = build.read("layers/analyzed.toml").parse().expect("toml");
        let reference = analyzed["run-image"]["reference"].as_str().expect("a reference");
        assert!(reference.contains(expected) && reference.is_empty() == expected.is_empty(), "{reference}");
    }
}

#[test]
fn a_variable_of_ours_says_how_layers_are_compressed() {
    let docker = |kind: &str| format!("application/vnd.docker.image.rootfs.diff.{kind}");
    let zstd = cfg!(feature = "zstd").then(|| media_type::OCI_LAYER_ZSTD.to_owned());
    let mut images = Vec::new();
    let build = Build::new();
    for (compression, expected) in [
        ("", Some(docker("tar.gzip"))),
        ("gzip:9", Some(docker("tar.gzip"))),
        ("uncompressed", Some(docker("tar"))),
        ("zstd", zstd),
        ("gzip:best", None),
    ] {
        build.analyze();
        let launcher = build.path("cnb/launcher");
        let mut export = build.command(&["export", "-layout", "-launcher", &launcher, "example.com/app:1"]);
        let output = export.env("CNB_EXPORT_COMPRESSION", compression).output().expect("the lifecycle runs");
        let Some(expected) = expected else {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.contains("parse CNB_EXPORT_COMPRESSION"), "{compression}: {said}");
            assert_eq!(output.status.code(), Some(3), "{compression}");
            continue;
        };
        assert!(output.status.success(), "{compression}: {output:?}");
        let image = build.app_image();
        let made = &image.manifest.layers[1..];
        assert!(made.iter().all(|layer| layer.media_type == expected), "{compression}: {made:?}");
        // The next build reuses them, so they are what the manifest says.
        build.analyze();
        assert!(build.export().contains("Reusing layer 'example/a:kept'"), "{compression}");
        images.push(image.config.diff_ids().to_vec());
        fs::remove_dir_all(build.path("images/example.com/app")).expect("a layout");
    }
    assert!(images.windows(2).all(|pair| pair[0] == pair[1]), "the tars are the same: {images:?}");
}

#[test]
fn failures_have_the_exit_code_of_their_phase() {
    let build = Build::new();
    let registry = closed_registry();
    let [app, run, cache] = ["app", "run", "cache"].map(|name| format!("{registry}/{name}"));
    build.write("layers/analyzed.toml", &format!("[run-image]\nreference = '{run}'\n"));
    let launcher = build.path("cnb/launcher");
    let cases: &[(&[&str], i32, &str)] = &[
        (&["export", &app], 1, "create new app image"),
        (&["export", "-daemon", "example.com/app"], 1, "initialize docker client"),
        (&["analyze", "-run-image", &run, &app], 32, "initialize analyzer"),
        (&["restore", "-cache-image", &cache], 1, "create image cache"),
        (&["cache-save"], 3, "-cache-dir is required"),
        (&["extend"], 102, "does not have the phase"),
        (&["export", "-layout", "-launcher", &launcher, "example.com/app"], 1, "is not <path>@<digest>"),
        (&["export", "example.com/app", "other.example.com/app"], 3, "writing to multiple registries"),
        (&["export", "NO NAME"], 3, "could not parse reference"),
    ];
    for (arguments, code, message) in cases {
        let output = build.lifecycle(arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(*code), "{arguments:?}\n{said}");
        assert!(said.contains("ERROR: failed to") && said.contains(message), "{arguments:?}\n{said}");
    }
}

/// A registry that lets nobody in.
fn closed_registry() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).expect("a request") > 0);
            let answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.write_all(answer).expect("somebody listens");
        }
    });
    address
}
