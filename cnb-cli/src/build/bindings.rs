//! `--binding NAME=DIR`.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend::SecretBytes;
use cnb_core::backend::SecretFile;
use cnb_core::binding;
use cnb_lifecycle::platform::Binding;

use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;

/// Reads the files of a service binding. Links are followed: Kubernetes mounts secrets as links.
pub(super) fn read(flag: &str) -> Result<Binding> {
    let (name, directory) = flag.split_once('=').ok_or_else(|| usage(flag, "it must be NAME=DIR"))?;
    if !binding::is_name(name) {
        return Err(usage(flag, "the name must be that of a directory, not hidden and without `/`"));
    }
    let root = PathBuf::from(directory);
    let mut files = Vec::new();
    collect(&root, &mut Vec::new(), &mut Vec::new(), &mut files)?;
    if !files.iter().any(|file| file.path == binding::TYPE) {
        let message = format!(
            "the binding `{name}` has no type\n  help: a service binding has a file `{}` that says what it is for",
            root.join(binding::TYPE).display()
        );
        return Err(Failure::new(Exit::InvalidInput, message));
    }
    Ok(Binding { name: name.to_owned(), files })
}

fn usage(flag: &str, reason: &str) -> Failure {
    Failure::new(Exit::Usage, format!("`--binding {flag}`: {reason}"))
}

/// Reads a directory; `above` are those that it is in, by device and inode.
fn collect(
    root: &Path,
    relative: &mut Vec<String>,
    above: &mut Vec<(u64, u64)>,
    files: &mut Vec<SecretFile>,
) -> Result<()> {
    let directory = relative.iter().fold(root.to_owned(), |path, name| path.join(name));
    let metadata = fs::metadata(&directory).map_err(|error| unreadable(&directory, &error))?;
    let own = (metadata.dev(), metadata.ino());
    if above.contains(&own) {
        return Err(refused(&directory, "is a link to a directory that it is in"));
    }
    above.push(own);
    let mut names = Vec::new();
    for entry in fs::read_dir(&directory).map_err(|error| unreadable(&directory, &error))? {
        let entry = entry.map_err(|error| unreadable(&directory, &error))?;
        let name = entry.file_name().into_string().map_err(|name| {
            Failure::new(Exit::InvalidInput, format!("`{}` is not UTF-8", directory.join(name).display()))
        })?;
        names.push(name);
    }
    names.sort();
    // Kubernetes keeps the files themselves in hidden directories and links to them.
    for name in names.into_iter().filter(|name| !name.starts_with("..")) {
        let path = directory.join(&name);
        let kind = fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
        relative.push(name);
        if kind.is_dir() {
            collect(root, relative, above, files)?;
        } else if !kind.is_file() {
            // A pipe might never end, and a device neither.
            return Err(refused(&path, "is neither a file nor a directory"));
        } else {
            let content = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
            files.push(SecretFile { path: relative.join("/"), content: SecretBytes::new(content).into() });
        }
        relative.pop();
    }
    above.pop();
    Ok(())
}

fn refused(path: &Path, what: &str) -> Failure {
    let message = format!("`{}` in a binding {what}", path.display());
    Failure::new(Exit::InvalidInput, message).with_help(Some("move it out of the binding"))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::InvalidInput, format!("failed to read the binding file `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_is_a_directory_with_a_type() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let flag = format!("pip={}", directory.path().display());
        assert_eq!(read(&flag).expect_err("no type").exit, Exit::InvalidInput);
        fs::write(directory.path().join("type"), "pip").expect("a file");
        fs::create_dir_all(directory.path().join("..data/hidden")).expect("a directory");
        fs::create_dir(directory.path().join("sub")).expect("a directory");
        fs::write(directory.path().join("sub/key"), "secret").expect("a file");
        let binding = read(&flag).expect("a binding");
        let paths: Vec<_> = binding.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!((binding.name.as_str(), paths), ("pip", vec!["sub/key", "type"]));
        let hanging = |name: &str, expected: &str| {
            let failure = read(&flag).expect_err(expected);
            assert_eq!(failure.exit, Exit::InvalidInput);
            assert!(failure.message.contains(&format!("sub/{name}` in a binding {expected}")), "{failure:?}");
            fs::remove_file(directory.path().join("sub").join(name)).expect("it is there");
        };
        std::os::unix::fs::symlink("..", directory.path().join("sub/up")).expect("a link");
        hanging("up", "is a link to a directory that it is in");
        let pipe = directory.path().join("sub/pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0)
            .expect("a pipe");
        hanging("pipe", "is neither a file nor a directory");
        for flag in ["pip", "=x", "a/b=x", "..=x"] {
            assert_eq!(read(flag).expect_err(flag).exit, Exit::Usage);
        }
    }
}
