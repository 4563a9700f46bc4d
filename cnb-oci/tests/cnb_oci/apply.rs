//! Layers applied to directories: what they say is done, where they want to get out they are stopped.

use std::fs;
use std::io::Cursor;
use std::io::Read as _;
use std::io::Write as _;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend::ErrorKind;
use cnb_oci::apply;
use cnb_oci::apply::Error;
use cnb_oci::apply::Options;
use cnb_oci::apply::Owners;
use cnb_oci::apply::Report;
use cnb_oci::descriptor::media_type;
use tar::EntryType;
use tempfile::TempDir;

use crate::fixture::files;

/// A tar whose paths no library has checked.
struct Layer(tar::Builder<Vec<u8>>);

impl Layer {
    fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    fn entry(mut self, kind: EntryType, path: &str, link: &str, mode: u32, content: &[u8]) -> Self {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(fs::metadata("/proc/self").expect("it is mounted").uid().into());
        header.set_gid(fs::metadata("/proc/self").expect("it is mounted").gid().into());
        header.set_mtime(1000);
        header.set_size(content.len() as u64);
        header.set_cksum();
        self.0.append(&header, content).expect("memory takes all");
        self
    }

    fn file(self, path: &str, content: &str) -> Self {
        self.entry(EntryType::Regular, path, "", 0o644, content.as_bytes())
    }

    fn directory(self, path: &str) -> Self {
        self.entry(EntryType::Directory, path, "", 0o755, b"")
    }

    fn symlink(self, path: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, path, target, 0o777, b"")
    }

    fn hard_link(self, path: &str, target: &str) -> Self {
        self.entry(EntryType::Link, path, target, 0o644, b"")
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().expect("memory takes all")
    }

    fn apply(self, root: &Path) -> Result<Report, Error> {
        let bytes = self.bytes();
        apply::apply(root, "test", &bytes[..], &Options::new(Owners::Layer { ids: u32::MAX }))
    }
}

/// A root with a file and a directory beside it that must stay as they are.
struct Machine {
    dir: TempDir,
}

impl Machine {
    fn new() -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        for path in ["root", "outside"] {
            fs::create_dir(dir.path().join(path)).expect("a directory");
        }
        let closed = fs::Permissions::from_mode(0o700);
        fs::set_permissions(dir.path().join("outside"), closed).expect("the mode can be set");
        fs::write(dir.path().join("secret"), "secret").expect("a file");
        fs::write(dir.path().join("outside/file"), "outside").expect("a file");
        Self { dir }
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).expect(path)
    }

    fn has(&self, path: &str) -> bool {
        fs::symlink_metadata(self.root().join(path)).is_ok()
    }

    #[track_caller]
    fn assert_untouched(&self) {
        assert_eq!(files(self.dir.path()), ["outside", "root", "secret"]);
        assert_eq!(files(&self.dir.path().join("outside")), ["file"]);
        let outside = fs::metadata(self.dir.path().join("outside")).expect("a directory");
        assert_eq!((outside.mode() & 0o7777, outside.mtime() > 1000), (0o700, true));
        for (path, content) in [("secret", "secret"), ("outside/file", "outside")] {
            let file = self.dir.path().join(path);
            assert_eq!(fs::read_to_string(&file).expect("a file"), content);
            let metadata = fs::metadata(&file).expect("a file");
            assert_eq!((metadata.nlink(), metadata.mtime() > 1000), (1, true), "{path}");
        }
    }
}

#[test]
fn files_links_and_directories_are_made() {
    let machine = Machine::new();
    let report = Layer::new()
        .directory("./d/")
        .file("/d/f", "content")
        .entry(EntryType::Regular, "setuid", "", 0o4711, b"x")
        .symlink("d/s", "/d/f")
        .hard_link("h", "d/f")
        .entry(EntryType::Fifo, "pipe", "", 0o600, b"")
        .entry(EntryType::Directory, "closed", "", 0o500, b"")
        .file("closed/f", "inside")
        .file("new/parent/f", "implied")
        .apply(&machine.root())
        .expect("nothing is wrong with it");
    assert_eq!(report, Report::default());
    assert_eq!(machine.read("d/f"), "content");
    assert_eq!(machine.read("new/parent/f"), "implied");
    let metadata = |path: &str| fs::symlink_metadata(machine.root().join(path)).expect(path);
    assert_eq!(metadata("d/f").ino(), metadata("h").ino());
    assert_eq!(metadata("setuid").mode() & 0o7777, 0o4711);
    assert_eq!(metadata("closed").mode() & 0o7777, 0o500);
    assert_eq!(metadata("new/parent").mode() & 0o7777, 0o755);
    assert!(metadata("pipe").file_type().is_fifo());
    assert_eq!(fs::read_link(machine.root().join("d/s")).expect("a link"), Path::new("/d/f"));
    for path in ["d", "d/f", "d/s", "pipe", "closed"] {
        assert_eq!(metadata(path).mtime(), 1000, "{path}");
    }
}

#[test]
fn upper_layers_replace_and_hide_lower_ones() {
    let machine = Machine::new();
    let lower = Layer::new().file("a/1", "1").file("a/2", "2").file("b/1", "1").file("b/sub/2", "2");
    let lower = lower.file("c", "file").file("d/1", "1").file("e", "old").file("f", "kept");
    lower.apply(&machine.root()).expect("nothing is wrong with it");
    Layer::new()
        .file("a/.wh.1", "")
        .file("b/new", "new")
        .file("b/.wh..wh..opq", "")
        .directory("c")
        .file("d", "file")
        .file("e", "new")
        .file(".wh..wh.plnk", "")
        .file(".wh.never", "")
        .file("nowhere/.wh.x", "")
        .apply(&machine.root())
        .expect("nothing is wrong with it");
    assert_eq!(files(&machine.root()), ["a", "b", "c", "d", "e", "f"]);
    assert_eq!(files(&machine.root().join("a")), ["2"]);
    assert_eq!(files(&machine.root().join("b")), ["new"]);
    assert_eq!(
        (machine.read("d"), machine.read("e"), machine.read("f")),
        ("file".into(), "new".into(), "kept".into())
    );
    assert!(machine.root().join("c").is_dir());
}

#[test]
fn whiteouts_do_not_hide_what_the_same_layer_has() {
    let machine = Machine::new();
    Layer::new().file("d/old", "").file("e/old", "").file("f", "old").apply(&machine.root()).expect("valid");
    Layer::new()
        .file("d/new", "new")
        .file(".wh.d", "")
        .directory("e")
        .file(".wh.e", "")
        .file("f", "new")
        .file(".wh.f", "")
        .apply(&machine.root())
        .expect("valid");
    assert_eq!(files(&machine.root().join("d")), ["new"]);
    assert!(files(&machine.root().join("e")).is_empty());
    assert_eq!(machine.read("f"), "new");
}

#[test]
fn links_are_followed_inside_of_the_root() {
    let machine = Machine::new();
    Layer::new()
        .directory("usr/lib")
        .symlink("lib", "usr/lib")
        .symlink("abs", "/usr/lib")
        .symlink("up", "../../../usr")
        .apply(&machine.root())
        .expect("valid");
    let layer = Layer::new().file("lib/1", "1").file("abs/2", "2").file("up/lib/3", "3");
    layer.hard_link("4", "abs/2").file("lib/.wh.1", "").apply(&machine.root()).expect("valid");
    // What this layer wrote through one name it may not hide through another.
    assert_eq!(files(&machine.root().join("usr/lib")), ["1", "2", "3"]);
    assert_eq!(machine.read("4"), "2");
    assert!(fs::symlink_metadata(machine.root().join("lib")).expect("a link").is_symlink());
    machine.assert_untouched();
}

#[test]
fn names_do_not_lead_out() {
    let outside = |path: &'static str| move |layer: Layer| layer.file(path, "evil");
    let cases: Vec<Box<dyn Fn(Layer) -> Layer>> = vec![
        Box::new(outside("../secret")),
        Box::new(outside("/../secret")),
        Box::new(outside("a/../../secret")),
        Box::new(outside("..")),
        Box::new(outside(".wh...")),
        Box::new(outside(".wh..")),
        Box::new(outside("a/.wh...")),
        Box::new(outside("../.wh.secret")),
        Box::new(outside("../.wh..wh..opq")),
        Box::new(outside(".")),
        Box::new(|layer| layer.directory("../new")),
        Box::new(|layer| layer.symlink("/", "x")),
        Box::new(|layer| layer.hard_link("h", "../secret")),
        Box::new(|layer| layer.hard_link("../h", "f")),
    ];
    for case in &cases {
        let machine = Machine::new();
        // `..` stops at the root: some are made there, some make no sense.
        let _ = case(Layer::new().directory("a").file("f", "")).apply(&machine.root());
        machine.assert_untouched();
    }
}

#[test]
fn nothing_leads_out_through_links() {
    let cases: Vec<Box<dyn Fn(Layer) -> Layer>> = vec![
        Box::new(|layer| layer.symlink("l", "../outside").file("l/file", "evil")),
        Box::new(|layer| layer.symlink("l", "../secret").file("l", "evil")),
        Box::new(|layer| layer.symlink("l", "../outside").directory("l").file("l/file", "evil")),
        Box::new(|layer| layer.symlink("l", "../outside").file("l/.wh.file", "")),
        Box::new(|layer| layer.symlink("l", "../outside").file("l/.wh..wh..opq", "")),
        Box::new(|layer| layer.symlink("l", "../outside").file(".wh.l", "")),
        Box::new(|layer| layer.symlink("l", "..").hard_link("h", "l/secret")),
        Box::new(|layer| layer.symlink("l", "../secret").hard_link("h", "l").file("h", "evil")),
        Box::new(|layer| layer.symlink("a", "..").symlink("b", "a").file("b/secret", "evil")),
        Box::new(|layer| layer.directory("d").symlink("d", "../outside").file("d/file", "evil")),
        Box::new(|layer| layer.directory("d").symlink("d", "../outside")),
        Box::new(|layer| layer.directory("p/d").symlink("p", "..").directory("p/outside")),
        Box::new(|layer| layer.symlink("l", "l").file("l/x", "evil")),
        Box::new(|layer| layer.symlink("l", "/proc/self/cwd").file("l/evil", "evil")),
    ];
    for case in &cases {
        let machine = Machine::new();
        // Some are harmless and succeed inside, some fail: both is fine as long as nothing outside changes.
        let _ = case(Layer::new()).apply(&machine.root());
        machine.assert_untouched();
    }
}

#[test]
fn links_that_lower_layers_left_do_not_lead_out_either() {
    let machine = Machine::new();
    symlink("../outside", machine.root().join("relative")).expect("a link");
    symlink(machine.dir.path().join("outside"), machine.root().join("absolute")).expect("a link");
    for path in ["relative/file", "absolute/file", "relative/.wh.file", "absolute/.wh..wh..opq"] {
        let _ = Layer::new().file(path, "evil").apply(&machine.root());
        machine.assert_untouched();
    }
}

#[test]
fn a_lower_link_is_removed_not_followed() {
    let machine = Machine::new();
    for name in ["opaque/l", "white", "replaced"] {
        fs::create_dir_all(machine.root().join("opaque")).expect("a directory");
        symlink(machine.dir.path().join("outside"), machine.root().join(name)).expect("a link");
    }
    let layer = Layer::new().file("opaque/.wh..wh..opq", "").file(".wh.white", "").file("replaced", "new");
    layer.apply(&machine.root()).expect("valid");
    assert_eq!(files(&machine.root()), ["opaque", "replaced"]);
    assert!(!machine.has("opaque/l"));
    machine.assert_untouched();
}

#[test]
fn hard_links_need_their_target() {
    let machine = Machine::new();
    let error = Layer::new().hard_link("h", "missing").apply(&machine.root()).expect_err("no target");
    assert!(error.to_string().contains("`h`"), "{error}");
    Layer::new().file("f", "x").hard_link("f", "f").apply(&machine.root()).expect("it is the same");
    assert_eq!(machine.read("f"), "x");
}

#[test]
fn deep_trees_are_removed() {
    let machine = Machine::new();
    let deep = "d/".repeat(45);
    let mut layer = Layer::new();
    for start in ["", "d/d/d/"] {
        layer = layer.file(&format!("{start}{deep}f"), "x");
    }
    layer.apply(&machine.root()).expect("valid");
    Layer::new().file("d", "file").apply(&machine.root()).expect("valid");
    assert_eq!(machine.read("d"), "file");
}

#[test]
fn the_stream_is_read_to_its_end() {
    let machine = Machine::new();
    let mut bytes = Layer::new().file("f", "x").bytes();
    bytes.extend(b"what comes after the end of a tar");
    let mut stream = Cursor::new(&bytes);
    let options = Options::new(Owners::Process);
    apply::apply(&machine.root(), "test", &mut stream, &options).expect("valid");
    assert_eq!(stream.position(), bytes.len() as u64);
}

#[test]
fn cut_off_layers_are_refused() {
    let machine = Machine::new();
    let bytes = Layer::new().file("f", &"x".repeat(2000)).bytes();
    let options = Options::new(Owners::Process);
    for end in [100, 1500] {
        let error = apply::apply(&machine.root(), "test", &bytes[..end], &options);
        assert_eq!(error.expect_err("it is cut off").kind(), ErrorKind::Corrupt, "{end}");
    }
}

#[test]
fn layers_may_be_compressed() {
    let bytes = Layer::new().file("f", "x").bytes();
    let mut gzip = Vec::new();
    for part in [&bytes[..700], &bytes[700..]] {
        let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        member.write_all(part).expect("memory takes all");
        gzip.extend(member.finish().expect("memory takes all"));
    }
    for (media_type, blob) in [(media_type::OCI_LAYER, bytes.clone()), (media_type::OCI_LAYER_GZIP, gzip)] {
        let mut read = Vec::new();
        let mut reader = apply::decompress(media_type, &blob[..]).expect("it is known");
        reader.read_to_end(&mut read).expect("it is whole");
        assert!(read == bytes);
    }
    let unknown = format!("{}+lzma", media_type::OCI_LAYER);
    assert!(apply::decompress(&unknown, &b""[..]).is_err());
    assert_eq!(apply::decompress(media_type::OCI_LAYER_ZSTD, &b""[..]).is_ok(), cfg!(feature = "zstd"));
}
