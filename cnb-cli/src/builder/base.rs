//! Images that builder.toml names: the base of the builder and the run images.

use std::path::Path;

use cnb_core::image_name::ImageName;
use cnb_oci::layout::Layout;
use cnb_oci::rootfs;
use tempfile::TempDir;

use super::config::BuildImage;
use super::config::Config;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;

/// The image that a builder is based on.
#[derive(Debug)]
pub(super) struct Base {
    name: ImageName,
    /// The layout of a root file system that is no image yet; needed until the builder is written.
    _layout: Option<TempDir>,
}

impl Base {
    /// An image, or one made of a root file system in a directory that vanishes with the value.
    pub(super) fn find(image: &BuildImage, scratch: &Path) -> Result<Self> {
        let root_fs = match image {
            BuildImage::Name(name) => return Ok(Self { name: name.clone(), _layout: None }),
            BuildImage::RootFs(path) => path,
        };
        let no_directory =
            |error: std::io::Error| Failure::new(Exit::Machine, format!("{}: {error}", scratch.display()));
        std::fs::create_dir_all(scratch).map_err(no_directory)?;
        let temporary = tempfile::tempdir_in(scratch).map_err(no_directory)?;
        import(root_fs, temporary.path(), "base")?;
        let name = ImageName::Oci { directory: temporary.path().to_owned(), tag: Some("base".to_owned()) };
        Ok(Self { name, _layout: Some(temporary) })
    }

    pub(super) fn name(&self) -> &ImageName {
        &self.name
    }
}

/// `--run-image NAME=PATH`: puts the images into the layout of the builder, where builds look for them.
pub(super) fn import_run_images(flags: &[String], config: &Config, output: &ImageName) -> Result<()> {
    for flag in flags {
        let usage = |reason: &str| Failure::new(Exit::Usage, format!("`--run-image {flag}`: {reason}"));
        let (name, path) = flag.split_once('=').ok_or_else(|| usage("it must be NAME=PATH"))?;
        if !config.run_images.iter().any(|image| image.image == name) {
            return Err(usage("the builder.toml has no run image of that name"));
        }
        let ImageName::Oci { directory, .. } = output else {
            return Err(usage("it needs an output `oci:DIRECTORY[:TAG]`"));
        };
        import(Path::new(path), directory, name)?;
    }
    Ok(())
}

fn import(root_fs: &Path, layout: &Path, tag: &str) -> Result<()> {
    let layout = Layout::create(layout).map_err(|error| Failure::caused(Exit::Export, &error))?;
    rootfs::import(root_fs, &layout, tag).map_err(|error| Failure::caused(exit(&error), &error))?;
    Ok(())
}

fn exit(error: &rootfs::Error) -> Exit {
    match error {
        rootfs::Error::NotATar { .. } | rootfs::Error::Read { .. } => Exit::Image,
        _ => Exit::Export,
    }
}
