//! What every backend refuses.

use super::error::Error;
use super::error::ErrorKind;
use super::step::MountKind;
use super::step::Step;

/// Makes sure that a path is absolute and does not climb.
///
/// # Errors
/// `InvalidInput` otherwise.
pub fn check_path(path: &str) -> super::Result<()> {
    if path.starts_with('/') && path.split('/').all(|name| !matches!(name, "." | "..")) {
        return Ok(());
    }
    let message = format!("the path `{path}` is not absolute or has a part `.` or `..`");
    Err(Error::new(ErrorKind::InvalidInput, message))
}

impl Step {
    /// Makes sure that the step makes sense, whatever the backend.
    ///
    /// # Errors
    /// `InvalidInput` when its program is not absolute, a mount is not below `/`, two mounts have the same target or
    /// cache, or the path of a secret leaves its mount.
    pub fn check(&self) -> super::Result<()> {
        let invalid =
            |message: String| Err(Error::new(ErrorKind::InvalidInput, message).with("step", &self.name));
        match self.argv.first() {
            None => return invalid("the step has no command".to_owned()),
            Some(program) if !program.starts_with('/') => {
                return invalid(format!("the program {program} is not an absolute path"));
            }
            Some(_) => {}
        }
        for (index, mount) in self.mounts.iter().enumerate() {
            let (target, before) = (&mount.target, &self.mounts[..index]);
            if check_path(target).is_err() || names(target).next().is_none() {
                return invalid(format!("the mount target `{target}` is not an absolute path below `/`"));
            }
            if before.iter().any(|other| names(&other.target).eq(names(target))) {
                return invalid(format!("there are two mounts at {target}"));
            }
            if let Some(id) = mount.kind.cache()
                && before.iter().any(|other| other.kind.cache() == Some(id))
            {
                return invalid(format!("the cache {} is mounted twice", id.as_str()));
            }
            if let MountKind::Secrets(files) = &mount.kind {
                let leaves = |path: &str| path.split('/').any(|name| matches!(name, "" | "." | ".."));
                if let Some(file) = files.iter().find(|file| leaves(&file.path)) {
                    return invalid(format!("the secret file `{}` is not below {target}", file.path));
                }
            }
        }
        Ok(())
    }
}

fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty())
}
