//! Which layers an image gets, in which order.
//!
//! Source: `phase/exporter.go` and `layers/` of the lifecycle.

use cnb_core::api::PlatformApi;
use cnb_core::backend::File;
use cnb_core::backend::Select;
use cnb_core::build_metadata::BuildMetadata;
use cnb_core::digest::DiffId;
use cnb_core::encode::any;
use cnb_core::encode::any::UnsupportedNumber;
use cnb_core::labels::lifecycle;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_oci::layer::BadPattern;
use cnb_oci::layer::launcher;
use cnb_oci::layer::launcher::InvalidProcessType;
use cnb_oci::layer::slices;

use super::extended::ExtendedLayer;
use super::snapshot::BuildpackDirectory;
use super::snapshot::LayerDirectory;
use super::snapshot::Snapshot;

/// Where the links of the process types are in an image.
pub const PROCESS_DIR: &str = "/cnb/process";

/// What decides about layers, beside the [`Snapshot`].
#[derive(Clone, Copy, Debug)]
pub struct PlanInputs<'a> {
    /// The version of the platform.
    pub api: PlatformApi,
    /// The label of the previous image, or of the record of the last build.
    pub previous: &'a LifecycleMetadata,
    /// Everything in the application directory, as [`cnb_oci::layer::entries`] lists it. Not needed when
    /// [no slices](BuildMetadata::slices) are asked for.
    pub app: &'a [slices::Entry],
    /// The layers that extensions put on the run image, lowest first.
    pub extended: &'a [ExtendedLayer],
}

/// The layers of an image, lowest first.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// The layers on top of the run image.
    pub layers: Vec<PlannedLayer>,
    pub(super) build: BuildMetadata,
    pub(super) has_processes: bool,
    /// What the label says about buildpacks, without the diffIDs.
    pub(super) buildpacks: Vec<lifecycle::BuildpackLayers>,
}

/// A layer of an image.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PlannedLayer {
    /// What it is called in messages, for example `example/pip:dependencies`.
    pub id: String,
    /// What it is for.
    pub role: Role,
    /// Where its files come from.
    pub content: Content,
    /// `created_by` of its entry in the history of the image.
    pub created_by: String,
    /// The diffIDs of layers of the previous image that can stand for this one, the likeliest first.
    pub previous: Vec<DiffId>,
}

/// What a layer is for: where the labels name it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Role {
    /// A slice of the application, or all of it.
    App,
    /// A layer of a buildpack.
    Buildpack {
        /// Which one of the group, from 0.
        index: usize,
        /// The name of the layer.
        name: String,
    },
    /// `<layers>/config`.
    Config,
    /// A layer of an extension, which the labels do not name.
    Extension,
    /// The launcher.
    Launcher,
    /// The links of the process types.
    ProcessTypes,
    /// The launch SBOM.
    Sbom,
}

/// Where the files of a layer come from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Content {
    /// Files of the application directory.
    App(Select),
    /// A directory, by its path in `<layers>`: all of it, and the directories above.
    Directory(String),
    /// A layer of the extended run image, with the times of all others: which one, from 0.
    Extended(usize),
    /// Files that are known: these and no others.
    Files(Vec<File>),
    /// The layer of the previous image: the buildpack kept it without contents.
    Kept(DiffId),
    /// The launcher: see [`cnb_oci::layer::launcher::launcher`].
    Launcher,
}

impl PlannedLayer {
    /// Whether a layer with this diffID is one of the previous image.
    pub fn is_reused(&self, diff_id: &DiffId) -> bool {
        self.previous.contains(diff_id)
    }

    /// The diffID that the layer probably has.
    pub fn expected(&self) -> Option<&DiffId> {
        self.previous.first()
    }
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
#[error("planning the layers of the image")]
pub struct PlanError {
    /// The layers that come before the defect.
    pub before: Vec<PlannedLayer>,
    /// What is wrong.
    #[source]
    pub cause: PlanErrorCause,
}

/// What is wrong with a build.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanErrorCause {
    /// A buildpack wants a layer in the cache that is not there.
    #[error("layer '{0}' is cache=true but has no contents")]
    CachedWithoutContents(String),
    /// A process type cannot be the name of a file.
    #[error(transparent)]
    InvalidProcessType(#[from] InvalidProcessType),
    /// A `<layer>.toml` is malformed.
    #[error("failed to parse metadata for layers '[{}]'", .0.join(" "))]
    MalformedLayers(Vec<String>),
    /// A buildpack keeps a layer that the previous image does not have.
    #[error("cannot reuse '{0}', previous image has no metadata for layer '{0}'")]
    NothingToReuse(String),
    /// A pattern of a slice is malformed.
    #[error("exporting app layers")]
    Slice(#[from] BadPattern),
    /// A path of a slice cannot be named.
    #[error("exporting app layers: the path '{0}' is not UTF-8")]
    SlicePath(String),
    /// Metadata cannot become a label.
    #[error("metadata of '{id}': {reason}")]
    UnsupportedNumber {
        /// The layer or buildpack.
        id: String,
        /// Why.
        reason: UnsupportedNumber,
    },
}

/// Says which layers an image gets.
///
/// # Errors
/// When the layers of a buildpack make no sense together or with the previous image.
pub fn plan(snapshot: &Snapshot, inputs: &PlanInputs<'_>) -> Result<Plan, PlanError> {
    let mut planner = Planner { snapshot, inputs, layers: Vec::new(), buildpacks: Vec::new() };
    match planner.run() {
        Ok(()) => Ok(Plan {
            layers: planner.layers,
            build: snapshot.build.clone(),
            has_processes: snapshot.has_processes,
            buildpacks: planner.buildpacks,
        }),
        Err(cause) => Err(PlanError { before: planner.layers, cause }),
    }
}

/// What the store.toml of a buildpack says, as labels have it.
pub(super) fn store(directory: &BuildpackDirectory) -> Result<Option<lifecycle::Store>, UnsupportedNumber> {
    let Some(store) = &directory.store else { return Ok(None) };
    let metadata = store.metadata.as_ref().map(any::table_from_toml).transpose()?;
    Ok(Some(lifecycle::Store { metadata }))
}

struct Planner<'a> {
    snapshot: &'a Snapshot,
    inputs: &'a PlanInputs<'a>,
    layers: Vec<PlannedLayer>,
    buildpacks: Vec<lifecycle::BuildpackLayers>,
}

impl Planner<'_> {
    fn run(&mut self) -> Result<(), PlanErrorCause> {
        self.layers.extend(self.inputs.extended.iter().map(extension));
        for (index, directory) in self.snapshot.buildpacks.iter().enumerate() {
            self.buildpack(index, directory)?;
        }
        let previous = self.inputs.previous;
        if self.inputs.api.has_sboms() && self.snapshot.launch_sbom {
            let sbom = previous.sbom.clone().unwrap_or_default();
            self.add(
                "launch.sbom",
                Role::Sbom,
                directory("sbom/launch"),
                "Software Bill-of-Materials",
                &sbom,
            );
        }
        self.app()?;
        self.add(
            "launcher",
            Role::Launcher,
            Content::Launcher,
            "Buildpacks Application Launcher",
            &previous.launcher,
        );
        let config = directory("config");
        self.add("config", Role::Config, config, "Buildpacks Launcher Config", &previous.config);
        if !self.snapshot.build.processes.is_empty() {
            let types = self.snapshot.build.processes.iter().map(|process| process.r#type.as_str());
            let files = Content::Files(launcher::process_types(types)?);
            let digest = &previous.process_types;
            self.add("process-types", Role::ProcessTypes, files, "Buildpacks Process Types", digest);
        }
        Ok(())
    }

    /// Adds a layer of the lifecycle itself.
    fn add(
        &mut self,
        name: &str,
        role: Role,
        content: Content,
        created_by: &str,
        previous: &lifecycle::LayerDigest,
    ) {
        self.layers.push(PlannedLayer {
            id: format!("buildpacksio/lifecycle:{name}"),
            role,
            content,
            created_by: created_by.to_owned(),
            previous: digests([previous.sha.as_str()]),
        });
    }

    fn buildpack(&mut self, index: usize, directory: &BuildpackDirectory) -> Result<(), PlanErrorCause> {
        let buildpack = &directory.buildpack;
        let store = store(directory)
            .map_err(|reason| PlanErrorCause::UnsupportedNumber { id: buildpack.id.to_string(), reason })?;
        self.buildpacks.push(lifecycle::BuildpackLayers {
            id: buildpack.id.to_string(),
            version: buildpack.version.clone(),
            layers: std::collections::BTreeMap::new(),
            store,
        });
        for layer in &directory.layers {
            self.layer(index, directory, layer)?;
        }
        let malformed = directory.layers.iter().filter(|layer| layer.file.is_err());
        let malformed: Vec<_> = malformed.map(|layer| directory.identifier(layer)).collect();
        if malformed.is_empty() { Ok(()) } else { Err(PlanErrorCause::MalformedLayers(malformed)) }
    }

    fn layer(
        &mut self,
        index: usize,
        directory: &BuildpackDirectory,
        layer: &LayerDirectory,
    ) -> Result<(), PlanErrorCause> {
        let id = directory.identifier(layer);
        let file = match &layer.file {
            Ok(file) if file.types.launch => file,
            _ => return Ok(()),
        };
        let buildpack = &directory.buildpack;
        let metadata = layer_metadata(file)
            .map_err(|reason| PlanErrorCause::UnsupportedNumber { id: id.clone(), reason })?;
        let old = self.inputs.previous.layer(buildpack.id.as_str(), &layer.name);
        let previous = digests(old.map(|old| old.sha.as_str()));
        let content = if layer.has_contents {
            Content::Directory(directory.path(layer))
        } else if file.types.cache {
            return Err(PlanErrorCause::CachedWithoutContents(id));
        } else {
            Content::Kept(previous.first().cloned().ok_or(PlanErrorCause::NothingToReuse(id.clone()))?)
        };
        self.buildpacks[index].layers.insert(layer.name.clone(), metadata);
        self.layers.push(PlannedLayer {
            id,
            role: Role::Buildpack { index, name: layer.name.clone() },
            content,
            created_by: format!("Layer: '{}', Created by buildpack: {buildpack}", layer.name),
            previous,
        });
        Ok(())
    }

    fn app(&mut self) -> Result<(), PlanErrorCause> {
        let patterns: Vec<Vec<String>> =
            self.snapshot.build.slices.iter().map(|slice| slice.paths.clone().unwrap_or_default()).collect();
        let contents = if patterns.is_empty() {
            vec![Content::App(Select::Sorted)]
        } else {
            let layers = slices::split(self.inputs.app, &patterns)?;
            layers.into_iter().map(app_content).collect::<Result<_, _>>()?
        };
        let slices = contents.len();
        for (index, content) in contents.into_iter().enumerate() {
            let number = index + 1;
            // Any slice of the previous image will do; the one in the same place is the likeliest.
            let old: Vec<&str> = self.inputs.previous.app.iter().map(|app| app.sha.as_str()).collect();
            let (before, same) = old.split_at(index.min(old.len()));
            self.layers.push(PlannedLayer {
                id: format!("slice-{number}"),
                role: Role::App,
                content,
                created_by: if slices == 1 {
                    "Application Layer".to_owned()
                } else {
                    format!("Application Slice: {number}")
                },
                previous: digests(same.iter().chain(before).copied()),
            });
        }
        Ok(())
    }
}

/// What the label says about a layer; the diffID follows when the layer is made.
pub(super) fn layer_metadata(
    file: &cnb_core::buildpack::layer::Layer,
) -> Result<lifecycle::Layer, UnsupportedNumber> {
    Ok(lifecycle::Layer {
        sha: String::new(),
        data: file.metadata.as_ref().map(any::from_toml).transpose()?.unwrap_or_default(),
        build: file.types.build,
        launch: file.types.launch,
        cache: file.types.cache,
    })
}

/// Never reused, as in Go.
fn extension(layer: &ExtendedLayer) -> PlannedLayer {
    PlannedLayer {
        id: format!("extended-layer-{}", layer.index),
        role: Role::Extension,
        content: Content::Extended(layer.index),
        created_by: layer.created_by.clone(),
        previous: Vec::new(),
    }
}

fn directory(path: &str) -> Content {
    Content::Directory(path.to_owned())
}

/// A slice without files is a layer without entries, not even for the directories above.
fn app_content(paths: Vec<Vec<u8>>) -> Result<Content, PlanErrorCause> {
    if paths.is_empty() {
        return Ok(Content::Files(Vec::new()));
    }
    let text = |path: Vec<u8>| {
        String::from_utf8(path).map_err(|error| {
            PlanErrorCause::SlicePath(String::from_utf8_lossy(error.as_bytes()).into_owned())
        })
    };
    Ok(Content::App(Select::Paths(paths.into_iter().map(text).collect::<Result<_, _>>()?)))
}

/// Those that are digests: labels of other tools may say anything.
fn digests<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<DiffId> {
    texts.into_iter().filter_map(|text| text.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::super::snapshot::DirectoryEntry;
    use super::*;

    fn directory(id: &str, entries: &[(&str, Option<&str>)]) -> BuildpackDirectory {
        let listed: Vec<_> = entries
            .iter()
            .map(|(name, text)| DirectoryEntry { name: (*name).to_owned(), is_directory: text.is_none() })
            .collect();
        let documents: BTreeMap<_, _> = entries
            .iter()
            .filter_map(|(name, text)| text.map(|text| ((*name).to_owned(), text.as_bytes().to_vec())))
            .collect();
        let buildpack = toml::from_str(&format!("id = '{id}'\nversion = '1.0'\n")).expect("a buildpack");
        BuildpackDirectory::read(Path::new("/layers"), &buildpack, &listed, &documents).expect("a directory")
    }

    fn snapshot(metadata: &str, buildpacks: Vec<BuildpackDirectory>) -> Snapshot {
        let build = BuildMetadata::read(Path::new("metadata.toml"), metadata).expect("metadata");
        Snapshot { build, has_processes: true, buildpacks, launch_sbom: true, cache_sbom: false }
    }

    fn plan_of(snapshot: &Snapshot, previous: &LifecycleMetadata) -> Result<Plan, PlanError> {
        let app = [(".", true), ("a", false), ("b", false)]
            .map(|(path, is_directory)| slices::Entry { path: path.into(), is_directory });
        plan(snapshot, &PlanInputs { api: PlatformApi::NEWEST, previous, app: &app, extended: &[] })
    }

    #[test]
    fn layers_come_in_the_order_of_the_lifecycle() {
        let launch = Some("[types]\nlaunch = true\n");
        let snapshot = snapshot(
            "[[processes]]\ntype = 'web'\ncommand = ['x']\nbuildpack-id = 'a/b'\n[[slices]]\npaths = ['a']\n[[slices]]\npaths = ['none']\n",
            vec![
                directory("z", &[("one", None), ("one.toml", launch), ("two", None)]),
                directory("a/b", &[("l", None), ("l.toml", launch), ("l-a", None), ("l-a.toml", launch)]),
            ],
        );
        let plan = plan_of(&snapshot, &LifecycleMetadata::default()).expect("a plan");
        let layers: Vec<_> =
            plan.layers.iter().map(|layer| format!("{} | {}", layer.id, layer.created_by)).collect();
        assert_eq!(
            layers,
            [
                "z:one | Layer: 'one', Created by buildpack: z@1.0",
                "a/b:l | Layer: 'l', Created by buildpack: a/b@1.0",
                "a/b:l-a | Layer: 'l-a', Created by buildpack: a/b@1.0",
                "buildpacksio/lifecycle:launch.sbom | Software Bill-of-Materials",
                "slice-1 | Application Slice: 1",
                "slice-2 | Application Slice: 2",
                "slice-3 | Application Slice: 3",
                "buildpacksio/lifecycle:launcher | Buildpacks Application Launcher",
                "buildpacksio/lifecycle:config | Buildpacks Launcher Config",
                "buildpacksio/lifecycle:process-types | Buildpacks Process Types",
            ]
        );
        assert!(matches!(&plan.layers[1].content, Content::Directory(path) if path == "a_b/l"));
        assert!(matches!(&plan.layers[5].content, Content::Files(files) if files.is_empty()));
        assert!(
            matches!(&plan.layers[9].content, Content::Files(files) if files[2].path == "/cnb/process/web")
        );
    }

    #[test]
    fn layers_without_contents_are_kept_or_refused() {
        let digest = format!("sha256:{}", "1".repeat(64));
        let label = format!(r#"{{"buildpacks":[{{"key":"a","layers":{{"l":{{"sha":"{digest}"}}}}}}]}}"#);
        let previous: LifecycleMetadata = serde_json::from_str(&label).expect("a label");
        let launch = "[types]\nlaunch = true\n";
        let with = |text| snapshot("", vec![directory("a", &[("l.toml", Some(text))])]);
        let plan = plan_of(&with(launch), &previous).expect("a plan");
        assert!(matches!(&plan.layers[0].content, Content::Kept(kept) if kept.as_str() == digest));
        assert!(plan.layers[0].is_reused(&digest.parse().expect("a digest")));
        let cases = [
            (
                launch,
                &LifecycleMetadata::default(),
                "cannot reuse 'a:l', previous image has no metadata for layer 'a:l'",
            ),
            (
                "[types]\nlaunch = true\ncache = true\n",
                &previous,
                "layer 'a:l' is cache=true but has no contents",
            ),
        ];
        for (text, previous, expected) in cases {
            assert_eq!(plan_of(&with(text), previous).expect_err(text).cause.to_string(), expected);
        }
    }

    #[test]
    fn an_error_says_what_was_fine_before() {
        let entries = [
            ("a", None),
            ("a.toml", Some("[types]\nlaunch = true\n")),
            ("b.toml", Some("x")),
            ("c.toml", Some("y")),
        ];
        let error = plan_of(&snapshot("", vec![directory("bp", &entries)]), &LifecycleMetadata::default());
        let error = error.expect_err("malformed layers");
        assert_eq!(error.before.iter().map(|layer| layer.id.as_str()).collect::<Vec<_>>(), ["bp:a"]);
        assert_eq!(error.cause.to_string(), "failed to parse metadata for layers '[bp:b bp:c]'");
    }
}
