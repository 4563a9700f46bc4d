//! The launcher that the builder puts into images.

use bytes::Bytes;
use cnb_core::backend::Backend;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::File;
use cnb_core::backend::Part;
use cnb_core::backend::Tree;
use cnb_core::labels::build;

use super::builder::Builder;
use super::error::During as _;
use super::error::Error;

/// The formats of SBOM files: buildpack specification, "Bill-of-Materials".
const SBOM_FORMATS: [&str; 3] = ["cdx.json", "spdx.json", "syft.json"];

/// The launcher, and what images say about it.
#[derive(Debug)]
pub(super) struct Launcher {
    /// The program.
    pub(super) program: Bytes,
    /// Version and source.
    pub(super) label: build::Launcher,
    /// SBOM files: where they go below `<layers>/sbom`, and their content.
    sboms: Vec<(String, Bytes)>,
}

impl Launcher {
    /// Reads the launcher of the lifecycle of a build.
    pub(super) async fn find(backend: &dyn Backend, builder: &Builder) -> Result<Self, Error> {
        let (tree, directory) = builder.lifecycle_files();
        let path = format!("{directory}/launcher");
        let program = backend.read(tree, &path).await.during(format!("read the launcher `{path}`"))?;
        let mut sboms = Vec::new();
        // Platform API 0.11: the exporter copies the SBOM files of the lifecycle itself.
        if builder.platform_api.has_lifecycle_sboms() {
            for (program, kind) in [("launcher", "launch"), ("lifecycle", "build")] {
                for format in SBOM_FORMATS {
                    let path = format!("{directory}/{program}.sbom.{format}");
                    let Some(content) = read(backend, tree, &path).await? else { continue };
                    let target = if program == "launcher" {
                        format!("{kind}/buildpacksio_lifecycle/launcher/sbom.{format}")
                    } else {
                        format!("{kind}/buildpacksio_lifecycle/sbom.{format}")
                    };
                    sboms.push((target, content));
                }
            }
        }
        let label =
            build::Launcher { version: builder.lifecycle_version.clone(), ..build::Launcher::default() };
        Ok(Self { program, label, sboms })
    }

    /// `<layers>` with the SBOM files of the lifecycle in it.
    pub(super) async fn with_sboms(
        &self,
        backend: &dyn Backend,
        builder: &Builder,
        layers: &Tree,
    ) -> Result<Tree, Error> {
        if self.sboms.is_empty() {
            return Ok(layers.clone());
        }
        let mut files = Vec::new();
        for (path, content) in &self.sboms {
            for (slash, _) in path.match_indices('/') {
                let above = format!("/sbom/{}", &path[..slash]);
                if !files.iter().any(|file: &File| file.path == above) {
                    files.push(File::directory(above).with_owner(builder.user));
                }
            }
            files.push(File::regular(format!("/sbom/{path}"), content.clone()).with_owner(builder.user));
        }
        let whole = Part::Copy { tree: layers.clone(), from: "/".to_owned(), to: "/".to_owned() };
        backend.compose(vec![whole, Part::Files(files)]).await.during("add the SBOM of the launcher")
    }
}

async fn read(backend: &dyn Backend, tree: &Tree, path: &str) -> Result<Option<Bytes>, Error> {
    match backend.read(tree, path).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        bytes => bytes.map(Some).during(format!("read `{path}`")),
    }
}
