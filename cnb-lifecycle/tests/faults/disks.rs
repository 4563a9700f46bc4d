//! Disks that are full, or must not be written.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::build::Build;
use crate::outcome;
use crate::small_disk::SmallDisk;

const APP: &str = "images/example.com/app/1";
/// Exit code of an export that fails.
const EXPORT: i32 = 62;
/// What no test here needs, in pages.
const MANY: u64 = 200;

#[test]
#[ignore = "needs root: run by cargo xtask test faults"]
fn an_export_to_a_full_disk_keeps_the_old_image() {
    let build = Build::new();
    let layout = build.path(APP);
    let disk = SmallDisk::mount(layout.clone());
    build.analyze();
    build.export();
    let old = outcome::image(&layout).expect("an image");
    build.write("app/index", "changed");
    build.write("layers/example_a/kept/f", "changed");
    build.analyze();
    let arguments = ["export", "-layout", "-launcher", &build.path("cnb/launcher"), "example.com/app:1"];
    let mut failures = 0;
    // One page more each time: the disk gets full in every layer, in the config, the manifest and the index.
    for pages in 0..MANY {
        disk.leave(pages);
        let output = build.lifecycle(&arguments);
        if output.status.success() {
            break;
        }
        failures += 1;
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(EXPORT), "{pages}: {output:?}");
        let error = said.lines().last().expect("an error");
        assert!(error.starts_with("ERROR: ") && error.contains("no space left on device"), "{error}");
        assert!(error.contains(&format!("{layout}/")), "it names the file: {error}");
        assert_eq!(outcome::digest(&layout), Some(old.descriptor.digest.to_string()), "{pages}");
        assert_eq!(outcome::names(&layout), ["blobs", "index.json", "oci-layout"], "{pages}");
        // What was complete stays for the next export; here, each begins anew.
        let digests = old.manifest.layers.iter().chain([&old.manifest.config, &old.descriptor]);
        let digests: Vec<&str> = digests.map(|part| part.digest.hex()).collect();
        for blob in outcome::names(&format!("{layout}/blobs/sha256")) {
            if !digests.contains(&blob.as_str()) {
                fs::remove_file(format!("{layout}/blobs/sha256/{blob}")).expect("a file");
            }
        }
    }
    assert!((3..MANY).contains(&failures), "{failures}");
    assert_ne!(outcome::digest(&layout), Some(old.descriptor.digest.to_string()));
    let new = outcome::image(&layout).expect("an image");
    outcome::expect_nothing_but(&layout, &[&old, &new]);
}

#[test]
#[ignore = "needs root: run by cargo xtask test faults"]
fn a_full_cache_costs_layers_but_no_image() {
    let build = Build::new();
    let cache = build.path("cache");
    let disk = SmallDisk::mount(cache.clone());
    build.analyze();
    build.export_with(&["-cache-dir", &cache]);
    let old = outcome::cache(&cache);
    build.write("layers/example_a/only/f", "changed");
    build.write("layers/example_a/both/f", "changed");
    let mut failures = 0;
    for pages in 0..MANY {
        disk.leave(pages);
        fs::remove_dir_all(build.path(APP)).expect("a layout");
        build.analyze();
        let said = build.export_with(&["-cache-dir", &cache]);
        assert!(outcome::image(&build.path(APP)).is_some(), "{pages}");
        let content = outcome::cache(&cache);
        if !said.contains("Warning: Failed to ") {
            assert!(content != old && content.keys().eq(old.keys()), "all of it is new");
            break;
        }
        failures += 1;
        assert!(said.contains("no space left on device"), "{pages}: {said}");
        let is_saved = !said.contains("Warning: Failed to export cache");
        assert!(is_saved || content == old, "{pages}: {said}");
        // Back to the old content.
        disk.grow();
        build.write("layers/example_a/only/f", "only");
        build.write("layers/example_a/both/f", "both");
        build.export_with(&["-cache-dir", &cache]);
        assert!(outcome::cache(&cache) == old);
        build.write("layers/example_a/only/f", "changed");
        build.write("layers/example_a/both/f", "changed");
    }
    assert!((2..MANY).contains(&failures), "{failures}");

    disk.leave(0);
    build.forget_layers();
    let said = build.run(&["restore", "-cache-dir", &cache]);
    assert!(said.contains("Restoring data for \"example/a:only\" from cache"), "{said}");
    assert_eq!(build.read("layers/example_a/only/f"), "changed");
}

#[test]
#[ignore = "needs root: run by cargo xtask test faults"]
fn a_cache_that_must_not_be_written_is_read() {
    let build = Build::new();
    let cache = build.path("cache");
    let disk = SmallDisk::mount(cache.clone());
    build.analyze();
    build.export_with(&["-cache-dir", &cache]);
    let old = outcome::cache(&cache);
    disk.freeze();

    build.write("layers/example_a/only/f", "changed");
    let said = build.export_with(&["-cache-dir", &cache]);
    let warning = format!(
        "Warning: Failed to export cache: failed to save cache: using the cache in a directory: \
         the cache in {cache} cannot be changed: Read-only file system"
    );
    assert!(said.contains(&warning), "{said}");
    assert!(outcome::image(&build.path(APP)).is_some());
    assert!(outcome::cache(&cache) == old);

    // As root, and as a user whom the cache cannot be given to.
    fs::set_permissions(build.path(""), fs::Permissions::from_mode(0o755)).expect("a directory");
    for user in ["0", "1001"] {
        build.forget_layers();
        let said = build.run(&["restore", "-cache-dir", &cache, "-uid", user, "-gid", user]);
        assert!(said.contains("Restoring data for \"example/a:only\" from cache"), "{said}");
        assert_eq!(build.read("layers/example_a/only/f"), "only");
    }
}

#[test]
#[ignore = "needs root: run by cargo xtask test faults"]
fn an_old_content_that_cannot_be_removed_is_no_failure() {
    let build = Build::new();
    let cache = build.path("cache");
    build.analyze();
    build.export_with(&["-cache-dir", &cache]);
    let old = outcome::cache(&cache);
    // Nobody can remove what is in use.
    let _busy = SmallDisk::mount(build.path("cache/committed-backup/busy"));
    build.forget_layers();
    let said = build.run(&["restore", "-cache-dir", &cache]);
    assert!(said.contains("Restoring data for \"example/a:only\" from cache"), "{said}");
    build.write("layers/example_a/only.toml", "[types]\ncache = true\n");
    let said = build.export_with(&["-cache-dir", &cache]);
    assert!(said.contains("Warning: Failed to export cache: failed to save cache: "), "{said}");
    assert!(outcome::image(&build.path(APP)).is_some() && outcome::cache(&cache) == old);
}
