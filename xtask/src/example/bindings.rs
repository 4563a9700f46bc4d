//! What the builds need to know of this machine, as service bindings.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::Result;
use crate::example;

/// The arguments for `cnb build` that pass the certificates, pip's and npm's settings of this machine, as
/// far as it has them.
///
/// # Errors
/// When a file cannot be copied.
pub(crate) fn arguments() -> Result<Vec<String>> {
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
    let mut arguments = Vec::new();
    for (kind, name, places) in kinds {
        let directory = example::directory().join("bindings").join(kind);
        if let Some(file) = places.iter().find(|place| place.is_file()) {
            write(&directory, kind, name, file)?;
            arguments.extend(["--binding".to_owned(), format!("{kind}={}", directory.display())]);
        }
    }
    Ok(arguments)
}

fn write(directory: &Path, kind: &str, name: &str, file: &Path) -> Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join("type"), kind)?;
    fs::copy(file, directory.join(name))?;
    Ok(())
}
