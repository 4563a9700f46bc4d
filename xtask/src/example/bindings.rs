//! What the builds need to know of this machine, as service bindings.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::Result;
use crate::example;

/// The arguments for `cnb build` that pass the settings of this machine.
///
/// # Errors
/// When a file cannot be copied.
pub(crate) fn arguments() -> Result<Vec<String>> {
    let binding = |name: &String| {
        let directory = directory().join(name);
        ["--binding".to_owned(), format!("{name}={}", directory.display())]
    };
    Ok(names()?.iter().flat_map(binding).collect())
}

/// Makes the bindings, as far as this machine has certificates and settings of pip and npm; returns their
/// names, which are those of their directories in [`directory`] as well.
///
/// # Errors
/// When a file cannot be copied.
pub(crate) fn names() -> Result<Vec<String>> {
    let home = std::env::home_dir().unwrap_or_default();
    let kinds = [
        ("ca-certificates", "ca.crt", vec![PathBuf::from("/etc/ssl/certs/ca-certificates.crt")]),
        (
            "pip",
            "pip.conf",
            vec![home.join(".config/pip/pip.conf"), home.join(".pip/pip.conf"), "/etc/pip.conf".into()],
        ),
        ("npm", ".npmrc", vec![home.join(".npmrc")]),
    ];
    let mut names = Vec::new();
    for (kind, name, places) in kinds {
        if let Some(file) = places.iter().find(|place| place.is_file()) {
            write(&directory().join(kind), kind, name, file)?;
            names.push(kind.to_owned());
        }
    }
    Ok(names)
}

/// The files of a binding without its type.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn files(name: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory().join(name))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    Ok(paths.into_iter().filter(|path| !path.ends_with("type")).collect())
}

/// Where the bindings are.
pub(crate) fn directory() -> PathBuf {
    example::directory().join("bindings")
}

fn write(directory: &Path, kind: &str, name: &str, file: &Path) -> Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join("type"), kind)?;
    fs::copy(file, directory.join(name))?;
    Ok(())
}
