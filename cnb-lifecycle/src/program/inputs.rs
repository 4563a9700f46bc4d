//! The inputs of all phases.
//!
//! Source: `platform/lifecycle_inputs.go` of the Go lifecycle.

use std::io;
use std::path;
use std::path::Path;

use cnb_core::environment::Environment;

use super::flags;

/// Values from flags, else from environment variables, else defaults: see the table in [`flags`].
/// An empty text is no value.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Inputs {
    pub(super) analyzed_path: String,
    pub(super) app_dir: String,
    pub(super) build_config_dir: String,
    pub(super) build_image: String,
    pub(super) builder_digest: String,
    pub(super) buildpacks_dir: String,
    pub(super) cache_dir: String,
    pub(super) cache_image: String,
    pub(super) cache_writer: String,
    pub(super) archives: bool,
    pub(super) default_process_type: String,
    pub(super) deprecated_run_image: String,
    pub(super) exec_env: String,
    pub(super) extend_kind: String,
    pub(super) extended_dir: String,
    pub(super) extensions_dir: String,
    pub(super) force_rebase: bool,
    pub(super) generated_dir: String,
    pub(super) gid: u32,
    pub(super) group_path: String,
    pub(super) insecure_registries: Vec<String>,
    pub(super) kaniko_cache_ttl: String,
    pub(super) launch_cache_dir: String,
    pub(super) launcher_path: String,
    pub(super) launcher_sbom_dir: String,
    pub(super) layers_dir: String,
    pub(super) layout_dir: String,
    pub(super) log_level: String,
    pub(super) no_color: bool,
    pub(super) order_path: String,
    pub(super) output_image: String,
    pub(super) parallel_export: bool,
    pub(super) plan_path: String,
    pub(super) platform_dir: String,
    pub(super) previous_dir: String,
    pub(super) previous_image: String,
    pub(super) project_metadata_path: String,
    pub(super) report_path: String,
    pub(super) run_image: String,
    pub(super) run_path: String,
    pub(super) shared_cache_dir: String,
    pub(super) skip_layers: bool,
    pub(super) stack_path: String,
    pub(super) system_path: String,
    pub(super) tags: Vec<String>,
    pub(super) uid: u32,
    pub(super) use_daemon: bool,
    pub(super) use_layout: bool,
}

/// Stands for the layers directory in default paths.
const LAYERS: &str = "<layers>";

impl Inputs {
    /// Environment variables and defaults.
    pub(super) fn from_environment(environment: &Environment) -> Self {
        let mut inputs = Self {
            exec_env: environment.text("CNB_EXEC_ENV").unwrap_or("production").to_owned(),
            ..Self::default()
        };
        for flag in &flags::FLAGS {
            flag.set_default(&mut inputs, flag.environment.and_then(|name| environment.text(name)));
        }
        inputs
    }

    /// Puts the layers directory into default paths and makes the paths of directories absolute.
    /// `order.toml` in the layers directory is used if it exists.
    pub(super) fn resolve_paths(&mut self) -> io::Result<()> {
        let order_is_default = self.order_path == format!("{LAYERS}/order.toml");
        let layers_dir = self.layers_dir.clone();
        // Without one the files are where the phase is.
        let placeholder = if layers_dir.is_empty() { format!("{LAYERS}/") } else { LAYERS.to_owned() };
        for path in [
            &mut self.analyzed_path,
            &mut self.extended_dir,
            &mut self.generated_dir,
            &mut self.group_path,
            &mut self.order_path,
            &mut self.plan_path,
            &mut self.project_metadata_path,
            &mut self.report_path,
        ] {
            *path = path.replacen(&placeholder, &layers_dir, 1);
        }
        if order_is_default && !Path::new(&self.order_path).exists() {
            "/cnb/order.toml".clone_into(&mut self.order_path);
        }
        for directory in [
            &mut self.app_dir,
            &mut self.build_config_dir,
            &mut self.buildpacks_dir,
            &mut self.cache_dir,
            &mut self.extensions_dir,
            &mut self.generated_dir,
            &mut self.launch_cache_dir,
            &mut self.layers_dir,
            &mut self.platform_dir,
            &mut self.previous_dir,
            &mut self.shared_cache_dir,
        ] {
            if !directory.is_empty() {
                *directory = absolute(directory)?;
            }
        }
        Ok(())
    }
}

/// The path from the root on, without `.` and `..`, as Go's `filepath.Abs`.
fn absolute(path: &str) -> io::Result<String> {
    let path = path::absolute(path)?;
    let mut clean = Vec::new();
    for part in path.components() {
        match part {
            path::Component::Normal(name) => clean.push(name.to_string_lossy()),
            path::Component::ParentDir => {
                clean.pop();
            }
            _ => {}
        }
    }
    Ok(format!("/{}", clean.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_win_over_defaults() {
        let environment = Environment::from_iter([
            ("CNB_LAYERS_DIR", "/out/./x/.."),
            ("CNB_GROUP_PATH", "/etc/group.toml"),
            ("CNB_USER_ID", "1001"),
            ("CNB_GROUP_ID", "no number"),
            ("CNB_SKIP_RESTORE", "T"),
            ("CNB_USE_DAEMON", "yes"),
            ("CNB_INSECURE_REGISTRIES", "a,b"),
            ("CNB_APP_DIR", ""),
        ]);
        let mut inputs = Inputs::from_environment(&environment);
        inputs.resolve_paths().expect("paths");
        assert_eq!(inputs.layers_dir, "/out");
        assert_eq!(inputs.group_path, "/etc/group.toml");
        assert_eq!(inputs.plan_path, "/out/./x/../plan.toml");
        assert_eq!(inputs.order_path, "/cnb/order.toml");
        assert_eq!(inputs.app_dir, "/workspace");
        assert_eq!((inputs.uid, inputs.gid), (1001, 0));
        assert!(inputs.skip_layers && !inputs.use_daemon);
        assert_eq!(inputs.insecure_registries, ["a", "b"]);
        assert_eq!(inputs.exec_env, "production");
    }

    #[test]
    fn without_a_layers_directory_files_are_where_the_phase_is() {
        let mut inputs = Inputs::from_environment(&Environment::new());
        inputs.layers_dir.clear();
        inputs.resolve_paths().expect("paths");
        assert_eq!((inputs.layers_dir.as_str(), inputs.plan_path.as_str()), ("", "plan.toml"));
    }
}
