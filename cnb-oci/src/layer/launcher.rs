//! The files of the launcher and of the process types.
//!
//! Source: `layers/launcher.go` of the Go lifecycle.

use bytes::Bytes;
use cnb_core::backend::File;

/// Where the launcher is in an image.
pub const LAUNCHER: &str = "/cnb/lifecycle/launcher";

/// The layer of the launcher: its directories and the program.
pub fn launcher(program: impl Into<Bytes>) -> Vec<File> {
    vec![
        File::directory("/cnb"),
        File::directory("/cnb/lifecycle"),
        File::regular(LAUNCHER, program).with_mode(0o755),
    ]
}

/// The layer of the process types: a link to the launcher for each, in the order given.
///
/// # Errors
/// When a type is empty or has one of the characters `/><:|&\`, as in the Go lifecycle, and when it is `.` or `..`, which
/// there replaces the directory itself.
pub fn process_types<'a>(types: impl IntoIterator<Item = &'a str>) -> Result<Vec<File>, InvalidProcessType> {
    let mut files = vec![File::directory("/cnb"), File::directory("/cnb/process")];
    for name in types {
        if matches!(name, "" | "." | "..") || name.contains(['/', '>', '<', ':', '|', '&', '\\']) {
            return Err(InvalidProcessType(name.to_owned()));
        }
        files.push(File::symlink(format!("/cnb/process/{name}"), LAUNCHER).with_mode(0o755));
    }
    Ok(files)
}

/// A process type that cannot be a file name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    r"invalid process type `{0}`: it must not be empty, `.` or `..`, or have one of the characters `/><:|&\`"
)]
pub struct InvalidProcessType(String);
