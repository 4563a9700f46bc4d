//! What a buildpack says: build.toml, launch.toml and SBOM files.
//!
//! Source: the Go lifecycle's `buildpack/build.go` and `buildpack/bom.go`.

use cnb_core::buildpack::bom::BomEntry;
use cnb_core::buildpack::build::Build;
use cnb_core::buildpack::launch::Label;
use cnb_core::buildpack::launch::Launch;
use cnb_core::buildpack::launch::LaunchProcess;
use cnb_core::buildpack::launch::Slice;
use cnb_core::buildpack::plan::BuildpackPlan;
use cnb_core::buildpack::plan::Provider;

use super::BuildError;
use super::buildpack::Buildpack;
use super::layers::Layers;
use super::read_optional;
use super::sbom;
use super::sbom::SbomFile;

/// What one buildpack says, or several together.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) build_bom: Vec<BomEntry>,
    pub(super) labels: Vec<Label>,
    pub(super) launch_bom: Vec<BomEntry>,
    /// Names of dependencies that no later buildpack has to provide.
    pub(super) met: Vec<String>,
    pub(super) processes: Vec<LaunchProcess>,
    pub(super) sboms: Vec<SbomFile>,
    pub(super) slices: Vec<Slice>,
}

impl Output {
    /// Reads what a buildpack wrote into its layers directory.
    pub(super) fn read(
        buildpack: &Buildpack<'_>,
        asked: &BuildpackPlan,
        layers: &Layers,
    ) -> Result<Self, BuildError> {
        let invalid = |source| BuildError::Output { buildpack: buildpack.element.to_string(), source };
        let file = buildpack.layers.join("build.toml");
        let build = read_optional(&file)?.map(|text| Build::read(&file, &text)).transpose()?;
        let build = build.unwrap_or_default();
        let has_sboms = sbom::any(&buildpack.layers)?;
        let unmet: Vec<String> = build.unmet.into_iter().map(|unmet| unmet.name).collect();
        let mut output = Self {
            build_bom: with_buildpack(build.bom, buildpack, has_sboms).map_err(invalid)?,
            met: met(asked, &unmet).map_err(invalid)?,
            sboms: sbom::find(buildpack, layers)?,
            ..Self::default()
        };

        let file = buildpack.layers.join("launch.toml");
        if let Some(text) = read_optional(&file)? {
            let launch = Launch::read(&file, &text, buildpack.api)?;
            output.launch_bom = with_buildpack(launch.bom, buildpack, has_sboms).map_err(invalid)?;
            output.processes = processes(launch.processes, buildpack).map_err(invalid)?;
            output.labels = launch.labels;
            output.slices = launch.slices;
        }
        Ok(output)
    }

    /// Adds what a later buildpack says.
    pub(super) fn extend(&mut self, later: Self) {
        self.build_bom.extend(later.build_bom);
        self.labels.extend(later.labels);
        self.launch_bom.extend(later.launch_bom);
        self.met.extend(later.met);
        self.processes.extend(later.processes);
        self.sboms.extend(later.sboms);
        self.slices.extend(later.slices);
    }
}

fn met(asked: &BuildpackPlan, unmet: &[String]) -> Result<Vec<String>, InvalidOutput> {
    for name in unmet {
        if name.is_empty() {
            return Err(InvalidOutput::UnmetWithoutName);
        }
        if asked.entries.iter().all(|entry| entry.name != *name) {
            return Err(InvalidOutput::UnknownUnmet(name.clone()));
        }
    }
    Ok(asked.met(unmet))
}

fn with_buildpack(
    bom: Vec<BomEntry>,
    buildpack: &Buildpack<'_>,
    has_sboms: bool,
) -> Result<Vec<BomEntry>, InvalidOutput> {
    if !bom.is_empty() && !has_sboms {
        tracing::warn!(
            "BOM table is deprecated in this buildpack api version, though it remains supported for backwards \
             compatibility. Buildpack authors should write BOM information to <layer>.sbom.<ext>, \
             launch.sbom.<ext>, or build.sbom.<ext>."
        );
    }
    if let Some(entry) = bom.iter().find(|entry| !entry.version.is_empty()) {
        return Err(InvalidOutput::BomVersion(entry.name.clone()));
    }
    let provider =
        Provider { id: buildpack.id.clone(), version: buildpack.info.version.clone(), extension: false };
    Ok(bom.into_iter().map(|entry| BomEntry { buildpack: Some(provider.clone()), ..entry }).collect())
}

fn processes(
    mut processes: Vec<LaunchProcess>,
    buildpack: &Buildpack<'_>,
) -> Result<Vec<LaunchProcess>, InvalidOutput> {
    let defaults = processes.iter().filter(|process| process.default);
    // One without a type does not count, as in the Go lifecycle, unless it comes after another.
    if defaults.rev().skip(1).any(|process| !process.process_type.as_str().is_empty()) {
        return Err(InvalidOutput::SeveralDefaults);
    }
    if !buildpack.api.has_working_directories() {
        for process in processes.iter_mut().filter(|process| !process.working_dir.is_empty()) {
            tracing::warn!(
                "Warning: process working directory isn't supported in this buildpack api version. Ignoring \
                 working directory for process '{}'",
                process.process_type
            );
            process.working_dir.clear();
        }
    }
    Ok(processes)
}

/// A buildpack wrote what it may not write.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidOutput {
    /// An entry of the older bill of materials has a version of its own.
    #[error(
        "bom entry '{0}' has a top level version which is not allowed. The buildpack should instead set \
         metadata.version"
    )]
    BomVersion(String),
    /// More than one process of a launch.toml is the default.
    #[error("multiple default process types aren't allowed")]
    SeveralDefaults,
    /// A dependency is called unmet that nobody asked for.
    #[error("unmet.name '{0}' must match a requested dependency")]
    UnknownUnmet(String),
    /// A dependency without a name is called unmet.
    #[error("unmet.name is required")]
    UnmetWithoutName,
}
