//! The system packages that the commands need.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::Result;
use crate::command;
use crate::command::command;

/// Makes sure that packages are there: installs the missing ones, saying so.
///
/// # Errors
/// When some are missing and cannot be installed; the message says what to do by hand.
pub(crate) fn ensure(packages: &[&str]) -> Result<()> {
    let missing = missing(packages)?;
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if !is_root() {
        return Err(
            format!("missing packages; as root: apt-get install --no-install-recommends {list}").into()
        );
    }
    println!("installing missing packages: {list}");
    apt_get(&["update", "--quiet=2"])?;
    let mut install = vec!["install", "--quiet=2", "--yes", "--no-install-recommends"];
    install.extend(missing);
    apt_get(&install)
}

/// Whether this process may do anything.
pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// The address of the archive of packages that this machine has its own from.
///
/// # Errors
/// When apt is not there or knows none.
pub(crate) fn archive() -> Result<String> {
    let known = || -> Result<Option<String>> {
        let mut targets = command("apt-get");
        targets.args(["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]);
        let addresses = command::read(targets.args(["Origin: Debian", "Label: Debian"]))?;
        Ok(addresses.lines().next().map(str::to_owned))
    };
    if let Some(address) = known()? {
        return Ok(address);
    }
    // Who has made an archive is known once its list is here.
    apt_get(&["update", "--quiet=2"])?;
    known()?.ok_or_else(|| "apt knows no archive of Debian: add one to /etc/apt/sources.list.d".into())
}

fn missing<'a>(packages: &[&'a str]) -> Result<Vec<&'a str>> {
    if !Path::new("/usr/bin/dpkg-query").exists() {
        let list = packages.join(" ");
        return Err(
            format!("this is not a Debian system; install what these Debian packages hold: {list}").into()
        );
    }
    let mut missing = Vec::new();
    for &package in packages {
        let mut query = command("dpkg-query");
        query.args(["--show", "--showformat=${db:Status-Status}", package]);
        if command::capture(&mut query)?.stdout != b"installed" {
            missing.push(package);
        }
    }
    Ok(missing)
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    command::run(command("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}
