//! Build arguments: variables for the buildpacks, and those that say how to build.
//!
//! Names that start with `CNB_` and `builder` say how to build; what Docker and BuildKit take for themselves is left to
//! them; everything else is a variable for the buildpacks. Values may be secret, so no error and no `Debug` shows one
//! of a variable.

use std::collections::BTreeMap;

use cnb_core::api::PlatformApi;
use cnb_core::binding;
use cnb_core::binding::SecretBinding;
use cnb_core::env_file;
use cnb_core::env_file::Variable;
use cnb_core::project::CacheScope;
use cnb_lifecycle::platform::PROXY_VARIABLES;

/// What build arguments ask for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// The builder image.
    pub builder: Option<Named>,
    /// The run image.
    pub run_image: Option<Named>,
    /// The image of the last build.
    pub previous_image: Option<Named>,
    /// The Platform API.
    pub platform_api: Option<PlatformApi>,
    /// The execution environment.
    pub exec_env: Option<String>,
    /// The process that the image starts.
    pub default_process: Option<String>,
    /// The buildpacks to use instead of the order of descriptor and builder.
    pub buildpacks: Vec<String>,
    /// Whose cache it is.
    pub cache_key: Option<String>,
    /// With whom what is cached is shared, in place of the descriptor's.
    pub cache_scope: Option<CacheScope>,
    /// Whether what earlier builds left is forgotten.
    pub clear_cache: bool,
    /// Whether layers come out of the cache, but nothing is kept in it.
    pub cache_read_only: bool,
    /// Service bindings.
    pub bindings: Vec<SecretBinding>,
    /// Secrets as files `/run/secrets/ID`, by ID.
    pub secrets: Vec<String>,
    /// SSH agents, by ID.
    pub ssh: Vec<String>,
    /// Variables for the buildpacks.
    pub env: Vec<Variable>,
    /// Variables for the containers: those of a proxy.
    pub container_env: Vec<Variable>,
}

/// A value and the build argument that has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Named {
    /// The name of the argument.
    pub argument: &'static str,
    /// Its value.
    pub value: String,
}

/// A build argument that says how to build.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Argument {
    /// Its name; `CNB_BINDING_NAME` stands for one for each binding.
    pub name: &'static str,
    /// What it says.
    pub about: &'static str,
}

/// All build arguments that say how to build.
pub const ARGUMENTS: [Argument; 17] = [
    Argument { name: BUILDER, about: "the builder image, in place of the descriptor's" },
    Argument {
        name: "CNB_BINDING_NAME",
        about: "a service binding: type=TYPE[,provider=NAME],FILE=SECRET ID,...",
    },
    Argument { name: "CNB_BUILDER", about: "the same as builder" },
    Argument {
        name: "CNB_BUILDPACKS",
        about: "buildpacks in place of any order: ID[@VERSION], a path or context:NAME, ...",
    },
    Argument { name: "CNB_CACHE_KEY", about: "whose cache it is, in place of the ID or name of the project" },
    Argument { name: READ_ONLY, about: "1: take layers out of the cache, but keep none in it" },
    Argument {
        name: "CNB_CACHE_SCOPE",
        about: "with whom cached layers are shared, in place of the descriptor's: project, namespace or machine",
    },
    Argument { name: "CNB_CLEAR_CACHE", about: "1: forget what earlier builds left" },
    Argument { name: "CNB_DEFAULT_PROCESS", about: "the type of the process that the image starts" },
    Argument { name: "CNB_EXEC_ENV", about: "the execution environment: production if not said" },
    Argument { name: "CNB_PLATFORM_API", about: "the Platform API, in place of the newest that can be used" },
    Argument {
        name: "CNB_PREVIOUS_IMAGE",
        about: "the image of the last build, whose layers may be used again",
    },
    Argument { name: "CNB_RUN_IMAGE", about: "the run image, in place of the one that the builder names" },
    Argument { name: "CNB_SECRETS", about: "IDs of secrets for the buildpacks, files /run/secrets/ID" },
    Argument { name: "CNB_SSH", about: "IDs of SSH agents for the buildpacks" },
    Argument { name: EPOCH, about: "when the image was made, in seconds since 1970" },
    Argument { name: "BUILDKIT_CACHE_MOUNT_NS", about: "keeps caches apart, for example those of tenants" },
];

const BUILDER: &str = "builder";
const EPOCH: &str = "SOURCE_DATE_EPOCH";
/// What build arguments of ours start with.
const PREFIX: &str = "CNB_";
const BINDING: &str = "CNB_BINDING_";
const READ_ONLY: &str = "CNB_CACHE_READ_ONLY";
/// What those of BuildKit start with.
const BUILDKIT: &str = "BUILDKIT_";

/// A build argument cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidArgument {
    /// It cannot be a variable for buildpacks.
    #[error("the build argument `{0}` cannot be a variable for buildpacks: its name must be that of a file")]
    Name(String),
    /// Nothing is called so.
    #[error("there is no build argument `{name}`: names that start with `CNB_` say how to build, and there are {known}", known = known())]
    Unknown {
        /// Its name.
        name: String,
    },
    /// It says something that cannot be.
    #[error("the build argument `{name}` {reason}")]
    Value {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

impl Settings {
    /// Sorts build arguments. Those of ours that are empty are as good as none.
    ///
    /// # Errors
    /// For names that start with `CNB_` and mean nothing, for values that cannot be, and for names that no variable can
    /// have.
    pub fn read(arguments: &BTreeMap<String, String>) -> Result<Self, InvalidArgument> {
        let mut settings = Self::default();
        for (name, value) in arguments {
            if name == BUILDER || name.starts_with(PREFIX) {
                if !value.is_empty() {
                    settings.set(name, value)?;
                }
            } else if name == EPOCH || name.starts_with(BUILDKIT) {
                // Options and the backend read them.
            } else if !env_file::is_name(name) {
                return Err(InvalidArgument::Name(name.clone()));
            } else {
                let is_proxy = PROXY_VARIABLES.contains(&name.as_str());
                let variables = if is_proxy { &mut settings.container_env } else { &mut settings.env };
                variables.push(Variable { name: name.clone(), value: value.clone() });
            }
        }
        if settings.clear_cache && settings.cache_read_only {
            let reason = "contradicts `CNB_CLEAR_CACHE`: one of them is enough".to_owned();
            return Err(InvalidArgument::Value { name: READ_ONLY.to_owned(), reason });
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), InvalidArgument> {
        let invalid = |reason: String| InvalidArgument::Value { name: name.to_owned(), reason };
        let text = || Some(value.to_owned());
        match name {
            BUILDER => self.set_builder(BUILDER, value)?,
            "CNB_BUILDER" => self.set_builder("CNB_BUILDER", value)?,
            "CNB_RUN_IMAGE" => self.run_image = Some(Named::new("CNB_RUN_IMAGE", value)),
            "CNB_PREVIOUS_IMAGE" => self.previous_image = Some(Named::new("CNB_PREVIOUS_IMAGE", value)),
            "CNB_PLATFORM_API" => {
                let api =
                    value.parse().map_err(|_| invalid(format!("is `{value}`, which is no Platform API")))?;
                self.platform_api = Some(api);
            }
            "CNB_EXEC_ENV" => self.exec_env = text(),
            "CNB_DEFAULT_PROCESS" => self.default_process = text(),
            "CNB_BUILDPACKS" => self.buildpacks = list(value),
            "CNB_CACHE_KEY" => self.cache_key = text(),
            "CNB_CACHE_SCOPE" => {
                let scope = value.parse::<CacheScope>();
                self.cache_scope = Some(scope.map_err(|error| invalid(format!("cannot be used: {error}")))?);
            }
            "CNB_CLEAR_CACHE" => self.clear_cache = switch(value).map_err(invalid)?,
            READ_ONLY => self.cache_read_only = switch(value).map_err(invalid)?,
            "CNB_SECRETS" => {
                self.secrets = list(value);
                if let Some(id) = self.secrets.iter().find(|id| !binding::is_name(id)) {
                    return Err(invalid(format!("has `{id}`, which cannot be the name of a file")));
                }
            }
            "CNB_SSH" => self.ssh = list(value),
            _ => match name.strip_prefix(BINDING) {
                Some(binding) => self.bindings.push(read_binding(binding, value).map_err(invalid)?),
                None => return Err(InvalidArgument::Unknown { name: name.to_owned() }),
            },
        }
        Ok(())
    }

    fn set_builder(&mut self, argument: &'static str, value: &str) -> Result<(), InvalidArgument> {
        match &self.builder {
            Some(other) if other.value != value => {
                let reason = format!("contradicts `{}`: one of them is enough", other.argument);
                Err(InvalidArgument::Value { name: argument.to_owned(), reason })
            }
            _ => {
                self.builder = Some(Named::new(argument, value));
                Ok(())
            }
        }
    }
}

impl Named {
    fn new(argument: &'static str, value: &str) -> Self {
        Self { argument, value: value.to_owned() }
    }
}

/// `type=TYPE[,provider=NAME],FILE=SECRET ID,...`. What is wrong does not repeat the value: somebody may have put the
/// secret itself there.
fn read_binding(name: &str, value: &str) -> Result<SecretBinding, String> {
    let form = || "is not `type=TYPE[,provider=NAME],FILE=SECRET ID,...`".to_owned();
    let (mut r#type, mut provider, mut secrets) = ("", None, Vec::new());
    for field in value.split(',') {
        match field.split_once('=').ok_or_else(form)? {
            (binding::TYPE, text) => r#type = text,
            (binding::PROVIDER, text) => provider = Some(text),
            (file, id) => secrets.push((file.to_owned(), id.to_owned())),
        }
    }
    SecretBinding::new(name, r#type, provider, secrets).map_err(|error| format!("cannot be used: {error}"))
}

fn switch(value: &str) -> Result<bool, String> {
    match value {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(format!("is `{value}`: it can be 1 or 0")),
    }
}

fn list(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

fn known() -> String {
    let ours = ARGUMENTS.iter().map(|argument| argument.name).filter(|name| name.starts_with(PREFIX));
    ours.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[(&str, &str)]) -> Result<Settings, InvalidArgument> {
        let owned = arguments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::read(&owned.collect())
    }

    fn names(variables: &[Variable]) -> Vec<&str> {
        variables.iter().map(|variable| variable.name.as_str()).collect()
    }

    #[test]
    fn what_is_nobodys_is_a_variable_for_buildpacks() {
        let settings = read(&[
            ("BP_X", "1"),
            ("EMPTY", ""),
            ("BUILDKIT_SYNTAX", "x"),
            ("SOURCE_DATE_EPOCH", "1"),
            ("https_proxy", "http://u:p@example.com"),
            ("builder", "b"),
        ])
        .expect("valid");
        assert_eq!(names(&settings.env), ["BP_X", "EMPTY"]);
        assert_eq!(names(&settings.container_env), ["https_proxy"]);
        assert!(!format!("{settings:?}").contains("u:p@"));
    }

    #[test]
    fn arguments_of_ours_say_how_to_build() {
        let settings = read(&[
            ("CNB_BUILDER", "b"),
            ("builder", "b"),
            ("CNB_RUN_IMAGE", "r"),
            ("CNB_PREVIOUS_IMAGE", "p"),
            ("CNB_PLATFORM_API", "0.13"),
            ("CNB_EXEC_ENV", "test"),
            ("CNB_DEFAULT_PROCESS", "web"),
            ("CNB_BUILDPACKS", "a/b@1, context:own"),
            ("CNB_CACHE_KEY", "k"),
            ("CNB_CACHE_SCOPE", "machine"),
            ("CNB_CLEAR_CACHE", "1"),
            ("CNB_BINDING_db", "type=postgresql,provider=p,password=db-password"),
            ("CNB_SECRETS", "npm,pip"),
            ("CNB_SSH", "default"),
            (READ_ONLY, "0"),
        ])
        .expect("valid");
        let value = |named: &Option<Named>| named.as_ref().map(|named| named.value.clone());
        assert_eq!(value(&settings.builder).as_deref(), Some("b"));
        assert_eq!(value(&settings.run_image).as_deref(), Some("r"));
        assert_eq!(value(&settings.previous_image).as_deref(), Some("p"));
        assert_eq!(settings.platform_api, Some(PlatformApi::v0(13)));
        assert_eq!(settings.exec_env.as_deref(), Some("test"));
        assert_eq!(settings.default_process.as_deref(), Some("web"));
        assert_eq!(settings.buildpacks, ["a/b@1", "context:own"]);
        assert_eq!(settings.cache_key.as_deref(), Some("k"));
        assert_eq!(settings.cache_scope, Some(CacheScope::Machine));
        assert!(settings.clear_cache && !settings.cache_read_only);
        assert!(read(&[(READ_ONLY, "1")]).expect("valid").cache_read_only);
        assert_eq!(settings.bindings[0].name, "db");
        assert_eq!(settings.bindings[0].secrets["password"], "db-password");
        assert_eq!(
            (settings.secrets, settings.ssh),
            (vec!["npm".into(), "pip".into()], vec!["default".into()])
        );
        assert!(settings.env.is_empty());
        let empty: Vec<(&str, &str)> = ARGUMENTS.iter().map(|argument| (argument.name, "")).collect();
        assert_eq!(read(&empty), Ok(Settings::default()), "an empty argument is none");
    }

    #[test]
    fn what_cannot_be_is_refused_and_no_value_of_a_binding_is_shown() {
        let form =
            "the build argument `CNB_BINDING_db` is not `type=TYPE[,provider=NAME],FILE=SECRET ID,...`";
        let cases = [
            (("CNB_BUILDR", "x"), "there is no build argument `CNB_BUILDR`: "),
            (
                ("CNB_PLATFORM_API", "x"),
                "the build argument `CNB_PLATFORM_API` is `x`, which is no Platform API",
            ),
            (
                ("CNB_CACHE_SCOPE", "world"),
                "the build argument `CNB_CACHE_SCOPE` cannot be used: `world` is not the scope of a cache: it can be \
                 `project`, `namespace` or `machine`",
            ),
            (("CNB_CLEAR_CACHE", "yes"), "the build argument `CNB_CLEAR_CACHE` is `yes`: it can be 1 or 0"),
            (
                ("CNB_SECRETS", "a,../b"),
                "the build argument `CNB_SECRETS` has `../b`, which cannot be the name of a file",
            ),
            (("CNB_BINDING_db", "hunter2"), form),
            (
                ("CNB_BINDING_db", "key=hunter2"),
                "the build argument `CNB_BINDING_db` cannot be used: the binding `db` has no type",
            ),
            (("A/B", "hunter2"), "the build argument `A/B` cannot be a variable for buildpacks"),
        ];
        for (argument, expected) in cases {
            let error = read(&[argument]).expect_err(expected).to_string();
            assert!(error.starts_with(expected) && !error.contains("hunter2"), "{error}");
        }
        let error = read(&[(READ_ONLY, "1"), ("CNB_CLEAR_CACHE", "1")]).expect_err("both").to_string();
        assert!(error.ends_with("contradicts `CNB_CLEAR_CACHE`: one of them is enough"), "{error}");
        let error = read(&[("CNB_X", "1")]).expect_err("unknown").to_string();
        assert!(error.contains("`CNB_BINDING_NAME`, `CNB_BUILDER`, `CNB_BUILDPACKS`"), "{error}");
        let error = read(&[("CNB_BUILDER", "a"), ("builder", "b")]).expect_err("two").to_string();
        assert_eq!(error, "the build argument `builder` contradicts `CNB_BUILDER`: one of them is enough");
    }
}
