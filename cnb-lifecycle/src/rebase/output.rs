//! Writes what was made: blobs first, then what names them, in the end the name.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use cnb_core::digest::Digest;
use cnb_core::image_name::ImageName;
use cnb_core::reference::Reference;
use cnb_oci::archive;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::REF_NAME;
use cnb_oci::layout::Layout;
use cnb_oci::parallel;
use cnb_oci::registry::Registry;

use super::Error;
use super::Surroundings;
use super::error::Cause;
use super::place;
use super::place::Place;
use super::whole::Whole;

type Result<T> = std::result::Result<T, Cause>;

/// Fails for a name that nothing can be written to, before there is something to write.
pub(super) fn check(output: &ImageName) -> std::result::Result<(), Error> {
    let message = match output {
        ImageName::Docker { reference } if reference.identifier().parse::<Digest>().is_ok() => {
            format!("`{output}` names what is there already: a new image needs a tag to be written to")
        }
        ImageName::Docker { .. }
        | ImageName::Oci { .. }
        | ImageName::OciArchive { .. }
        | ImageName::DockerArchive { .. } => return Ok(()),
        _ => format!(
            "images cannot be written to `{output}`: use docker://REFERENCE, oci:DIRECTORY[:TAG], \
             oci-archive:FILE[:TAG] or docker-archive:FILE[:REFERENCE]"
        ),
    };
    Err(Error::Unsupported(message))
}

/// As [`check`], when it is known what there is to write.
pub(super) fn check_whole(output: &ImageName, whole: &Whole) -> std::result::Result<(), Error> {
    if whole.entry.is_index() && matches!(output, ImageName::DockerArchive { .. }) {
        let message =
            format!("`{output}` can have one image only, not those of several platforms: use oci-archive:");
        return Err(Error::Unsupported(message));
    }
    Ok(())
}

/// Writes to an output, unless it has this very image: whether it did so.
pub(super) fn write(
    output: &ImageName,
    whole: &Whole,
    source: &Place,
    surroundings: &Surroundings<'_>,
) -> std::result::Result<bool, Error> {
    let written = match output {
        ImageName::Docker { reference } => to_registry(whole, surroundings.registry, reference),
        ImageName::Oci { directory, tag } => to_layout(whole, directory, tag.as_deref(), source),
        ImageName::OciArchive { file, tag } => to_archive(whole, file, tag.as_deref(), source, surroundings),
        ImageName::DockerArchive { file, reference } => {
            to_docker_archive(whole, file, reference.as_deref(), surroundings)
        }
        _ => unreachable!("the outputs were checked"),
    };
    written.map_err(|cause| cause.of_output(output))
}

fn to_layout(whole: &Whole, directory: &Path, tag: Option<&str>, source: &Place) -> Result<bool> {
    let same = match &source.name {
        ImageName::Oci { directory: other, .. } => same_file(directory, other),
        _ => false,
    };
    let in_place = same && is_of_source(tag, whole, source);
    let is_there = |layout: Layout| layout.entry(tag).is_ok_and(|entry| entry.digest == whole.entry.digest);
    if Layout::open(directory).is_ok_and(is_there) {
        return Ok(false);
    }
    put(whole, &Layout::create(directory)?, tag, in_place)?;
    Ok(true)
}

/// An archive that the image comes from keeps its other images.
fn to_archive(
    whole: &Whole,
    file: &Path,
    tag: Option<&str>,
    source: &Place,
    surroundings: &Surroundings<'_>,
) -> Result<bool> {
    let same = match &source.name {
        ImageName::OciArchive { file: other, .. } => same_file(file, other),
        _ => false,
    };
    if let Some(layout) = source.layout().filter(|_| same) {
        if layout.entry(tag).is_ok_and(|entry| entry.digest == whole.entry.digest) {
            return Ok(false);
        }
        put(whole, layout, tag, is_of_source(tag, whole, source))?;
        archive::oci::write(layout, file)?;
        return Ok(true);
    }
    let scratch = tempfile::tempdir_in(surroundings.scratch)?;
    let layout = Layout::create(scratch.path())?;
    put(whole, &layout, tag, false)?;
    archive::oci::write(&layout, file)?;
    Ok(true)
}

fn to_docker_archive(
    whole: &Whole,
    file: &Path,
    reference: Option<&str>,
    surroundings: &Surroundings<'_>,
) -> Result<bool> {
    let scratch = tempfile::tempdir_in(surroundings.scratch)?;
    let layout = Layout::create(scratch.path())?;
    put(whole, &layout, None, false)?;
    archive::docker::write(&layout, &layout.image_of(whole.entry.clone())?, reference, file)?;
    Ok(true)
}

/// Whether a tag, in the layout of the source, names what the source named.
fn is_of_source(tag: Option<&str>, whole: &Whole, source: &Place) -> bool {
    let own = match &source.name {
        ImageName::Oci { tag, .. } | ImageName::OciArchive { tag, .. } => tag.as_deref(),
        _ => None,
    };
    tag == own || (tag.is_some() && tag == whole.entry.ref_name())
}

/// Puts everything into a layout. What stays in its place there keeps what the layout says of it.
fn put(whole: &Whole, layout: &Layout, tag: Option<&str>, in_place: bool) -> Result<()> {
    parallel::map(blobs(whole), |(blob, place)| place.bring(blob, layout.blobs()))?;
    for part in &whole.parts {
        // One manifest alone is what the entry names.
        let manifest = Some(&part.manifest).filter(|_| whole.entry.is_index());
        for document in part.config.iter().chain(manifest) {
            layout.blobs().put(document)?;
        }
    }
    let Descriptor { media_type, digest, size, .. } = &whole.entry;
    let mut entry = Descriptor::new(media_type, digest.clone(), *size);
    if in_place {
        entry = whole.entry.clone();
    } else if let Some(tag) = tag {
        entry.annotations.insert(REF_NAME.to_owned(), tag.into());
    }
    Ok(layout.put_document(&entry, &whole.bytes)?)
}

fn to_registry(whole: &Whole, registry: &Registry, to: &Reference) -> Result<bool> {
    if registry.head(to).is_ok_and(|there| there.is_some_and(|there| there.digest == whole.entry.digest)) {
        return Ok(false);
    }
    parallel::map(blobs(whole), |(blob, place)| place.send(blob, (registry, to)))?;
    for config in whole.parts.iter().filter_map(|part| part.config.as_ref()) {
        registry.put_blob(to, config)?;
    }
    let put =
        |name: &Reference, of: &Descriptor, bytes: &Bytes| registry.put_manifest(name, &of.media_type, bytes);
    if whole.entry.is_index() {
        for part in &whole.parts {
            put(&place::by_digest(to, &part.descriptor.digest), &part.descriptor, &part.manifest)?;
        }
    }
    put(to, &whole.entry, &whole.bytes)?;
    Ok(true)
}

/// Each blob once: images for several platforms may share some.
fn blobs(whole: &Whole) -> Vec<(&Descriptor, &Place)> {
    let all = whole.parts.iter().flat_map(|part| &part.blobs);
    let by_digest: BTreeMap<_, _> = all.map(|(blob, place)| (&blob.digest, (blob, &**place))).collect();
    by_digest.into_values().collect()
}

fn same_file(a: &Path, b: &Path) -> bool {
    a == b || a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}
