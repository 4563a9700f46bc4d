use std::fs;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::thread;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::Error;
use super::import;
use crate::hash::digest;
use crate::image::Image;
use crate::layout::Layout;
use crate::platform::Platform;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\ncnb:x:1001:1002::/home/cnb:/bin/sh\n";

fn root_fs(directory: &Path) {
    fs::create_dir_all(directory.join("etc")).expect("a directory");
    fs::create_dir_all(directory.join("usr/lib")).expect("a directory");
    fs::write(directory.join("etc/passwd"), PASSWD).expect("a file");
    fs::write(directory.join("usr/lib/os-release"), "ID=debian\nVERSION_ID=\"12\"\n").expect("a file");
    std::os::unix::fs::symlink("../usr/lib/os-release", directory.join("etc/os-release")).expect("a link");
}

fn image(layout: &Path) -> Image {
    let layout = Layout::open(layout).expect("a layout");
    layout.image(Some("base"), &Platform::host()).expect("an image")
}

#[test]
fn a_directory_a_tar_and_a_compressed_tar_are_the_same_image() {
    let temporary = tempfile::tempdir().expect("a directory");
    let (from, to) = (temporary.path().join("root"), temporary.path().join("layout"));
    root_fs(&from);
    let layout = Layout::create(&to).expect("a layout");
    import(&from, &layout, "base").expect("an image");
    let first = image(&to);

    let layer = &first.manifest.layers[0];
    let mut tar = Vec::new();
    let blob = layout.blobs().open(&layer.digest, layer.size).expect("a layer");
    GzDecoder::new(blob).read_to_end(&mut tar).expect("it is compressed");
    assert_eq!(first.config.diff_ids(), [digest(&tar)]);
    let plain = temporary.path().join("root.tar");
    fs::write(&plain, &tar).expect("a file");
    let compressed = temporary.path().join("root.tar.gz");
    let mut encoder = GzEncoder::new(fs::File::create(&compressed).expect("a file"), Compression::fast());
    encoder.write_all(&tar).and_then(|()| encoder.finish()).expect("bytes");

    for again in [plain, compressed] {
        import(&again, &layout, "base").expect("an image");
        assert_eq!(image(&to).config.bytes(), first.config.bytes(), "{}", again.display());
        let through_a_pipe = Layout::create(temporary.path().join("pipe")).expect("a layout");
        thread::scope(|scope| {
            let (reader, mut writer) = io::pipe().expect("a pipe");
            scope.spawn(move || {
                writer.write_all(&fs::read(&again).expect("a file")).expect("it is read to its end");
            });
            let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
            import(path.as_ref(), &through_a_pipe, "base").expect("an image");
        });
        assert_eq!(image(&temporary.path().join("pipe")).config.bytes(), first.config.bytes());
    }
}

#[test]
fn the_config_says_who_builds_and_on_what() {
    let temporary = tempfile::tempdir().expect("a directory");
    let (from, to) = (temporary.path().join("root"), temporary.path().join("layout"));
    root_fs(&from);
    import(&from, &Layout::create(&to).expect("a layout"), "base").expect("an image");
    let config = image(&to).config;
    let env: Vec<_> = config.env().skip(1).collect();
    assert_eq!(env, [("CNB_USER_ID", "1001"), ("CNB_GROUP_ID", "1002")]);
    assert_eq!(config.user(), "1001:1002");
    assert_eq!(config.label("io.buildpacks.base.distro.name"), Some("debian"));
    assert_eq!(config.label("io.buildpacks.base.distro.version"), Some("12"));
}

#[test]
fn what_is_no_root_file_system_is_refused() {
    let temporary = tempfile::tempdir().expect("a directory");
    let layout = Layout::create(temporary.path().join("layout")).expect("a layout");
    let text = temporary.path().join("text");
    fs::write(&text, "not a tar, but longer than the header of one".repeat(100)).expect("a file");
    assert!(matches!(import(&text, &layout, "base"), Err(Error::NotATar { .. })));
    let absent = temporary.path().join("absent");
    assert!(matches!(import(&absent, &layout, "base"), Err(Error::Read { .. })));
}
