//! Images and state of the program in the directory of the application are no part of the application.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use cnb_core::backend::Filter;
use cnb_core::image_name::ImageName;

/// Takes what another filter takes, but for some files.
#[derive(Debug)]
struct Without {
    files: Vec<String>,
    inner: Option<Arc<dyn Filter>>,
}

impl Filter for Without {
    fn takes(&self, path: &str, is_directory: bool) -> bool {
        !self.files.iter().any(|file| file == path)
            && self.inner.as_ref().is_none_or(|inner| inner.takes(path, is_directory))
    }
}

/// Where an image is on this machine.
pub(super) fn place(name: &ImageName) -> Option<&Path> {
    match name {
        ImageName::Oci { directory, .. } => Some(directory),
        ImageName::OciArchive { file, .. } | ImageName::DockerArchive { file, .. } => Some(file),
        _ => None,
    }
}

/// A filter of the files of `app` that leaves out `own` besides what `inner` leaves out. Files need not exist.
pub(super) fn without<'a>(
    app: &Path,
    own: impl IntoIterator<Item = &'a Path>,
    inner: Option<Arc<dyn Filter>>,
) -> Option<Arc<dyn Filter>> {
    let app = real(app);
    let inside = |path: &Path| Some(real(path).strip_prefix(&app).ok()?.to_str()?.to_owned());
    let files: Vec<_> = own.into_iter().filter_map(inside).filter(|path| !path.is_empty()).collect();
    if files.is_empty() { inner } else { Some(Arc::new(Without { files, inner })) }
}

/// The absolute path without links, as far as it exists.
fn real(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) => real(parent).join(name),
        _ => absolute,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_in_the_application_are_left_out() {
        let directory = tempfile::tempdir().expect("a directory");
        let app = directory.path().join("app");
        std::fs::create_dir_all(app.join("images")).expect("a directory");
        std::os::unix::fs::symlink("app", directory.path().join("link")).expect("a link");
        let own = ["link/images/out", "link/app.tar", "elsewhere"].map(|path| directory.path().join(path));
        let own = || own.iter().map(PathBuf::as_path);
        let filter = without(&app, own(), None).expect("two files are inside");
        for (path, expected) in
            [("images/out", false), ("app.tar", false), ("images", true), ("images/out2", true)]
        {
            assert_eq!(filter.takes(path, false), expected, "{path}");
        }
        assert!(without(&app, own().skip(2), None).is_none(), "nothing is inside");
        assert!(without(&app, [app.as_path()], None).is_none(), "the application itself is taken");
    }
}
