//! A builder that is a shell and nothing else, and applications of any size.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::Result;
use crate::command;
use crate::example;
use crate::programs;
use crate::workspace;

const RUN_IMAGE: &str = "cnb.example/run:bench";
/// Bytes of the layer of the large application, about.
const LARGE: u64 = 1 << 30;
/// What the shell of the buildpack needs.
const COMMANDS: [&str; 5] = ["cat", "cp", "mkdir", "seq", "sh"];

/// Makes everything anew: a first build is one without any cache.
///
/// # Errors
/// When a part cannot be made.
pub(super) fn make() -> Result<()> {
    let directory = directory();
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    root_fs(&directory.join("root"))?;
    let buildpack = directory.join("buildpack");
    copy(&sources().join("buildpack"), &buildpack)?;
    // Programs and text: what layers of applications are made of.
    let files = buildpack.join("files");
    copy(&programs::directory(), &files.join("programs"))?;
    for package in ["cnb-core", "cnb-lifecycle", "cnb-oci"] {
        copy(&workspace::root().join(package).join("src"), &files.join(package))?;
    }
    let copies = LARGE.div_ceil(size(&files)?);
    for (app, copies) in [("small", 1), ("large", copies)] {
        fs::create_dir_all(directory.join(app))?;
        fs::write(directory.join(app).join("copies"), format!("{copies}\n"))?;
    }
    let mut create = example::cnb();
    create.args(["builder", "create", "--config"]).arg(sources().join("builder.toml"));
    create.args(["--run-image", &format!("{RUN_IMAGE}={}", directory.join("root").display())]);
    command::run(create.args(["--cache-dir".as_ref(), cache().as_os_str()]).arg(image("builder")))
}

/// A build of an application; with `keep`, the layer of the last build stays.
pub(super) fn build(app: &str, keep: bool) -> Command {
    let mut build = example::cnb();
    build.arg("build").arg(directory().join(app)).args(["--builder", &image("builder"), "--json"]);
    build.args(["--output", &image(app)]).args(["--cache-dir".as_ref(), cache().as_os_str()]);
    if keep {
        build.args(["--env", "KEEP=true"]);
    }
    build
}

/// The layer of an application as files here, made by the same buildpack.
///
/// # Errors
/// When the buildpack fails.
pub(super) fn layer(app: &str) -> Result<PathBuf> {
    let (layers, buildpack) = (layers(), directory().join("buildpack"));
    let mut build = command::command(buildpack.join("bin/build"));
    build
        .current_dir(directory().join(app))
        .env("CNB_LAYERS_DIR", &layers)
        .env("CNB_BUILDPACK_DIR", buildpack);
    command::run(&mut build)?;
    Ok(layers.join("files"))
}

/// Removes it.
///
/// # Errors
/// When it cannot be removed.
pub(super) fn remove_layer() -> Result<()> {
    Ok(fs::remove_dir_all(layers())?)
}

fn sources() -> PathBuf {
    workspace::root().join("xtask/bench")
}

fn directory() -> PathBuf {
    workspace::target().join("bench")
}

fn layers() -> PathBuf {
    directory().join("layers")
}

fn cache() -> PathBuf {
    directory().join("cache")
}

fn image(tag: &str) -> String {
    format!("oci:{}:{tag}", directory().join("images").display())
}

/// The root file system of builder and run image.
fn root_fs(root: &Path) -> Result<()> {
    for path in ["bin", "etc", "tmp"] {
        fs::create_dir_all(root.join(path))?;
    }
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777))?;
    fs::copy("/usr/bin/busybox", root.join("bin/busybox"))?;
    for command in COMMANDS {
        symlink("busybox", root.join("bin").join(command))?;
    }
    fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\ncnb:x:1001:1002::/:/bin/sh\n")?;
    Ok(fs::write(root.join("etc/os-release"), "ID=bench\nVERSION_ID=\"1\"\n")?)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

fn size(directory: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { size(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}
