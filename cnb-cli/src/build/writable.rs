//! Outputs that cannot be written, found before there is something to write.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::path::Path;

use cnb_core::backend::ErrorKind;
use cnb_core::image_name::ImageName;
use cnb_oci::registry;
use cnb_oci::registry::Registry;
use rustix::fs::Access;

use super::request::DAEMON;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;

/// What is wrong, and what to do.
type Reason = (String, &'static str);

/// Makes sure before anything is built that an image can be written to an output; `has_daemon` says whether a Docker Engine
/// may be the one that builds.
pub(crate) fn writable(output: &ImageName, has_daemon: bool) -> Result<()> {
    let help = match output {
        ImageName::Docker { .. }
        | ImageName::Oci { .. }
        | ImageName::OciArchive { .. }
        | ImageName::DockerArchive { .. } => return in_files(output),
        ImageName::Other { transport, .. } if transport == DAEMON && has_daemon => return Ok(()),
        ImageName::Other { transport, .. } if transport == DAEMON => {
            "build with `cnb build --backend docker`, or use docker-archive:FILE[:REFERENCE] and `docker load`"
        }
        _ => {
            "use docker://REFERENCE, oci:DIRECTORY[:TAG], oci-archive:FILE[:TAG] or docker-archive:FILE[:REFERENCE], or with \
             `cnb build --backend docker` docker-daemon:REFERENCE"
        }
    };
    let message = format!("images cannot be written to `{output}`");
    Err(Failure::new(Exit::Usage, message).with_help(Some(help)))
}

/// As [`writable`], for what is a file or a directory.
pub(crate) fn in_files(output: &ImageName) -> Result<()> {
    let checked = match output {
        ImageName::Oci { directory, .. } => layout(directory),
        ImageName::OciArchive { file, .. } | ImageName::DockerArchive { file, .. } => archive(file),
        _ => Ok(()),
    };
    checked.map_err(|reason| refused(output, &reason))
}

/// Makes sure of the outputs in registries: asks these.
pub(crate) fn in_registries(registry: &Registry, outputs: &[ImageName]) -> Result<()> {
    for output in outputs {
        if let ImageName::Docker { reference } = output {
            registry.check_write(reference).map_err(|error| {
                let failure = Failure::caused(of_registry(&error), &error);
                let message =
                    format!("the image cannot be written to `{output}`\n  caused by: {}", failure.message);
                Failure::new(failure.exit, message)
            })?;
        }
    }
    Ok(())
}

fn of_registry(error: &registry::Error) -> Exit {
    if error.kind() == ErrorKind::Unavailable { Exit::Machine } else { Exit::Export }
}

fn refused(output: &ImageName, (reason, help): &Reason) -> Failure {
    let message = format!("the image cannot be written to `{output}`: {reason}");
    Failure::new(Exit::Export, message).with_help(Some(help))
}

/// A layout is made where there is none, with the directories that it is in.
fn layout(directory: &Path) -> std::result::Result<(), Reason> {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let is_there = |path: &&Path| path.symlink_metadata().is_ok();
    let parts =
        directory.ancestors().map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
    match parts.into_iter().find(is_there) {
        Some(part) if part.is_dir() => may_write(part),
        Some(part) => Err((
            format!("`{}` is not a directory", part.display()),
            "name a directory, which need not exist: oci:DIRECTORY[:TAG]",
        )),
        None => Ok(()),
    }
}

/// An archive is written beside the file, and takes its place.
fn archive(file: &Path) -> std::result::Result<(), Reason> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !directory.is_dir() {
        return Err((
            format!("`{}` is not a directory, or does not exist", directory.display()),
            "name a file in a directory that exists",
        ));
    }
    may_write(directory)?;
    let other = "name a file that does not exist, or an archive to be replaced";
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err((error.to_string(), other)),
        Ok(metadata) if metadata.is_dir() => Err(("it is a directory".to_owned(), other)),
        Ok(metadata) if !metadata.is_file() => Err(("it is no file".to_owned(), other)),
        Ok(metadata) if metadata.len() == 0 || is_archive(file) => Ok(()),
        Ok(_) => Err(("there is a file that is no archive".to_owned(), other)),
    }
}

fn may_write(directory: &Path) -> std::result::Result<(), Reason> {
    rustix::fs::access(directory, Access::WRITE_OK).map_err(|errno| {
        (
            format!("`{}`: {}", directory.display(), io::Error::from(errno)),
            "name another place, or change its rights",
        )
    })
}

/// Whether a file is what an archive may be: a tar, or something compressed with gzip.
fn is_archive(file: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(file).and_then(|file| file.take(512).read_to_end(&mut start));
    read.is_ok() && (start.starts_with(&[0x1f, 0x8b]) || start.get(257..262) == Some(b"ustar"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(output: &str) -> Option<String> {
        let failure = writable(&output.parse().expect("a name"), false).err()?;
        assert_eq!(failure.exit, Exit::Export);
        assert!(failure.message.contains(output) && failure.message.contains("help: "), "{failure:?}");
        Some(failure.message)
    }

    #[test]
    fn what_cannot_be_an_output_is_found_before_anything_is_built() {
        let place = tempfile::tempdir().expect("a directory");
        let root = place.path().display();
        fs::write(place.path().join("notes"), "what somebody wrote").expect("a file");
        fs::write(place.path().join("empty"), "").expect("a file");
        let mut tar = vec![0; 1024];
        tar[257..262].copy_from_slice(b"ustar");
        fs::write(place.path().join("old.tar"), tar).expect("a file");
        for (output, expected) in [
            (format!("oci:{root}/new/layout:app"), None),
            (format!("oci:{root}:app"), None),
            ("oci:relative:app".to_owned(), None),
            (format!("oci:{root}/notes:app"), Some("is not a directory")),
            (format!("oci:{root}/notes/below"), Some("notes` is not a directory")),
            (format!("oci-archive:{root}/new.tar"), None),
            ("oci-archive:relative.tar".to_owned(), None),
            (format!("oci-archive:{root}/empty"), None),
            (format!("docker-archive:{root}/old.tar"), None),
            (format!("oci-archive:{root}/notes"), Some("there is a file that is no archive")),
            (format!("docker-archive:{root}"), Some("it is a directory")),
            (format!("docker-archive:{root}/nowhere/a.tar"), Some("name a file in a directory that exists")),
            ("oci-archive:/dev/null".to_owned(), Some("it is no file")),
        ] {
            match (reason(&output), expected) {
                (None, None) => {}
                (Some(reason), Some(expected)) => assert!(reason.contains(expected), "{output}: {reason}"),
                (reason, _) => panic!("{output}: {reason:?}"),
            }
        }
    }
}
