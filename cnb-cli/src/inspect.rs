//! `cnb inspect`.

use std::fmt::Write as _;

use cnb_core::backend::ErrorKind;
use cnb_core::image_name::ImageName;
use cnb_core::labels::build;
use cnb_core::labels::build::BuildLabel;
use cnb_core::labels::build::Command;
use cnb_core::labels::builder;
use cnb_core::labels::builder::BuilderLabel;
use cnb_core::labels::lifecycle;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_oci::archive;
use cnb_oci::image::Image;
use cnb_oci::layout;
use cnb_oci::layout::Layout;
use cnb_oci::platform::Platform;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::json;

use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;
use crate::progress::print;
use crate::progress::readable;
use crate::registry;
use crate::size;

/// Show what an image or a builder is made of.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The image.
    #[arg(value_name = "IMAGE")]
    image: ImageName,

    #[command(flatten)]
    registry: registry::Registries,

    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let image = open(args)?;
    let text = if args.json { format!("{:#}\n", as_json(&image)) } else { as_text(&image) };
    print(&text)
}

fn open(args: &Args) -> Result<Image> {
    let host = Platform::host();
    let of_layout = |error: layout::Error| failed(error.kind(), &error);
    match &args.image {
        ImageName::Docker { reference } => {
            let image = registry::client(&args.registry)?.image(reference, &host);
            let image = image.map_err(|error| failed(error.kind(), &error))?;
            image.ok_or_else(|| Failure::new(Exit::Image, format!("there is no image `{reference}`")))
        }
        ImageName::Oci { directory, tag } => {
            Layout::open(directory).and_then(|layout| layout.image(tag.as_deref(), &host)).map_err(of_layout)
        }
        ImageName::OciArchive { file, tag } => {
            let directory = tempfile::tempdir().map_err(|error| {
                Failure::new(Exit::Machine, format!("failed to make a temporary directory: {error}"))
            })?;
            let layout = archive::oci::read(file, directory.path());
            let layout = layout.map_err(|error| failed(error.kind(), &error))?;
            layout.image(tag.as_deref(), &host).map_err(of_layout)
        }
        other => {
            let message = format!(
                "`{other}` cannot be read: this version reads `docker://`, `oci:` and `oci-archive:`"
            );
            Err(Failure::new(Exit::Usage, message))
        }
    }
}

/// An image that cannot be had, which need not be the fault of the image.
fn failed(kind: ErrorKind, error: &(dyn std::error::Error + 'static)) -> Failure {
    let exit = Exit::of_kind(kind).unwrap_or(Exit::Image);
    Failure::caused(exit, error)
}

/// A label that is JSON, if the image has it and it can be read.
fn label<T: DeserializeOwned>(image: &Image, name: &str) -> Option<T> {
    serde_json::from_str(image.config.label(name)?).ok()
}

fn as_json(image: &Image) -> Value {
    let text = |name| label::<Value>(image, name);
    json!({
        "image_id": image.config.digest(),
        "digest": image.descriptor.digest,
        "platform": { "os": image.config.os(), "architecture": image.config.architecture() },
        "layers": image.layers().map(|(diff_id, blob)| {
            json!({ "diff_id": diff_id, "digest": blob.digest, "size": blob.size })
        }).collect::<Vec<_>>(),
        "lifecycle": text(lifecycle::LABEL),
        "build": text(build::LABEL),
        "builder": text(builder::LABEL),
    })
}

fn as_text(image: &Image) -> String {
    let mut text = String::new();
    let config = &image.config;
    line(&mut text, "Image ID", config.digest());
    line(&mut text, "Digest", &image.descriptor.digest);
    line(&mut text, "Platform", format!("{}/{}", config.os(), config.architecture()));
    let metadata: Option<LifecycleMetadata> = label(image, lifecycle::LABEL);
    if let Some(metadata) = &metadata {
        line(&mut text, "Run image", &metadata.run_image.reference);
    }
    if let Some(build) = label::<BuildLabel>(image, build::LABEL) {
        app(&mut text, &build);
    }
    if let Some(label) = label::<BuilderLabel>(image, builder::LABEL) {
        for module in &label.buildpacks {
            line(&mut text, "Buildpack", format!("{} {}", module.id, module.version));
        }
        line(&mut text, "Lifecycle", &label.lifecycle.version);
        for image in &label.images {
            line(&mut text, "Run image", &image.image);
        }
    }
    let names = metadata.map(|metadata| layer_names(&metadata)).unwrap_or_default();
    for (diff_id, blob) in image.layers() {
        let name = names.iter().find(|(sha, _)| sha == diff_id.as_str()).map_or("", |(_, name)| name);
        line(&mut text, "Layer", format!("{diff_id} {:>9} {name}", size::shown(blob.size)));
    }
    text
}

fn app(text: &mut String, build: &BuildLabel) {
    for module in build.buildpacks.iter().flatten() {
        line(text, "Buildpack", format!("{} {}", module.id, module.version));
    }
    for process in build.processes.iter().flatten() {
        let command = match &process.command {
            Command::One(command) => command.clone(),
            Command::Many(words) => words.clone().unwrap_or_default().join(" "),
        };
        let args = process.args.clone().unwrap_or_default().join(" ");
        let is_default = process.r#type == build.buildpack_default_process_type;
        let note = if is_default { " (default)" } else { "" };
        line(text, "Process", format!("{}{note}: {}", process.r#type, format!("{command} {args}").trim()));
    }
}

/// What the layers are for, by diffID.
fn layer_names(metadata: &LifecycleMetadata) -> Vec<(String, String)> {
    let mut names = Vec::new();
    for buildpack in &metadata.buildpacks {
        for (name, layer) in &buildpack.layers {
            names.push((layer.sha.clone(), format!("{}:{name}", buildpack.id)));
        }
    }
    let own = [
        (Some(&metadata.config), "config"),
        (Some(&metadata.launcher), "launcher"),
        (Some(&metadata.process_types), "process types"),
        (metadata.sbom.as_ref(), "SBOM"),
    ];
    names.extend(own.into_iter().filter_map(|(layer, name)| Some((layer?.sha.clone(), name.to_owned()))));
    names.extend(metadata.app.iter().map(|layer| (layer.sha.clone(), "app".to_owned())));
    names.push((metadata.run_image.top_layer.clone(), "run image".to_owned()));
    names
}

/// A line. What is in labels is somebody else's.
fn line(text: &mut String, key: &str, value: impl std::fmt::Display) {
    let value = readable(&value.to_string());
    writeln!(text, "{key:<10} {value}").expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use cnb_oci::descriptor::Descriptor;
    use cnb_oci::descriptor::Manifest;
    use cnb_oci::descriptor::media_type;

    use super::*;

    fn exit(image: &str) -> Exit {
        let registry = registry::Registries { insecure_registry: Vec::new() };
        let args = Args { image: image.parse().expect("a name"), registry, json: false };
        open(&args).expect_err("there is no such image").exit
    }

    #[test]
    fn an_image_that_is_not_there_is_told_from_a_registry_that_is_not() {
        let failed = |kind| failed(kind, &std::fmt::Error).exit;
        assert_eq!(failed(ErrorKind::Unavailable), Exit::Machine);
        assert_eq!(failed(ErrorKind::Exhausted), Exit::Exhausted);
        assert_eq!(failed(ErrorKind::NotFound), Exit::Image);
        assert_eq!(exit("oci:nowhere"), Exit::Image);
        assert_eq!(exit("oci-archive:nowhere.tar"), Exit::Image);
        assert_eq!(exit("docker-daemon:app"), Exit::Usage);
    }

    #[test]
    fn what_others_wrote_is_shown_and_not_obeyed() {
        let directory = tempfile::tempdir().expect("a directory");
        let layout = Layout::create(directory.path()).expect("a layout");
        let process = json!({"type": "web", "command": ["\u{1b}[2J\u{1b}]0;gone\u{7}"], "buildpackID": "a"});
        let label = json!({"processes": [process]}).to_string();
        let config = json!({
            "os": "linux",
            "architecture": Platform::host().architecture,
            "rootfs": {"type": "layers", "diff_ids": []},
            "config": {"Labels": {build::LABEL: label}},
        });
        let blob = layout.blobs().put(config.to_string().as_bytes()).expect("a blob");
        let config = Descriptor::new(media_type::OCI_CONFIG, blob.digest, blob.size);
        layout.put_image(Some("app"), &Manifest::new(config, Vec::new())).expect("an image");
        let text = as_text(&layout.image(Some("app"), &Platform::host()).expect("an image"));
        assert!(text.contains("Process    web: \u{fffd}[2J\u{fffd}]0;gone\u{fffd}\n"), "{text}");
    }
}
