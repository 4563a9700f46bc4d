//! A BuildKit with images in files of this machine.

use std::fs;
use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use cnb_core::backend::Backend;
use cnb_core::backend::Capabilities;
use cnb_core::backend::ChainOutput;
use cnb_core::backend::Entry;
use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Exported;
use cnb_core::backend::Image;
use cnb_core::backend::ImagePlan;
use cnb_core::backend::ImageRequest;
use cnb_core::backend::Layer;
use cnb_core::backend::LayerSource;
use cnb_core::backend::Part;
use cnb_core::backend::Result;
use cnb_core::backend::Source;
use cnb_core::backend::Step;
use cnb_core::backend::StepOutput;
use cnb_core::backend::Tree;
use cnb_core::event::EventSink;
use cnb_core::image_name::ImageName;
use cnb_llb::backend::BuildKit;
use cnb_oci::archive;
use cnb_oci::image;
use cnb_oci::layout::Layout;
use cnb_oci::platform::Platform;
use tempfile::TempDir;

use super::is_in_files;
use super::served::Served;
use super::served::of_files;
use super::served::scratch_directory;
use super::work::Asks;
use super::work::Wanted;
use super::work::on_thread;

/// A BuildKit that takes images from layouts and archives, and writes them to such. All else is BuildKit's.
#[derive(Debug)]
pub(super) struct WithFiles {
    inner: BuildKit,
    served: Served,
}

impl WithFiles {
    /// Takes the images that are served.
    pub(super) fn new(inner: BuildKit, served: Served) -> Self {
        Self { inner, served }
    }

    /// Has BuildKit export an image once for all files, which then get it from here: other names, the same bytes.
    async fn export_with_files(&self, plan: ImagePlan, outputs: &[ImageName]) -> Result<Vec<Exported>> {
        let scratch = scratch_directory()?;
        let file = scratch.path().join("image.tar");
        let (files, others): (Vec<_>, Vec<_>) = outputs.iter().cloned().partition(is_in_files);
        let archive = ImageName::OciArchive { file: file.clone(), tag: None };
        let asked: Vec<ImageName> = std::iter::once(archive).chain(others).collect();
        let mut exported = self.inner.export(plan, &asked).await?;
        exported.remove(0);
        let wanted = Wanted::default();
        let asks = wanted.asks();
        let written = on_thread(move || write(&scratch, &file, &files, &asks)).await;
        exported.extend(written.map_err(|error| {
            Error::new(ErrorKind::Other, "the image could not be written").with_source(error)
        })??);
        drop(wanted);
        exported.sort_by_key(|image| outputs.iter().position(|output| *output == image.output));
        Ok(exported)
    }
}

/// Writes the image of an archive to each output.
fn write(scratch: &TempDir, archive: &Path, outputs: &[ImageName], asks: &Asks) -> Result<Vec<Exported>> {
    let exported = archive::oci::read(archive, &scratch.path().join("exported"));
    let exported = exported.map_err(|error| of_files(error.kind(), &error))?;
    // Nobody needs it any more; where it cannot be removed it goes with its directory.
    let _ = fs::remove_file(archive);
    let image = exported.image(None, &Platform::host()).map_err(|error| of_files(error.kind(), &error))?;
    let mut written = Vec::new();
    for (number, output) in outputs.iter().enumerate() {
        if asks.is_in_vain() {
            break;
        }
        let own = scratch.path().join(number.to_string());
        written.push(write_one(&exported, &image, output, &own)?);
    }
    Ok(written)
}

/// Writes an image of a layout to an output; `scratch` is for a layout of its own.
fn write_one(from: &Layout, image: &image::Image, output: &ImageName, scratch: &Path) -> Result<Exported> {
    let of_layout = |error: cnb_oci::layout::Error| of_files(error.kind(), &error);
    let of_archive = |error: archive::Error| of_files(error.kind(), &error);
    match output {
        ImageName::Oci { directory, tag } => {
            let layout = Layout::create(directory).map_err(of_layout)?;
            layout.take_image(tag.as_deref(), from, image).map_err(of_layout)?;
        }
        ImageName::OciArchive { file, tag } => {
            let layout = Layout::create(scratch).map_err(of_layout)?;
            layout.take_image(tag.as_deref(), from, image).map_err(of_layout)?;
            archive::oci::write(&layout, file).map_err(of_archive)?;
        }
        ImageName::DockerArchive { file, reference } => {
            archive::docker::write(from, image, reference.as_deref(), file).map_err(of_archive)?;
        }
        other => return Err(Error::new(ErrorKind::Unsupported, format!("`{other}` is no file"))),
    }
    let descriptor = &image.descriptor;
    let id = image.config.digest().clone();
    Ok(Exported::new(output.clone(), id, descriptor.digest.clone(), descriptor.size))
}

#[async_trait]
impl Backend for WithFiles {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn resolve(&self, mut request: ImageRequest) -> Result<Image> {
        request.name = self.served.find(&request.name)?;
        self.inner.resolve(request).await
    }

    async fn load(&self, source: Source) -> Result<Tree> {
        self.inner.load(source).await
    }

    async fn run(&self, step: Step, events: &dyn EventSink) -> Result<StepOutput> {
        self.inner.run(step, events).await
    }

    async fn run_chain(&self, steps: Vec<Step>, events: &dyn EventSink) -> Result<ChainOutput> {
        self.inner.run_chain(steps, events).await
    }

    async fn read(&self, tree: &Tree, path: &str) -> Result<Bytes> {
        self.inner.read(tree, path).await
    }

    async fn list(&self, tree: &Tree, path: &str) -> Result<Vec<Entry>> {
        self.inner.list(tree, path).await
    }

    async fn compose(&self, parts: Vec<Part>) -> Result<Tree> {
        self.inner.compose(parts).await
    }

    async fn finalize(&self, layers: Vec<LayerSource>) -> Result<Vec<Layer>> {
        self.inner.finalize(layers).await
    }

    async fn export(&self, plan: ImagePlan, outputs: &[ImageName]) -> Result<Vec<Exported>> {
        if outputs.iter().any(is_in_files) {
            self.export_with_files(plan, outputs).await
        } else {
            self.inner.export(plan, outputs).await
        }
    }
}
