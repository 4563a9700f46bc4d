//! The launcher that the builder puts into images.

use bytes::Bytes;
use cnb_core::backend::Backend;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::File;
use cnb_core::backend::Part;
use cnb_core::backend::Tree;
use cnb_core::labels::build;
use futures_util::future::try_join;
use futures_util::future::try_join_all;

use super::builder::Builder;
use super::error::During as _;
use super::error::Error;

/// The formats of SBOM files: buildpack specification, "Bill-of-Materials".
const SBOM_FORMATS: [&str; 3] = ["cdx.json", "spdx.json", "syft.json"];

/// Where `<layers>` has the SBOM files of an image.
pub(super) const SBOM: &str = "sbom/launch";

/// The launcher, and what images say about it.
#[derive(Debug)]
pub(super) struct Launcher {
    /// The program.
    pub(super) program: Bytes,
    /// Version and source.
    pub(super) label: build::Launcher,
    /// SBOM files: their names, and their content.
    sboms: Vec<(String, Bytes)>,
}

impl Launcher {
    /// Reads the launcher of the lifecycle of a build.
    pub(super) async fn find(backend: &dyn Backend, builder: &Builder) -> Result<Self, Error> {
        let (tree, directory) = builder.lifecycle_files();
        let path = format!("{directory}/launcher");
        let program = async { backend.read(tree, &path).await.during(format!("read the launcher `{path}`")) };
        // Platform API 0.11: the exporter copies the SBOM files of the lifecycle itself. Those that are not the
        // launcher's go where no image has them.
        let formats = SBOM_FORMATS.iter().filter(|_| builder.platform_api.has_lifecycle_sboms());
        let sboms = formats.map(|format| async move {
            let content = read(backend, tree, &format!("{directory}/launcher.sbom.{format}")).await?;
            Ok(content.map(|content| (format!("sbom.{format}"), content)))
        });
        let (program, sboms) = try_join(program, try_join_all(sboms)).await?;
        let sboms = sboms.into_iter().flatten().collect();
        let label =
            build::Launcher { version: builder.lifecycle_version.clone(), ..build::Launcher::default() };
        Ok(Self { program, label, sboms })
    }

    /// A tree with the SBOM files of an image in [`SBOM`]: those that buildpacks left in a tree, and those of the launcher.
    /// None when there are none.
    pub(super) async fn sbom(
        &self,
        backend: &dyn Backend,
        builder: &Builder,
        of_buildpacks: Option<&Tree>,
    ) -> Result<Option<Tree>, Error> {
        if self.sboms.is_empty() {
            return Ok(of_buildpacks.cloned());
        }
        let own = |file: File| file.with_owner(builder.user);
        let root = format!("/{SBOM}");
        let mut directories = vec![format!("{root}/buildpacksio_lifecycle/launcher")];
        while let Some((above, _)) = directories.last().and_then(|path| path.rsplit_once('/'))
            && !above.is_empty()
        {
            directories.push(above.to_owned());
        }
        let mut files: Vec<File> = directories.iter().rev().map(File::directory).map(own).collect();
        for (name, content) in &self.sboms {
            files.push(own(File::regular(format!("{}/{name}", directories[0]), content.clone())));
        }
        let copy = |tree: &Tree| Part::Copy { tree: tree.clone(), from: root.clone(), to: root.clone() };
        let parts = of_buildpacks.map(copy).into_iter().chain([Part::Files(files)]);
        backend.compose(parts.collect()).await.during("add the SBOM of the launcher").map(Some)
    }
}

async fn read(backend: &dyn Backend, tree: &Tree, path: &str) -> Result<Option<Bytes>, Error> {
    match backend.read(tree, path).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        bytes => bytes.map(Some).during(format!("read `{path}`")),
    }
}
