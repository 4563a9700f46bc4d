//! An image of static programs and nothing else, in an OCI layout. It starts the first of them.
//!
//! ```text
//! cargo run --example static-image -- LAYOUT TAG PROGRAM... [LABEL=VALUE...]
//! ```
//!
//! The same programs and labels give the same image. Layers of files that are already on disk as a tree are made with
//! `LayerWriter::directory` instead.

use std::error::Error;
use std::fs;
use std::path::Path;

use cnb_core::backend::File;
use cnb_oci::compression::Compressor;
use cnb_oci::config::History;
use cnb_oci::config::ImageConfig;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Manifest;
use cnb_oci::descriptor::media_type;
use cnb_oci::layer::Dialect;
use cnb_oci::layer::LayerWriter;
use cnb_oci::layout::Layout;
use cnb_oci::platform::Platform;

/// What the Go lifecycle says of all images, because a real time would make each build another image.
const CREATED: &str = "1980-01-01T00:00:01Z";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [layout, tag, first, rest @ ..] = arguments.as_slice() else {
        return Err("usage: static-image LAYOUT TAG PROGRAM... [LABEL=VALUE...]".into());
    };
    let more = rest.iter().take_while(|argument| !argument.contains('=')).count();
    let (more, labels) = rest.split_at(more);
    let layout = Layout::create(layout)?;
    let entrypoint = path(first)?;

    // One pass: the tar is hashed, compressed and hashed again on its way to the disk.
    let mut layer =
        LayerWriter::new(Compressor::default().writer(layout.blobs().writer()?), Dialect::Lifecycle);
    for program in std::iter::once(first).chain(more) {
        layer.file(&File::regular(path(program)?, fs::read(program)?).with_mode(0o755))?;
    }
    let (gzip, tar) = layer.finish()?;
    let blob = gzip.finish()?.finish()?;
    let layer = Descriptor::new(media_type::OCI_LAYER_GZIP, blob.digest, blob.size);

    let platform = Platform::host();
    let mut config = ImageConfig::empty(&platform.os, &platform.architecture).edit();
    let history = History { created: CREATED.into(), created_by: entrypoint.clone() };
    config.created(CREATED).entrypoint(&[&entrypoint]).layer(&tar.diff_id, &history);
    for label in labels {
        let (name, value) = label.split_once('=').ok_or("a label is NAME=VALUE")?;
        config.label(name, value);
    }
    let blob = layout.blobs().put(config.finish()?.bytes())?;
    let config = Descriptor::new(media_type::OCI_CONFIG, blob.digest, blob.size);
    layout.put_image(Some(tag), &Manifest::new(config, vec![layer]))?;
    Ok(())
}

/// Where a program is in the image.
fn path(program: &str) -> Result<String, Box<dyn Error>> {
    let name = Path::new(program).file_name().and_then(|name| name.to_str());
    Ok(format!("/{}", name.ok_or("the name of the program is not Unicode")?))
}
