//! Base images out of root file systems, as `debootstrap` or `mmdebstrap` make them.

use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Cursor;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::analyzed::Target;
use cnb_core::digest::DiffId;
use cnb_core::labels::BASE_DISTRO_NAME;
use cnb_core::labels::BASE_DISTRO_VERSION;
use cnb_core::os_release;
use flate2::bufread::MultiGzDecoder;

mod facts;
mod pack;

use facts::Facts;

use crate::blob;
use crate::blob::Blob;
use crate::blob::BlobWriter;
use crate::compression::CompressWriter;
use crate::compression::Compressor;
use crate::config;
use crate::config::History;
use crate::config::ImageConfig;
use crate::descriptor::Descriptor;
use crate::descriptor::Manifest;
use crate::descriptor::media_type;
use crate::hash::Hasher;
use crate::layout;
use crate::layout::Layout;
use crate::platform::Platform;

/// A time that is part of the image must be the same each time: the lifecycle's choice.
const CREATED: &str = "1980-01-01T00:00:01Z";
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Makes an image of one layer, for the platform of this machine, and gives it a tag.
///
/// `root_fs` is a tar, which may be compressed with gzip and may come through a pipe, or a directory. The image runs as the user `cnb` of
/// its `/etc/passwd`, if there is one, and says so in `CNB_USER_ID` and `CNB_GROUP_ID`. Its labels name the
/// distribution of its os-release.
///
/// A directory is taken with its owners, modes and links, but without times and extended attributes.
///
/// # Errors
/// [`Error::Read`] when `root_fs` cannot be read, [`Error::NotATar`], and those of writing to a layout.
pub fn import(root_fs: &Path, layout: &Layout, tag: &str) -> Result<Descriptor, Error> {
    let (layer, diff_id) = store(root_fs, layout)?;
    let blob = layout.blobs().open(&layer.digest, layer.size)?;
    let facts = Facts::read(MultiGzDecoder::new(BufReader::new(blob)))
        .map_err(|source| Error::NotATar { path: root_fs.to_owned(), source })?;
    let config = config(&diff_id, &facts)?;
    let stored = layout.blobs().put(config.bytes())?;
    let manifest = Manifest::new(
        Descriptor::new(media_type::OCI_CONFIG, stored.digest, stored.size),
        vec![Descriptor::new(media_type::OCI_LAYER_GZIP, layer.digest, layer.size)],
    );
    Ok(layout.put_image(Some(tag), &manifest)?)
}

/// Writes the layer, compressed: every build that has it in its image reads it, to verify it.
fn store(root_fs: &Path, layout: &Layout) -> Result<(Blob, DiffId), Error> {
    let unreadable = |source| Error::Read { path: root_fs.to_owned(), source };
    let mut writer =
        Tar { gzip: Compressor::default().writer(layout.blobs().writer()?), hasher: Hasher::new() };
    if root_fs.is_dir() {
        pack::write(root_fs, &mut writer).map_err(unreadable)?;
    } else {
        let mut reader = open(root_fs).map_err(unreadable)?;
        io::copy(&mut reader, &mut writer).map_err(unreadable)?;
    }
    let written = writer.gzip.finish().map_err(blob::Error::from_write(layout.directory()))?;
    let blob = written.finish()?;
    Ok((blob, writer.hasher.finish()))
}

/// The tar of a layer, hashed before it is compressed.
struct Tar {
    gzip: CompressWriter<BlobWriter>,
    hasher: Hasher,
}

impl Write for Tar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.gzip.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.gzip.flush()
    }
}

/// The tar in a file, which may be a pipe: it is read once.
fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    let mut file = File::open(path)?;
    let mut magic = Vec::new();
    Read::by_ref(&mut file).take(2).read_to_end(&mut magic)?;
    let is_compressed = magic == GZIP;
    let whole = Cursor::new(magic).chain(file);
    Ok(if is_compressed { Box::new(MultiGzDecoder::new(BufReader::new(whole))) } else { Box::new(whole) })
}

fn config(diff_id: &DiffId, facts: &Facts) -> Result<ImageConfig, Error> {
    let platform = Platform::host();
    let mut edit = ImageConfig::empty(&platform.os, &platform.architecture).edit();
    edit.created(CREATED).env("PATH", PATH);
    if let Some((uid, gid)) = facts.user("cnb") {
        edit.env("CNB_USER_ID", uid).env("CNB_GROUP_ID", gid).user(&format!("{uid}:{gid}"));
    }
    let target = os_release::complete(Target::default(), &platform.architecture, facts.os_release());
    if let Some(distro) = target.distro {
        edit.label(BASE_DISTRO_NAME, &distro.name).label(BASE_DISTRO_VERSION, &distro.version);
    }
    let history = History { created: CREATED.to_owned(), created_by: "root file system".to_owned() };
    Ok(edit.layer(diff_id, &history).finish()?)
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A blob cannot be written.
    #[error(transparent)]
    Blob(#[from] blob::Error),
    /// The config cannot be made.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The image cannot be written.
    #[error(transparent)]
    Layout(#[from] layout::Error),
    /// The file is something else.
    #[error("{} is not the tar of a root file system, plain or compressed with gzip", path.display())]
    NotATar {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// The root file system cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests;
