//! Labels and config of an image whose layers are made.
//!
//! Source: `phase/exporter.go` of the lifecycle.

use cnb_core::api::PlatformApi;
use cnb_core::build_metadata::BuildMetadata;
use cnb_core::buildpack::group::GroupElement;
use cnb_core::digest::DiffId;
use cnb_core::encode::go_json;
use cnb_core::epoch::Epoch;
use cnb_core::labels;
use cnb_core::labels::build;
use cnb_core::labels::build::BuildLabel;
use cnb_core::labels::lifecycle;
use cnb_core::labels::lifecycle::LayerDigest;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_core::labels::lifecycle::RunImageNames;
use cnb_core::labels::project;
use cnb_core::labels::project::ProjectLabel;
use cnb_oci::layer::launcher::LAUNCHER;

use super::config;
use super::config::Config;
use super::plan::PROCESS_DIR;
use super::plan::Plan;
use super::plan::Role;

/// What an image is made of, beside its layers.
#[derive(Clone, Copy, Debug)]
pub struct ImageInputs<'a> {
    /// The version of the platform.
    pub api: PlatformApi,
    /// `<layers>` in the image, absolute.
    pub layers_dir: &'a str,
    /// The application directory in the image, absolute.
    pub app_dir: &'a str,
    /// The config of the run image.
    pub run_image_config: &'a [u8],
    /// The run image by digest.
    pub run_image_reference: &'a str,
    /// The names of the run image, for those that rebase.
    pub run_image: &'a RunImageNames,
    /// What puts the launcher into the image.
    pub launcher: &'a build::Launcher,
    /// Where the source comes from.
    pub project: &'a ProjectLabel,
    /// The process type to start, when the user says so.
    pub process_type: Option<&'a str>,
    /// The execution environment; in a label from Platform API 0.15 on.
    pub exec_env: &'a str,
    /// More labels: they win over those of the buildpacks.
    pub more_labels: &'a [(String, String)],
    /// When the image was made, in seconds since 1970: from Platform API 0.9 on, else
    /// [`config::DEFAULT_EPOCH`].
    pub created: Option<Epoch>,
}

/// An image.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AppImage {
    /// Its config, byte for byte.
    pub config: Vec<u8>,
    /// What its label `io.buildpacks.lifecycle.metadata` says.
    pub metadata: LifecycleMetadata,
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The config of the run image cannot be read.
    #[error("reading the config of the run image")]
    Config(#[source] serde_json::Error),
    /// The run image has no layers.
    #[error("get run image top layer SHA: the run image has no layers")]
    NoLayers,
    /// The user asks for a process type that no buildpack made.
    #[error("determining entrypoint: tried to set {0} to default but it doesn't exist")]
    UnknownProcessType(String),
}

impl Plan {
    /// The image of these layers: one diffID for each of [`Plan::layers`], in their order.
    ///
    /// # Errors
    /// When the config of the run image is unusable, or the process type does not exist.
    ///
    /// # Panics
    /// When the number of diffIDs is not that of the layers.
    pub fn image(&self, diff_ids: &[DiffId], inputs: &ImageInputs<'_>) -> Result<AppImage, ImageError> {
        let run_image = Config::read(inputs.run_image_config).map_err(ImageError::Config)?;
        let top_layer = run_image.top_layer().ok_or(ImageError::NoLayers)?;
        let metadata = self.metadata(diff_ids, top_layer, inputs);
        let labels = self.labels(&metadata, inputs);
        let entrypoint = entrypoint(self.process_type(inputs.process_type)?);
        let config = self.config(run_image, diff_ids, &labels, &entrypoint, inputs);
        Ok(AppImage { config: config.to_bytes(), metadata })
    }

    /// What the label `io.buildpacks.lifecycle.metadata` says.
    ///
    /// # Panics
    /// When the number of diffIDs is not that of the layers.
    pub fn metadata(
        &self,
        diff_ids: &[DiffId],
        top_layer: &str,
        inputs: &ImageInputs<'_>,
    ) -> LifecycleMetadata {
        assert_eq!(diff_ids.len(), self.layers.len(), "each layer has a diffID");
        let names = inputs.run_image;
        let in_label = if inputs.api.has_targets() { names.clone() } else { RunImageNames::default() };
        let mut metadata = LifecycleMetadata {
            buildpacks: self.buildpacks.clone(),
            run_image: lifecycle::RunImage {
                top_layer: top_layer.to_owned(),
                reference: inputs.run_image_reference.to_owned(),
                image: in_label.image,
                mirrors: in_label.mirrors,
            },
            stack: Some(lifecycle::Stack { run_image: names.clone() }),
            ..LifecycleMetadata::default()
        };
        for (layer, diff_id) in self.layers.iter().zip(diff_ids) {
            let digest = LayerDigest::from(diff_id.to_string());
            match &layer.role {
                Role::App => metadata.app.push(digest),
                Role::Buildpack { index, name } => {
                    let layers = &mut metadata.buildpacks[*index].layers;
                    layers.entry(name.clone()).or_default().sha = digest.sha;
                }
                Role::Config => metadata.config = digest,
                Role::Extension => {}
                Role::Launcher => metadata.launcher = digest,
                Role::ProcessTypes => metadata.process_types = digest,
                Role::Sbom => metadata.sbom = Some(digest),
            }
        }
        metadata
    }

    /// The labels of the image, in the order in which they are set: a later one of a name wins.
    pub fn labels(&self, metadata: &LifecycleMetadata, inputs: &ImageInputs<'_>) -> Vec<(String, String)> {
        let json = |value: Result<String, serde_json::Error>| value.expect("all keys of labels are strings");
        let mut labels = vec![
            (lifecycle::LABEL.to_owned(), json(go_json::to_string(metadata))),
            (build::LABEL.to_owned(), json(go_json::to_string(&self.build_label(inputs)))),
            (project::LABEL.to_owned(), json(go_json::to_string(inputs.project))),
        ];
        labels.extend(self.build.labels.iter().map(|label| (label.key.clone(), label.value.clone())));
        if inputs.api.has_exec_env() && !inputs.exec_env.is_empty() {
            labels.push((labels::EXEC_ENV.to_owned(), inputs.exec_env.to_owned()));
        }
        labels.extend_from_slice(inputs.more_labels);
        labels
    }

    /// The process type that the image starts: the user's, else the buildpacks', else none.
    ///
    /// # Errors
    /// When no buildpack made the user's.
    pub fn process_type<'a>(&'a self, wanted: Option<&'a str>) -> Result<Option<&'a str>, ImageError> {
        match wanted {
            Some(wanted) if self.build.processes.iter().any(|process| process.r#type.as_str() == wanted) => {
                Ok(Some(wanted))
            }
            Some(wanted) => Err(ImageError::UnknownProcessType(wanted.to_owned())),
            None => Ok(self.build.buildpack_default_process_type.as_ref().map(AsRef::as_ref)),
        }
    }

    /// The config of the image, made of the run image's.
    pub fn config(
        &self,
        run_image: Config,
        diff_ids: &[DiffId],
        labels: &[(String, String)],
        entrypoint: &str,
        inputs: &ImageInputs<'_>,
    ) -> Config {
        let mut config = run_image;
        for (layer, diff_id) in self.layers.iter().zip(diff_ids) {
            config.add_layer(diff_id, &layer.created_by);
        }
        for (key, value) in labels {
            config.set_label(key, value);
        }
        config.set_env("CNB_LAYERS_DIR", inputs.layers_dir);
        config.set_env("CNB_APP_DIR", inputs.app_dir);
        config.set_env("CNB_PLATFORM_API", &inputs.api.to_string());
        config.set_env("CNB_DEPRECATION_MODE", "quiet");
        let path = format!("{PROCESS_DIR}:/cnb/lifecycle:{}", config.env("PATH").unwrap_or_default());
        config.set_env("PATH", &path);
        config.set_process(inputs.app_dir, entrypoint);
        let created = inputs.created.filter(|_| inputs.api.honours_source_date_epoch());
        config.set_created(created.map_or(config::DEFAULT_EPOCH, Epoch::seconds), inputs.api.keeps_history());
        config
    }

    fn build_label(&self, inputs: &ImageInputs<'_>) -> BuildLabel {
        let build = &self.build;
        let buildpacks: Vec<_> = build.buildpacks.iter().map(module_label).collect();
        let processes: Vec<_> =
            build.processes.iter().map(|process| process_label(process, inputs.api)).collect();
        BuildLabel {
            bom: (!inputs.api.has_sboms_only()).then(|| bom_label(build)),
            buildpacks: Some(buildpacks).filter(|buildpacks| !buildpacks.is_empty()),
            extensions: build.extensions.iter().map(module_label).collect(),
            launcher: inputs.launcher.clone(),
            processes: self.has_processes.then_some(processes),
            buildpack_default_process_type: build
                .buildpack_default_process_type
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
        }
    }
}

/// The program that an image starts for a process type.
pub fn entrypoint(process_type: Option<&str>) -> String {
    process_type.map_or_else(|| LAUNCHER.to_owned(), |process_type| format!("{PROCESS_DIR}/{process_type}"))
}

fn module_label(element: &GroupElement) -> build::Module {
    build::Module {
        id: element.id.to_string(),
        version: element.version.clone(),
        homepage: element.homepage.clone(),
        optional: element.optional,
    }
}

fn process_label(process: &cnb_core::build_metadata::Process, api: PlatformApi) -> build::Process {
    let process = process.clone().for_platform(api);
    let command = if api.has_command_lists() {
        build::Command::Many(Some(process.command))
    } else {
        build::Command::One(process.command.into_iter().next().unwrap_or_default())
    };
    build::Process {
        r#type: process.r#type.to_string(),
        command,
        args: process.args,
        direct: process.direct,
        default: process.default,
        buildpack_id: process.buildpack_id,
        working_dir: process.working_dir,
        exec_env: process.exec_env,
    }
}

/// Keys in the order of Go's struct; null when there is nothing.
fn bom_label(build: &BuildMetadata) -> serde_json::Value {
    use cnb_core::encode::any;
    let entry = |entry: &cnb_core::buildpack::bom::BomEntry| {
        let mut json = serde_json::Map::new();
        json.insert("name".to_owned(), entry.name.clone().into());
        if !entry.version.is_empty() {
            json.insert("version".to_owned(), entry.version.clone().into());
        }
        let metadata = entry.metadata.as_ref().and_then(|table| any::table_from_toml(table).ok());
        json.insert("metadata".to_owned(), metadata.map(Into::into).unwrap_or_default());
        let buildpack = entry.buildpack.as_ref();
        let module = build::Module {
            id: buildpack.map(|buildpack| buildpack.id.to_string()).unwrap_or_default(),
            version: buildpack.map(|buildpack| buildpack.version.clone()).unwrap_or_default(),
            ..build::Module::default()
        };
        json.insert("buildpack".to_owned(), serde_json::to_value(module).expect("strings are JSON"));
        serde_json::Value::Object(json)
    };
    if build.bom.is_empty() { serde_json::Value::Null } else { build.bom.iter().map(entry).collect() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::plan;
    use super::super::plan::PlanInputs;
    use super::super::snapshot::Snapshot;
    use super::*;

    fn planned(api: PlatformApi, metadata: &str) -> Plan {
        let build = BuildMetadata::read(Path::new("metadata.toml"), metadata).expect("metadata");
        let snapshot = Snapshot { build, has_processes: true, ..Snapshot::default() };
        let previous = LifecycleMetadata::default();
        plan(&snapshot, &PlanInputs { api, previous: &previous, app: &[], extended: &[] }).expect("a plan")
    }

    fn image(api: PlatformApi, metadata: &str, process_type: Option<&str>) -> Result<String, ImageError> {
        let plan = planned(api, metadata);
        let diff_ids: Vec<DiffId> = (1..=plan.layers.len())
            .map(|number| DiffId::from_bytes([u8::try_from(number).expect("few layers"); 32]))
            .collect();
        let image = plan.image(
            &diff_ids,
            &ImageInputs {
                api,
                layers_dir: "/layers",
                app_dir: "/workspace",
                run_image_config: br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:b"]},"config":{"Cmd":["sh"],"Env":["PATH=/bin"]}}"#,
                run_image_reference: "run@sha256:1",
                run_image: &RunImageNames { image: "run".to_owned(), mirrors: vec!["mirror".to_owned()] },
                launcher: &build::Launcher::default(),
                project: &ProjectLabel::default(),
                process_type,
                exec_env: "test",
                more_labels: &[],
                created: Some(Epoch::try_from(0).expect("a date")),
            },
        )?;
        Ok(String::from_utf8(image.config).expect("JSON is text"))
    }

    const WEB: &str = "buildpack-default-process-type = 'web'\n[[processes]]\ntype = 'web'\ncommand = ['x', 'y']\nbuildpack-id = 'a'\n[[processes]]\ntype = 'alt'\ncommand = ['z']\nbuildpack-id = 'a'\n[[labels]]\nkey = 'k'\nvalue = '<'\n";

    #[test]
    fn the_version_of_the_platform_decides_what_is_said() {
        let new = image(PlatformApi::v0(15), WEB, None).expect("an image");
        let old = image(PlatformApi::v0(8), WEB, None).expect("an image");
        for (text, in_new, in_old) in [
            (r#""io.buildpacks.exec-env":"test""#, true, false),
            (r#"\"command\":[\"x\",\"y\"],\"args\":null"#, true, false),
            (r#"\"command\":\"x\",\"args\":[\"y\"]"#, false, true),
            (r#""io.buildpacks.build.metadata":"{\"bom\":null,"#, false, true),
            (
                r#"\"reference\":\"run@sha256:1\",\"image\":\"run\",\"mirrors\":[\"mirror\"]},\"stack\""#,
                true,
                false,
            ),
            (r#"\"reference\":\"run@sha256:1\"},\"stack\":{\"runImage\":{\"image\":\"run\""#, false, true),
            (r#""created":"1970-01-01T00:00:00Z""#, true, false),
            (r#""created":"1980-01-01T00:00:01Z""#, false, true),
            (r#""created_by":"Buildpacks Launcher Config""#, true, false),
            (r#""k":"\u003c""#, true, true),
            (r#""Entrypoint":["/cnb/process/web"]"#, true, true),
            ("Cmd", false, false),
            (
                r#""Env":["PATH=/cnb/process:/cnb/lifecycle:/bin","CNB_LAYERS_DIR=/layers","CNB_APP_DIR=/workspace","#,
                true,
                true,
            ),
        ] {
            assert_eq!((new.contains(text), old.contains(text)), (in_new, in_old), "{text}\n{new}\n{old}");
        }
    }

    #[test]
    fn the_user_chooses_among_the_processes_that_exist() {
        let api = PlatformApi::NEWEST;
        assert!(
            image(api, WEB, Some("alt")).expect("an image").contains(r#""Entrypoint":["/cnb/process/alt"]"#)
        );
        assert!(
            image(api, "", None).expect("an image").contains(r#""Entrypoint":["/cnb/lifecycle/launcher"]"#)
        );
        assert!(matches!(image(api, WEB, Some("nope")), Err(ImageError::UnknownProcessType(_))));
    }
}
