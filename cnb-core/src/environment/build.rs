//! The environment that buildpacks and extensions see in detect, build and generate.

use std::path::Path;

use super::Action;
use super::Environment;
use super::EnvironmentError;
use super::EnvironmentFiles;
use super::PATH_LIST_SEPARATOR;
use super::directory;

/// What passes from the phase's own environment beside the [lists](LISTS).
const PASSED: [&str; 9] = [
    "CNB_STACK_ID",
    "HOSTNAME",
    "HOME",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// Directories of a build layer, and the lists that they are put in front of.
const LISTS: [(&str, &[&str]); 4] = [
    ("bin", &["PATH"]),
    ("lib", &["LD_LIBRARY_PATH", "LIBRARY_PATH"]),
    ("include", &["CPATH"]),
    ("pkgconfig", &["PKG_CONFIG_PATH"]),
];

/// The environment of a build so far: what passed from outside and what build layers changed.
///
/// Platform and operator variables are not kept in it: [`BuildEnvironment::resolve`] adds them for one
/// buildpack. Variables of the specification (`CNB_BUILDPACK_DIR`, ..) are the caller's to set on the result.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BuildEnvironment(Environment);

impl BuildEnvironment {
    /// Takes over what buildpacks may see of the phase's own environment.
    pub fn inherit(environment: &Environment) -> Self {
        let passes = |name: &str| PASSED.contains(&name) || is_list(name);
        Self(environment.iter().filter(|(name, _)| name.to_str().is_some_and(passes)).collect())
    }

    /// Adds what a build layer at the absolute path `layer` brings: its directories, `env` and `env.build`.
    pub fn add_layer(&mut self, layer: &Path, files: &dyn EnvironmentFiles) -> Result<(), EnvironmentError> {
        self.0.add_layer_root(layer, &LISTS, files)?;
        self.0.apply_directory(&layer.join("env"), Action::Override, files)?;
        self.0.apply_directory(&layer.join("env.build"), Action::Override, files)
    }

    /// The environment for one buildpack: first the files of `<platform>/env`, which set variables and are put
    /// in front of lists; then those of `<build_config>/env`, which by default only set what is not set.
    ///
    /// `platform` is `None` for a buildpack with `clear-env`.
    pub fn resolve(
        &self,
        platform: Option<&Path>,
        build_config: Option<&Path>,
        files: &dyn EnvironmentFiles,
    ) -> Result<Environment, EnvironmentError> {
        let mut environment = self.0.clone();
        if let Some(platform) = platform {
            for file in directory::read(&platform.join("env"), files)? {
                if file.name.to_str().is_some_and(is_list) {
                    environment.prepend(&file.name, &file.value, PATH_LIST_SEPARATOR.as_ref());
                } else {
                    environment.set(file.name, file.value);
                }
            }
        }
        if let Some(build_config) = build_config {
            environment.apply_directory(&build_config.join("env"), Action::Default, files)?;
        }
        Ok(environment)
    }
}

fn is_list(name: &str) -> bool {
    LISTS.iter().any(|(_, names)| names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::super::directory::tests::Tree;
    use super::*;

    #[test]
    fn only_listed_variables_pass() {
        let outside = Environment::from_iter([
            ("HOME", "/home/cnb"),
            ("PATH", "/bin"),
            ("CPATH", "/include"),
            ("CNB_PLATFORM_API", "0.15"),
            ("SECRET", "x"),
        ]);
        let BuildEnvironment(passed) = BuildEnvironment::inherit(&outside);
        let names: Vec<_> = passed.iter().map(|(name, _)| name.to_str().expect("ASCII")).collect();
        assert_eq!(names, ["CPATH", "HOME", "PATH"]);
    }

    #[test]
    fn later_layers_come_first_in_lists() {
        let tree = Tree::new([
            ("/layers/a/bin/x", ""),
            ("/layers/a/lib/x", ""),
            ("/layers/b/bin/x", ""),
            ("/layers/b/include/x", ""),
            ("/layers/b/pkgconfig/x", ""),
            ("/layers/b/env/NAME", "env"),
            ("/layers/b/env.build/NAME.append", "+build"),
            ("/layers/b/env.launch/NAME.append", "+launch"),
        ]);
        let mut build = BuildEnvironment::inherit(&Environment::from_iter([("PATH", "/bin")]));
        for layer in ["/layers/a", "/layers/b"] {
            build.add_layer(Path::new(layer), &tree).expect("test trees are readable");
        }
        let expected = Environment::from_iter([
            ("PATH", "/layers/b/bin:/layers/a/bin:/bin"),
            ("LD_LIBRARY_PATH", "/layers/a/lib"),
            ("LIBRARY_PATH", "/layers/a/lib"),
            ("CPATH", "/layers/b/include"),
            ("PKG_CONFIG_PATH", "/layers/b/pkgconfig"),
            ("NAME", "env+build"),
        ]);
        assert!(build.0 == expected);
    }

    #[test]
    fn the_platform_wins_over_layers_and_the_operator_modifies_the_platform() {
        let tree = Tree::new([
            ("/platform/env/PATH", "/platform-bin"),
            ("/platform/env/NAME", "user"),
            ("/platform/env/DOTTED.append", "as it is"),
            ("/config/env/NAME", "not used: there is a value"),
            ("/config/env/NAME.append", "+operator"),
            ("/config/env/OTHER", "default"),
        ]);
        let build = BuildEnvironment::inherit(&Environment::from_iter([("PATH", "/bin")]));
        let resolve = |platform| {
            build.resolve(platform, Some(Path::new("/config")), &tree).expect("test trees are readable")
        };

        let environment = resolve(Some(Path::new("/platform")));
        assert_eq!(environment.text("PATH"), Some("/platform-bin:/bin"));
        assert_eq!(environment.text("NAME"), Some("user+operator"));
        assert_eq!(environment.text("DOTTED.append"), Some("as it is"));
        assert_eq!(environment.text("OTHER"), Some("default"));

        let cleared = resolve(None);
        assert_eq!(cleared.text("PATH"), Some("/bin"));
        assert_eq!(cleared.text("NAME"), Some("not used: there is a value+operator"));
    }
}
