//! The programs of the engines, out of Debian packages that are not installed.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::Result;
use crate::command;
use crate::command::command;
use crate::debian;
use crate::workspace;

/// The release with Docker Engine 26.1 and buildx 0.13. Of other libraries than libc its programs need only those that
/// every Debian system has, and no newer libc than that of Debian 12.
const RELEASE: &str = "trixie";
const PACKAGES: [&str; 7] = [
    "busybox-static",
    "containerd",
    "docker-buildx",
    "docker-cli",
    "docker-compose",
    "docker-registry",
    "docker.io",
];
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Where engines and their programs are.
pub(super) fn directory() -> PathBuf {
    workspace::target().join("engines")
}

/// The directory that the packages are unpacked to, which is filled when it is not there yet.
///
/// # Errors
/// When Debian's packages cannot be had.
pub(super) fn root() -> Result<PathBuf> {
    let root = directory().join("root");
    if is_complete(&root) {
        return Ok(root);
    }
    println!("unpacking {} of Debian {RELEASE}", PACKAGES.join(", "));
    let new = directory().join("new");
    for directory in [&new, &root] {
        if directory.exists() {
            fs::remove_dir_all(directory)?;
        }
    }
    let packages = download(&new)?;
    unpack(&packages, &new.join("root"))?;
    fs::rename(new.join("root"), &root)?;
    fs::remove_dir_all(new)?;
    Ok(root)
}

/// What packages a directory was made of, one a line.
fn list(root: &Path) -> PathBuf {
    root.join("packages")
}

fn is_complete(root: &Path) -> bool {
    let unpacked = fs::read_to_string(list(root)).unwrap_or_default();
    let names: Vec<&str> = unpacked.lines().filter_map(|file| Some(file.split_once('_')?.0)).collect();
    names == PACKAGES
}

/// Downloads the packages with an apt that has its own sources and state; returns their files in the order of names.
fn download(new: &Path) -> Result<Vec<PathBuf>> {
    let packages = new.join("packages");
    for directory in [&packages, &new.join("state/lists/partial"), &new.join("cache")] {
        fs::create_dir_all(directory)?;
    }
    let archive = debian::archive()?;
    fs::write(
        new.join("sources.list"),
        format!("deb [signed-by={KEYS} target=Packages] {archive} {RELEASE} main\n"),
    )?;
    // With nothing installed, nothing is pinned to the release of this machine.
    fs::write(new.join("status"), "")?;
    if let Err(error) = command::read(apt_get(new).arg("update")) {
        let hint = format!("a current debian-archive-keyring has the keys of {RELEASE}");
        return Err(format!("{error}\n{hint}: apt-get install --only-upgrade debian-archive-keyring").into());
    }
    command::read(apt_get(new).arg("download").args(PACKAGES).current_dir(&packages))?;
    let mut files =
        fs::read_dir(packages)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>()?;
    files.sort();
    Ok(files)
}

fn apt_get(new: &Path) -> Command {
    let mut apt = command("apt-get");
    apt.args(["--option", "Dir::Etc::SourceParts=/dev/null", "--option", "Dir::Etc::Preferences=/dev/null"]);
    apt.args(["--option", "Dir::Etc::PreferencesParts=/dev/null", "--option", "APT::Sandbox::User=root"]);
    for (option, name) in [
        ("Dir::Etc::SourceList", "sources.list"),
        ("Dir::State", "state"),
        ("Dir::State::Status", "status"),
        ("Dir::Cache", "cache"),
    ] {
        apt.arg("--option").arg(format!("{option}={}", new.join(name).display()));
    }
    apt
}

fn unpack(packages: &[PathBuf], root: &Path) -> Result<()> {
    let mut names = String::new();
    for package in packages {
        command::run(command("dpkg-deb").arg("--extract").arg(package).arg(root))?;
        let name = package.file_name().expect("it is a file of a directory").to_string_lossy();
        names.push_str(&name);
        names.push('\n');
    }
    Ok(fs::write(list(root), names)?)
}
