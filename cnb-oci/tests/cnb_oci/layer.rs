//! DiffIDs against those that the Go lifecycle gives the same files.

use std::ffi::OsStr;
use std::fs;
use std::fs::Permissions;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend::File;
use cnb_core::backend::Ownership;
use cnb_core::backend::Parent;
use cnb_core::backend::User;
use cnb_oci::layer::Dialect;
use cnb_oci::layer::Error;
use cnb_oci::layer::LayerWriter;
use cnb_oci::layer::Selection;
use cnb_oci::layer::Written;
use cnb_oci::layer::entries;
use cnb_oci::layer::launcher;
use cnb_oci::layer::slices;
use tempfile::TempDir;

const OWNER: User = User::new(1001, 1002);
const EMPTY: &str = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

fn write(root: &Path, path: &str, content: &str, mode: u32) {
    let file = root.join(path);
    fs::create_dir_all(file.parent().expect("it has a parent")).expect("the directories can be made");
    fs::write(&file, content).expect("the file can be written");
    fs::set_permissions(&file, Permissions::from_mode(mode)).expect("the mode can be set");
}

/// Directories get the umask of whoever runs the tests: this takes it back.
fn open_directories(root: &Path) {
    fs::set_permissions(root, Permissions::from_mode(0o755)).expect("the mode can be set");
    for entry in fs::read_dir(root).expect("it is a directory") {
        let entry = entry.expect("it can be read");
        if entry.file_type().expect("it has a type").is_dir() {
            open_directories(&entry.path());
        }
    }
}

fn directory_layer() -> TempDir {
    let dir = TempDir::new().expect("a temporary directory");
    let root = dir.path();
    write(root, "a/f", "f\n", 0o644);
    write(root, "a-b/g", "g\n", 0o600);
    write(root, "x", "x\n", 0o755);
    fs::hard_link(root.join("x"), root.join("y")).expect("a hard link");
    symlink("a/f", root.join("s")).expect("a link");
    write(root, "é", "u\n", 0o644);
    let long = format!("{}/{}/{}", "d".repeat(90), "e".repeat(90), "f".repeat(120));
    write(root, &long, "long\n", 0o644);
    open_directories(root);
    dir
}

fn app() -> TempDir {
    let dir = TempDir::new().expect("a temporary directory");
    for (path, content) in [("a/3", "3\n"), ("a-b/4", "4\n"), ("sub/1", "1\n"), ("sub2/2", "2\n")] {
        write(dir.path(), path, content, 0o644);
    }
    open_directories(dir.path());
    dir
}

fn parent(path: &str) -> Parent {
    Parent { path: path.to_owned(), owner: User::new(1000, 1000), mode: 0o755 }
}

fn ownership(parents: &[&str]) -> Ownership {
    Ownership { owner: OWNER, parents: parents.iter().map(|path| parent(path)).collect() }
}

fn write_directory(from: &Path, to: &str, selection: &Selection, ownership: &Ownership) -> Written {
    let mut layer = LayerWriter::new(io::sink(), Dialect::Lifecycle);
    layer.directory(from, Path::new(to), selection, ownership).expect("the files can be read");
    layer.finish().expect("a sink takes all").1
}

fn write_files(files: &[File]) -> Written {
    let mut layer = LayerWriter::new(io::sink(), Dialect::Lifecycle);
    for file in files {
        layer.file(file).expect("a sink takes all");
    }
    layer.finish().expect("a sink takes all").1
}

#[track_caller]
fn assert_written(written: &Written, size: u64, diff_id: &str) {
    assert_eq!((written.size, written.diff_id.hex()), (size, diff_id));
}

#[test]
fn process_types_have_the_diff_id_of_the_go_lifecycle() {
    let web = launcher::process_types(["web"]).expect("valid");
    let both = launcher::process_types(["alt", "web"]).expect("valid");
    assert_written(
        &write_files(&web),
        2560,
        "83d85471d9f8a3834b4e27cf701e3f0aef220cc816d9c173c7d32cd73909a590",
    );
    assert_written(
        &write_files(&both),
        3072,
        "09d65bcf9c70167e51e99ca28729d2e21c4ee0b47c3eff2d791af1dbae36c3c0",
    );
}

#[test]
fn process_types_that_are_no_file_names_are_refused() {
    for name in ["", ".", "..", "a/b", "a\\b", "a:b", "<", ">", "|", "&"] {
        assert!(launcher::process_types(["web", name]).is_err(), "{name}");
    }
}

#[test]
fn the_launcher_has_the_diff_id_of_the_go_lifecycle() {
    let written = write_files(&launcher::launcher("launcher"));
    assert_written(&written, 3072, "3ef01a62276c42d9781edd25fceee5c2620c83803a3b03191f2524841936c920");
}

#[test]
fn a_directory_has_the_diff_id_of_the_go_lifecycle() {
    let dir = directory_layer();
    let ownership = ownership(&["/layers", "/layers/a_bp"]);
    let written = write_directory(dir.path(), "/layers/a_bp/l", &Selection::Walk, &ownership);
    assert_written(&written, 13312, "3504a2d4f93e2b35c85e0abdccbe645f07146a27014ac1cfa82b0bf8b57d1adb");
}

#[test]
fn an_application_has_the_diff_id_of_the_go_lifecycle() {
    let dir = app();
    let written = write_directory(dir.path(), "/workspace", &Selection::Sorted, &ownership(&[]));
    assert_written(&written, 7680, "420d90440ebea6de802e8b5e0e3730478f6a462fe66ed41571318dcab9b4f301");
}

#[test]
fn slices_have_the_diff_ids_of_the_go_lifecycle() {
    const SUB: (u64, &str) = (3072, "94a68231de908e5f3f19ce59537198a355314442dec0182bb21a3600e59b8f1c");
    type Case<'a> = (&'a [&'a [&'a str]], &'a [(u64, &'a str)]);
    let cases: &[Case<'_>] = &[
        (&[&["sub/*"]], &[SUB, (6144, "f3f15b21eb2245784f8c2a8bd745a78fb2010a427ca5f6d84e02a1c34da34fb6")]),
        (
            &[&["sub", "nope"], &["a/3"]],
            &[
                SUB,
                (3072, "82c2aaf3c26515e41af995ca8f49de6b492d324a529760b9576b639f63b3707a"),
                (4608, "d9074aa0a5a6afc01f42cc874ea623b9fab550299ea6bfef7db64902e135741e"),
            ],
        ),
        (
            &[&["*"]],
            &[(7680, "420d90440ebea6de802e8b5e0e3730478f6a462fe66ed41571318dcab9b4f301"), (1024, EMPTY)],
        ),
    ];
    let dir = app();
    let entries = entries(dir.path()).expect("the application can be read");
    for (patterns, expected) in cases {
        let patterns: Vec<Vec<String>> =
            patterns.iter().map(|slice| slice.iter().map(ToString::to_string).collect()).collect();
        let layers = slices::split(&entries, &patterns).expect("the patterns are valid");
        assert_eq!(layers.len(), expected.len());
        for (paths, (size, diff_id)) in layers.iter().zip(*expected) {
            let paths = paths.iter().map(|path| PathBuf::from(OsStr::from_bytes(path))).collect();
            let written =
                write_directory(dir.path(), "/workspace", &Selection::Paths(paths), &ownership(&[]));
            assert_written(&written, *size, diff_id);
        }
    }
}

#[test]
fn a_selection_without_paths_has_no_parents_either() {
    let dir = app();
    let nothing = Selection::Paths(Vec::new());
    assert_written(&write_directory(dir.path(), "/a/b", &nothing, &ownership(&["/a"])), 1024, EMPTY);
}

#[test]
fn names_need_not_be_utf8_and_sockets_are_left_out() {
    let dir = TempDir::new().expect("a temporary directory");
    let name = OsStr::from_bytes(b"\xff\xfe");
    fs::write(dir.path().join(name), "x").expect("a file");
    let _socket = UnixListener::bind(dir.path().join("socket")).expect("a socket");
    let mut layer = LayerWriter::new(Vec::new(), Dialect::Lifecycle);
    layer.directory(dir.path(), Path::new("/l"), &Selection::Walk, &ownership(&[])).expect("readable");
    let (bytes, _) = layer.finish().expect("memory takes all");
    let mut archive = tar::Archive::new(&bytes[..]);
    let paths: Vec<_> =
        archive.entries().expect("a tar").map(|entry| entry.expect("valid").path_bytes().to_vec()).collect();
    assert_eq!(paths, [b"/l".to_vec(), b"/l/\xff\xfe".to_vec()]);
}

#[test]
fn pipes_and_modes_are_kept() {
    let dir = TempDir::new().expect("a temporary directory");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, dir.path().join("pipe"), mode).expect("a pipe");
    write(dir.path(), "setuid", "", 0o4755);
    let mut layer = LayerWriter::new(Vec::new(), Dialect::Lifecycle);
    let paths = Selection::Paths(vec!["pipe".into(), "./setuid".into()]);
    layer.directory(dir.path(), Path::new("/l"), &paths, &ownership(&[])).expect("readable");
    let (bytes, _) = layer.finish().expect("memory takes all");
    let mut archive = tar::Archive::new(&bytes[..]);
    let kinds: Vec<_> = archive
        .entries()
        .expect("a tar")
        .map(|entry| entry.expect("valid").header().clone())
        .map(|header| (header.entry_type(), header.mode().expect("a mode"), header.uid().expect("an id")))
        .collect();
    assert_eq!(kinds, [(tar::EntryType::Fifo, 0o600, 1001), (tar::EntryType::Regular, 0o4755, 1001)]);
}

#[test]
fn selected_paths_do_not_leave_the_directory() {
    let dir = app();
    for path in ["../x", "/etc/passwd", "a/../../x"] {
        let mut layer = LayerWriter::new(io::sink(), Dialect::Lifecycle);
        let paths = Selection::Paths(vec![path.into()]);
        let error = layer
            .directory(dir.path(), Path::new("/l"), &paths, &ownership(&[]))
            .expect_err("the path is outside");
        assert!(matches!(error, Error::Outside { .. }), "{error}");
    }
}
