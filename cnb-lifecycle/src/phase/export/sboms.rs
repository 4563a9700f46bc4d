//! The SBOMs of lifecycle and launcher become SBOMs of the image; from Platform API 0.11 on.
//!
//! Source: `copyBuildpacksioSBOMs` in `phase/exporter.go` of the lifecycle.

use std::fs;
use std::io;
use std::path::Path;

use crate::disk;

/// Where the SBOMs of lifecycle and launcher are.
pub const DEFAULT_DIRECTORY: &str = "/cnb/lifecycle";

const EXTENSIONS: [&str; 3] = ["sbom.cdx.json", "sbom.spdx.json", "sbom.syft.json"];

/// Copies the SBOMs to `<layers>/sbom`. Those of the launcher are in `directory` under any name, unless that is
/// [`DEFAULT_DIRECTORY`], where they have known names.
///
/// # Errors
/// When a file cannot be read or written.
pub fn copy(layers: &Path, directory: &Path) -> io::Result<()> {
    let default = Path::new(DEFAULT_DIRECTORY);
    copy_known(default, "lifecycle", &layers.join("sbom/build/buildpacksio_lifecycle"))?;
    let launcher = layers.join("sbom/launch/buildpacksio_lifecycle/launcher");
    if directory == default || directory.as_os_str().is_empty() {
        copy_known(default, "launcher", &launcher)
    } else {
        copy_all(directory, &launcher)
    }
}

fn copy_known(from: &Path, component: &str, to: &Path) -> io::Result<()> {
    for extension in EXTENSIONS {
        let name = format!("{component}.{extension}");
        let source = from.join(&name);
        if !source.try_exists()? {
            tracing::warn!("Did not find SBOM {name} in {}", from.display());
            continue;
        }
        fs::create_dir_all(to)?;
        disk::copy(&source, &to.join(extension))?;
    }
    Ok(())
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    let is_sbom = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        let is_named_so = EXTENSIONS.iter().any(|extension| name.to_string_lossy().ends_with(extension));
        is_named_so && entry.file_type().is_ok_and(|kind| !kind.is_dir())
    };
    let entries = fs::read_dir(from).and_then(Iterator::collect::<io::Result<Vec<_>>>).inspect_err(|_| {
        tracing::warn!("Failed to list contents of directory {}", from.display());
    })?;
    fs::create_dir_all(to)?;
    for entry in entries.iter().filter(|entry| is_sbom(entry)) {
        disk::copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sbom_of_a_directory_of_ones_own_is_taken() {
        let root = tempfile::tempdir().expect("a directory");
        let own = root.path().join("own");
        fs::create_dir(&own).expect("a directory");
        for name in ["launcher.sbom.cdx.json", "x.sbom.spdx.json", "notes.json"] {
            fs::write(own.join(name), name).expect("a file");
        }
        copy(root.path(), &own).expect("copied");
        let to = root.path().join("sbom/launch/buildpacksio_lifecycle/launcher");
        let mut names: Vec<_> = fs::read_dir(to)
            .expect("a directory")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["launcher.sbom.cdx.json", "x.sbom.spdx.json"]);
    }
}
