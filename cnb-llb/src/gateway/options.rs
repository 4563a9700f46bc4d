//! What the options of a frontend mean.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::NamedContext;
use crate::CacheEntry;
use crate::Network;
use crate::ResolveMode;

/// What the client of a build asks for.
///
/// Source: `frontend/dockerui/config.go` and `attr.go` of BuildKit, whose rules these are.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// The file to build from, relative to the local directory [`DESCRIPTOR_DIRECTORY`]; each frontend has its own
    /// default.
    pub filename: Option<String>,
    /// The platforms to build for, for example `linux/arm64`; empty for the worker's own.
    pub platforms: Vec<String>,
    /// `--target`.
    pub target: Option<String>,
    /// `--build-arg`, by name.
    pub build_args: BTreeMap<String, String>,
    /// `--label`, by name.
    pub labels: BTreeMap<String, String>,
    /// What not to take from the cache.
    pub no_cache: NoCache,
    /// Where to look for images first.
    pub resolve_mode: ResolveMode,
    /// What every step of the build can reach.
    pub network: Network,
    /// Names that every step knows, in lower case.
    pub extra_hosts: Vec<(String, IpAddr)>,
    /// Caches to import.
    pub cache_imports: Vec<CacheEntry>,
    /// `--build-context`, by key.
    pub contexts: Vec<NamedContext>,
    /// A question to answer instead of building, for example `frontend.outline`.
    pub request: Option<String>,
    /// Capabilities that the frontend must have, for example `moby.buildkit.frontend.inputs`. With `+forward` it may
    /// leave them to the frontend that it runs.
    pub capabilities: Vec<String>,
    /// Whether the result is an index; without it, that of several platforms is.
    pub multi_platform: Option<bool>,
    /// The image that the frontend came from, for example `docker.io/docker/dockerfile:1`.
    pub frontend: Option<String>,
    /// Whether a `# syntax=` line named the frontend, or `BUILDKIT_SYNTAX` did.
    pub by_syntax: bool,
    /// The address of a repository or an archive to build instead of the local directory [`CONTEXT_DIRECTORY`].
    pub context_address: Option<String>,
    /// The directory of the context that is built instead of all of it.
    pub context_subdirectory: Option<String>,
    /// The local directory that has the file to build from, in place of [`DESCRIPTOR_DIRECTORY`] and of a context
    /// somewhere else.
    pub descriptor_directory: Option<String>,
    /// The sessions of local directories that are not in the session of the build, by directory.
    pub sessions: BTreeMap<String, String>,
    /// What the client says of the repository that the files come from: `revision`, `source`, and `localdir:NAME` for
    /// where in it a local directory is.
    pub repository: BTreeMap<String, String>,
}

/// The local directory of the client that holds the file to build from.
pub const DESCRIPTOR_DIRECTORY: &str = "dockerfile";

/// The local directory of the client that holds what is built.
pub const CONTEXT_DIRECTORY: &str = "context";

/// What not to take from the cache.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum NoCache {
    /// Everything is taken.
    #[default]
    No,
    /// Nothing is taken.
    Everything,
    /// All but these stages are taken; upper and lower case are the same.
    Stages(Vec<String>),
}

/// An option has a value that it cannot have.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the option `{key}` cannot be `{value}`: {reason}")]
pub struct InvalidOption {
    key: String,
    value: String,
    reason: String,
}

impl InvalidOption {
    pub(super) fn new(key: &str, value: &str, reason: &str) -> Self {
        Self { key: key.to_owned(), value: value.to_owned(), reason: reason.to_owned() }
    }
}

impl Options {
    /// Reads the options of a gateway's [`Environment`](super::Environment). Unknown ones are passed over.
    ///
    /// # Errors
    /// When one that is known has a value that it cannot have: the error names both.
    pub fn read(options: &BTreeMap<String, String>) -> Result<Self, InvalidOption> {
        let get = |key: &str| options.get(key).map(String::as_str).filter(|value| !value.is_empty());
        let under = |prefix: &str| {
            let entries = options.iter().filter_map(|(key, value)| Some((key.strip_prefix(prefix)?, value)));
            entries.map(|(key, value)| (key.to_owned(), value.clone())).collect::<BTreeMap<_, _>>()
        };
        let contexts = under("context:");
        Ok(Self {
            filename: get("filename").map(str::to_owned),
            platforms: get("platform").map(list).unwrap_or_default(),
            target: get("target").map(str::to_owned),
            build_args: under("build-arg:"),
            labels: under("label:"),
            no_cache: options.get("no-cache").map(|stages| no_cache(stages)).unwrap_or_default(),
            resolve_mode: resolve_mode(get("image-resolve-mode").unwrap_or_default())?,
            network: network(get("force-network-mode").unwrap_or_default())?,
            extra_hosts: get("add-hosts").map(extra_hosts).transpose()?.unwrap_or_default(),
            cache_imports: cache_imports(get("cache-imports"), get("cache-from"))?,
            contexts: contexts
                .iter()
                .map(|(key, value)| NamedContext::read(key, value))
                .collect::<Result<_, _>>()?,
            request: get("requestid").map(str::to_owned),
            capabilities: get("frontend.caps").map(list).unwrap_or_default(),
            multi_platform: ["build-arg:BUILDKIT_MULTI_PLATFORM", "multi-platform"]
                .into_iter()
                .find_map(|key| get(key).map(|value| boolean(key, value)))
                .transpose()?,
            frontend: get("source").map(str::to_owned),
            by_syntax: options.contains_key("cmdline"),
            context_address: get(get("contextkey").unwrap_or("context")).map(str::to_owned),
            context_subdirectory: get("contextsubdir").map(str::to_owned),
            descriptor_directory: get("dockerfilekey").map(str::to_owned),
            sessions: under("local-sessionid:"),
            repository: under("vcs:"),
        })
    }

    /// The namespace that the operator gives the caches of this build.
    pub fn cache_namespace(&self) -> Option<&str> {
        self.build_args.get("BUILDKIT_CACHE_MOUNT_NS").map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The time that the image was made at, in seconds since 1970.
    ///
    /// # Errors
    /// When the build argument `SOURCE_DATE_EPOCH` is no number.
    pub fn source_date_epoch(&self) -> Result<Option<i64>, InvalidOption> {
        let key = "SOURCE_DATE_EPOCH";
        let value = self.build_args.get(key).filter(|value| !value.is_empty());
        let seconds = |value: &String| {
            value.parse().map_err(|_| {
                InvalidOption::new(&format!("build-arg:{key}"), value, "not a number of seconds")
            })
        };
        value.map(seconds).transpose()
    }
}

fn no_cache(stages: &str) -> NoCache {
    if stages.is_empty() { NoCache::Everything } else { NoCache::Stages(list(stages)) }
}

/// As Go's `strconv.ParseBool`.
fn boolean(key: &str, value: &str) -> Result<bool, InvalidOption> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(InvalidOption::new(key, value, "it is true or false")),
    }
}

fn resolve_mode(mode: &str) -> Result<ResolveMode, InvalidOption> {
    match mode {
        "" | "default" => Ok(ResolveMode::Default),
        "local" => Ok(ResolveMode::PreferLocal),
        "pull" => Ok(ResolveMode::Pull),
        _ => Err(InvalidOption::new("image-resolve-mode", mode, "it is default, local or pull")),
    }
}

fn network(mode: &str) -> Result<Network, InvalidOption> {
    match mode {
        "" | "sandbox" => Ok(Network::Sandbox),
        "host" => Ok(Network::Host),
        "none" => Ok(Network::None),
        _ => Err(InvalidOption::new("force-network-mode", mode, "it is host, none or sandbox")),
    }
}

/// `name=address`, separated by commas. A field may be in double quotes, as in CSV.
fn extra_hosts(hosts: &str) -> Result<Vec<(String, IpAddr)>, InvalidOption> {
    let host = |field: &str| {
        let invalid = |reason| InvalidOption::new("add-hosts", field, reason);
        let field = field.trim_matches('"').to_lowercase();
        let (name, address) = field.split_once('=').ok_or_else(|| invalid("it is not NAME=ADDRESS"))?;
        let address = address.parse().map_err(|_| invalid("the address is not one of IPv4 or IPv6"))?;
        Ok((name.to_owned(), address))
    };
    hosts.split(',').map(host).collect()
}

/// The list in JSON, then the references of the older option.
fn cache_imports(json: Option<&str>, references: Option<&str>) -> Result<Vec<CacheEntry>, InvalidOption> {
    // Caches may have tokens and keys in them, which nobody is to read.
    let invalid = |error: serde_json::Error| {
        let place = format!("it is not a list in JSON (line {}, column {})", error.line(), error.column());
        InvalidOption::new("cache-imports", "...", &place)
    };
    let mut imports: Vec<CacheEntry> =
        json.map(serde_json::from_str).transpose().map_err(invalid)?.unwrap_or_default();
    for reference in references.map(list).unwrap_or_default() {
        let import = CacheEntry::new("registry").with_attribute("ref", reference);
        if !imports.contains(&import) {
            imports.push(import);
        }
    }
    Ok(imports)
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
