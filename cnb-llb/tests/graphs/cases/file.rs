use std::time::UNIX_EPOCH;

use cnb_llb::Copy;
use cnb_llb::FileOp;
use cnb_llb::MakeDir;
use cnb_llb::MakeFile;
use cnb_llb::Owner;
use cnb_llb::Remove;
use cnb_llb::Symlink;

use super::Case;
use super::alpine;
use super::app;
use super::created;
use super::image;
use super::scratch;

pub(super) fn cases() -> Vec<Case> {
    let (ids, names) = (|| Owner::ids(1000, 0), || Owner::named("www-data:users"));
    let file = || MakeFile::new("/a", 0o644, "x");
    let link = || Symlink::new("t", "/link");
    let dir = || MakeDir::new("/a", 0o755);
    vec![
        ("mkfile", scratch().file(file())),
        ("mkfile-empty", alpine().file(MakeFile::new("a/../b/", 0o7600, ""))),
        ("mkfile-large", scratch().file(MakeFile::new("/a", 0o644, [0; 17000]))),
        ("mkfile-ids", alpine().file(file().owner(ids()))),
        ("mkfile-names", alpine().file(file().owner(names()))),
        ("mkfile-user-only", alpine().file(file().owner(Owner::named("root:")))),
        ("mkfile-names-on-scratch", scratch().file(file().owner(names()))),
        ("mkfile-created", scratch().file(file().created(created()))),
        ("mkfile-created-1970", scratch().file(file().created(UNIX_EPOCH))),
        ("mkdir", scratch().file(dir())),
        ("mkdir-parents", scratch().file(MakeDir::new("/a/b", 0o700).parents())),
        ("mkdir-owner", alpine().file(dir().owner(Owner::named("user:7")))),
        ("mkdir-created", scratch().file(dir().created(created()))),
        ("rm", alpine().file(Remove::new("/a"))),
        ("rm-missing", alpine().file(Remove::new("/a").allow_missing())),
        ("rm-wildcards", alpine().file(Remove::new("/a*").wildcards())),
        ("symlink", alpine().file(Symlink::new("../target", "/link"))),
        ("symlink-owner", alpine().file(link().owner(ids()))),
        ("symlink-created", alpine().file(link().created(created()))),
        ("file-chain", scratch().file(dir()).file(MakeDir::new("/a/b", 0o755))),
    ]
    .into_iter()
    .chain(several_cases())
    .collect()
}

fn several_cases() -> Vec<Case> {
    let several = FileOp::new(MakeDir::new("/a", 0o755))
        .then(MakeFile::new("/a/b", 0o644, "x").owner(Owner::named("www-data:users")))
        .then(Symlink::new("b", "/a/c"))
        .then(Remove::new("/a/b"))
        .then(Copy::new(app(), "/d", "/a/"));
    let inputs = FileOp::new(Copy::new(app(), "/", "/"))
        .then(Copy::new(alpine(), "/a", "/b"))
        .then(Copy::new(app(), "/c", "/d"))
        .then(Copy::new(image("busybox").state(), "/e", "/f"));
    let prepared = FileOp::new(MakeFile::new("/p", 0o644, "p")).then(Copy::new(app(), "/x", "/y"));
    let prepared = prepared.prepare(&scratch());
    let other = FileOp::new(MakeDir::new("/q", 0o755)).prepare(&alpine());
    let nested = FileOp::new(Copy::new(&prepared, "/p", "/n")).prepare(&alpine());
    let shared = FileOp::new(MakeDir::new("/m", 0o755))
        .then(Copy::new(&prepared, "/p", "/1"))
        .then(Copy::new(&other, "/q", "/2"))
        .then(Copy::new(&prepared, "/p", "/3"));
    let inside = FileOp::new(Copy::new(&nested, "/n", "/1")).then(Copy::new(&prepared, "/p", "/2"));
    vec![
        ("file-several", alpine().file(several)),
        ("file-inputs", scratch().file(inputs)),
        ("file-of-its-own", alpine().file(Copy::new(alpine(), "/a", "/b"))),
        ("file-prepared", alpine().file(Copy::new(&prepared, "/p", "/r"))),
        ("file-prepared-shared", alpine().file(shared)),
        ("file-prepared-nested", scratch().file(inside)),
    ]
}

pub(super) fn copy_cases() -> Vec<Case> {
    let copy = || Copy::new(app(), "/a", "/b");
    let on_alpine = |copy: Copy| alpine().file(copy);
    let required = copy().include("a").include("b").require_path("a");
    vec![
        ("copy", on_alpine(copy())),
        ("copy-root", scratch().file(Copy::new(app(), "/", "/"))),
        ("copy-relative", scratch().file(Copy::new(app(), "a/./b/", "c/d/"))),
        ("copy-into-dot", scratch().file(Copy::new(app(), ".", "c/."))),
        ("copy-from-scratch", on_alpine(Copy::new(scratch(), "/a", "/b"))),
        ("copy-ids", on_alpine(copy().owner(Owner::ids(0, 5)))),
        ("copy-names", scratch().file(copy().owner(Owner::named("a:b")))),
        ("copy-created", on_alpine(copy().created(created()))),
        ("copy-mode", on_alpine(copy().mode(0o644))),
        ("copy-mode-zero", on_alpine(copy().mode(0))),
        ("copy-symbolic-mode", on_alpine(copy().symbolic_mode("u+rwX,go-w"))),
        ("copy-follow-symlinks", on_alpine(copy().follow_symlinks())),
        ("copy-contents-only", on_alpine(copy().contents_only())),
        ("copy-unpack", on_alpine(copy().unpack())),
        ("copy-make-parents", on_alpine(copy().make_parents())),
        ("copy-wildcards", on_alpine(copy().wildcards())),
        ("copy-empty-wildcards", on_alpine(copy().empty_wildcards())),
        ("copy-include", on_alpine(copy().include("*.go").include(""))),
        ("copy-exclude", on_alpine(copy().exclude("x").exclude("!y"))),
        ("copy-required-paths", on_alpine(required)),
        ("copy-replace-existing", on_alpine(copy().replace_existing())),
    ]
}
