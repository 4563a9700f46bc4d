//! The environment of a launched process.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::Action;
use super::Environment;
use super::EnvironmentError;
use super::EnvironmentFiles;

/// What the launcher reads and its process does not see.
const DROPPED: [&str; 5] =
    ["CNB_LAYERS_DIR", "CNB_APP_DIR", "CNB_PROCESS_TYPE", "CNB_PLATFORM_API", "CNB_DEPRECATION_MODE"];

/// Directories that the exporter puts into `PATH` for the launcher's sake.
const DROPPED_FROM_PATH: [&[u8]; 2] = [b"/cnb/process", b"/cnb/lifecycle"];

/// Directories of a launch layer, and the lists that they are put in front of.
const LISTS: [(&str, &[&str]); 2] = [("bin", &["PATH"]), ("lib", &["LD_LIBRARY_PATH"])];

/// The environment of a process to launch.
///
/// Of each buildpack, the directories of all layers count before the `env` directories of any of them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LaunchEnvironment(Environment);

impl LaunchEnvironment {
    /// Takes over the container's environment but for what concerns the launcher alone.
    pub fn inherit(mut environment: Environment) -> Self {
        for name in DROPPED {
            environment.remove(name);
        }
        if let Some(path) = environment.get("PATH") {
            let path = without_launcher(path);
            environment.set("PATH", path);
        }
        Self(environment)
    }

    /// Adds the directories of the layer at the absolute path `layer`.
    pub fn add_layer_root(
        &mut self,
        layer: &Path,
        files: &dyn EnvironmentFiles,
    ) -> Result<(), EnvironmentError> {
        self.0.add_layer_root(layer, &LISTS, files)
    }

    /// Adds `env`, `env.launch` and `env.launch/<process type>` of a layer.
    pub fn add_layer_variables(
        &mut self,
        layer: &Path,
        process_type: Option<&str>,
        files: &dyn EnvironmentFiles,
    ) -> Result<(), EnvironmentError> {
        self.0.apply_directory(&layer.join("env"), Action::Override, files)?;
        let launch = layer.join("env.launch");
        self.0.apply_directory(&launch, Action::Override, files)?;
        process_type.map_or(Ok(()), |process_type| {
            self.0.apply_directory(&launch.join(process_type), Action::Override, files)
        })
    }

    /// Sets a variable, as the output of exec.d programs does.
    pub fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.0.set(name, value);
    }

    /// The variables as they are now.
    pub fn variables(&self) -> &Environment {
        &self.0
    }
}

fn without_launcher(path: &OsStr) -> OsString {
    let kept: Vec<&[u8]> = path
        .as_bytes()
        .split(|byte| *byte == b':')
        .filter(|directory| !DROPPED_FROM_PATH.contains(directory))
        .collect();
    OsStr::from_bytes(&kept.join(&b':')).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::directory::tests::Tree;
    use super::*;

    #[test]
    fn the_launcher_leaves_no_trace() {
        let container = Environment::from_iter([
            ("PATH", "/cnb/process:/cnb/lifecycle:/bin::/cnb/lifecycle/x"),
            ("CNB_LAYERS_DIR", "/layers"),
            ("CNB_APP_DIR", "/workspace"),
            ("CNB_PROCESS_TYPE", "web"),
            ("CNB_PLATFORM_API", "0.15"),
            ("CNB_DEPRECATION_MODE", "quiet"),
            ("CNB_EXEC_ENV", "test"),
            ("PORT", "8080"),
        ]);
        let expected = Environment::from_iter([
            ("PATH", "/bin::/cnb/lifecycle/x"),
            ("CNB_EXEC_ENV", "test"),
            ("PORT", "8080"),
        ]);
        assert!(*LaunchEnvironment::inherit(container).variables() == expected);
    }

    #[test]
    fn the_most_specific_directory_has_the_last_word() {
        let tree = Tree::new([
            ("/layers/a/bin/x", ""),
            ("/layers/a/include/x", ""),
            ("/layers/a/env/NAME", "env"),
            ("/layers/a/env.launch/NAME.append", "+launch"),
            ("/layers/a/env.launch/web/NAME.append", "+web"),
            ("/layers/a/env.build/NAME", "build"),
        ]);
        for (process_type, expected) in [(None, "env+launch"), (Some("web"), "env+launch+web")] {
            let mut launch = LaunchEnvironment::default();
            let layer = Path::new("/layers/a");
            launch.add_layer_root(layer, &tree).expect("test trees are readable");
            launch.add_layer_variables(layer, process_type, &tree).expect("test trees are readable");
            let expected = Environment::from_iter([("PATH", "/layers/a/bin"), ("NAME", expected)]);
            assert!(*launch.variables() == expected, "{process_type:?}");
        }
    }
}
