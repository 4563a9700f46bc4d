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

/// A directory for what is needed until the builder is written.
pub(super) fn scratch(cache_dir: &Path) -> Result<TempDir> {
    let made = std::fs::create_dir_all(cache_dir).and_then(|()| tempfile::tempdir_in(cache_dir));
    made.map_err(|error| Failure::new(Exit::Machine, format!("{}: {error}", cache_dir.display())))
}

/// The image that a builder is based on: one that there is, or one made of a root file system in `scratch`.
pub(super) fn find(image: &BuildImage, scratch: &Path) -> Result<ImageName> {
    match image {
        BuildImage::Name(name) => Ok(name.clone()),
        BuildImage::RootFs(path) => {
            import(path, scratch, "base")?;
            Ok(ImageName::Oci { directory: scratch.to_owned(), tag: Some("base".to_owned()) })
        }
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
