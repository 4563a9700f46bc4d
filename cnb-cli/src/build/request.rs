//! From the command line and the files it names to a build request.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use cnb_cache::namespace::Namespace;
use cnb_cache::namespace::Project;
use cnb_core::backend::Filter;
use cnb_core::backend::Source;
use cnb_core::backend::User;
use cnb_core::diagnostic::Diagnostic;
use cnb_core::diagnostic::Diagnostics;
use cnb_core::diagnostic::SourceFile;
use cnb_core::env_file;
use cnb_core::epoch::Epoch;
use cnb_core::image_name::ImageName;
use cnb_core::image_name::InvalidImageName;
use cnb_core::labels::is_of_lifecycle;
use cnb_core::labels::project::ProjectLabel;
use cnb_core::project::CacheScope;
use cnb_core::project::Descriptor;
use cnb_core::project::files::FileFilter;
use cnb_lifecycle::builder::lifecycle_directory;
use cnb_lifecycle::platform::BuildRequest;
use cnb_lifecycle::platform::PROXY_VARIABLES;
use cnb_lifecycle::platform::SharedCache;
use cnb_lifecycle::platform::program;
use cnb_oci::platform::Platform;

use super::args;
use super::args::Args;
use super::backend::Backend;
use super::bindings;
use super::own_files;
use super::writable::writable;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;
use crate::text;

/// The transport of images in the store of a Docker Engine.
pub(super) const DAEMON: &str = "docker-daemon";

/// Says when images are made: <https://reproducible-builds.org/specs/source-date-epoch/>.
const SOURCE_DATE_EPOCH: &str = "SOURCE_DATE_EPOCH";

/// The execution environment of images that are built to run.
const EXEC_ENV: &str = "production";

/// What the command line asks for.
#[derive(Debug)]
pub(super) struct Asked {
    /// The build.
    pub(super) request: BuildRequest,
    /// Whose it is.
    pub(super) namespace: Namespace,
    /// The project descriptor, if there is one.
    pub(super) descriptor: Option<Descriptor>,
    /// What a person should know.
    pub(super) warnings: Diagnostics,
}

/// Reads everything that people wrote. `tool` is our static `lifecycle` program, and `cache_dir` where state is kept.
pub(super) fn read(args: &Args, cache_dir: Option<&Path>, tool: &Path) -> Result<Asked> {
    if !args.app.is_dir() {
        let message = format!("the application `{}` is not a directory", args.app.display());
        let help = "PATH is where the application is, and --output says what the image is called";
        return Err(Failure::new(Exit::InvalidInput, message).with_help(Some(help)));
    }
    for output in &args.output {
        writable(output, args.backend != Backend::Local)?;
    }
    let (descriptor, mut warnings) = descriptor(args)?;
    match request(args, cache_dir, tool, descriptor.as_ref(), &mut warnings) {
        Ok((request, namespace)) => Ok(Asked { request, namespace, descriptor, warnings }),
        Err(failure) => Err(failure.after(warnings)),
    }
}

/// The build, and whose it is.
fn request(
    args: &Args,
    cache_dir: Option<&Path>,
    tool: &Path,
    descriptor: Option<&Descriptor>,
    warnings: &mut Diagnostics,
) -> Result<(BuildRequest, Namespace)> {
    let builder = builder(args, descriptor)?;
    let namespace = namespace(args, descriptor, &builder)?;
    let filter = filter(args, cache_dir, &builder, descriptor);
    let app = Source::Directory { path: args.app.clone(), filter, owner: User::ROOT };
    let mut request = BuildRequest::new(app, builder, program(tool));
    request.outputs.clone_from(&args.output);
    request.run_image.clone_from(&args.run_image);
    request.previous.clone_from(&args.previous_image);
    request.platform_api = args.platform_api;
    request.lifecycle = args.lifecycle.as_deref().map(lifecycle_directory);
    request.process_type.clone_from(&args.default_process);
    request.labels = args.label.iter().map(|flag| label(flag)).collect::<Result<_>>()?;
    request.epoch = created(args.creation_time, own(SOURCE_DATE_EPOCH))?;
    request.cache = Some(namespace.id());
    request.shared_cache = SharedCache::new(&namespace, scope(args, descriptor));
    request.cache_read_only = args.cache_read_only;
    request.run_all = args.no_cache;
    request.skip_layers = args.clear_cache;
    request.network = match args.network {
        Some(args::Network::None) => cnb_core::backend::Network::None,
        None | Some(args::Network::Host | args::Network::Sandbox) => cnb_core::backend::Network::Host,
    };
    request.env = environment(args, descriptor, warnings)?;
    request.container_env =
        PROXY_VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), own(name)?))).collect();
    request.project = descriptor.map(ProjectLabel::described).unwrap_or_default();
    if let Some(descriptor) = descriptor {
        warnings.extend(unserved(descriptor));
    }
    request.bindings = args.binding.iter().map(|flag| bindings::read(flag)).collect::<Result<_>>()?;
    Ok((request, namespace))
}

/// What the descriptor excludes stays out, and so do the images and the state of this build.
fn filter(
    args: &Args,
    cache_dir: Option<&Path>,
    builder: &ImageName,
    descriptor: Option<&Descriptor>,
) -> Option<Arc<dyn Filter>> {
    let described = descriptor.and_then(|descriptor| FileFilter::new(&descriptor.files));
    let described = described.map(|filter| -> Arc<dyn Filter> { Arc::new(filter) });
    let images = args.output.iter().chain([builder]).chain(&args.run_image).chain(&args.previous_image);
    own_files::without(&args.app, images.filter_map(own_files::place).chain(cache_dir), described)
}

fn descriptor(args: &Args) -> Result<(Option<Descriptor>, Diagnostics)> {
    let path = args.descriptor.clone().unwrap_or_else(|| args.app.join("project.toml"));
    let text = match &args.descriptor {
        Some(path) => text::read(path)?,
        None => match text::read_if_there(&path)? {
            Some(text) => text,
            None => return Ok((None, Diagnostics::default())),
        },
    };
    let source = SourceFile::new(path.display().to_string(), text);
    let (descriptor, warnings) = Descriptor::read(&source).map_err(|errors| Failure::invalid(&errors))?;
    Ok((Some(descriptor), warnings))
}

fn builder(args: &Args, descriptor: Option<&Descriptor>) -> Result<ImageName> {
    if let Some(builder) = &args.builder {
        return Ok(builder.clone());
    }
    let Some((descriptor, builder)) = descriptor.and_then(|d| Some((d, d.builder.as_ref()?))) else {
        let message = "no builder\n  help: pass --builder IMAGE, or name one in project.toml:\n\n    \
                       [_]\n    schema-version = \"0.2\"\n    [io.buildpacks]\n    builder = \"docker://REFERENCE\"";
        return Err(Failure::new(Exit::Usage, message));
    };
    let name = described_image(&builder.value).map_err(|error| {
        let diagnostic = descriptor.error_at(builder.span, "invalid-builder", error.to_string());
        let help = "for example `docker://REFERENCE` or `oci:DIRECTORY:TAG`";
        Failure::invalid(&diagnostic.with_help(help).into())
    })?;
    Ok(relative_to(name, args))
}

/// Transports that can be in a descriptor, whether we know them or not. A text with another one is a reference with a port or
/// a tag.
const TRANSPORTS: [&str; 7] =
    ["containers-storage", "dir", DAEMON, "docker", "docker-archive", "oci", "oci-archive"];

/// The image that a descriptor names. `pack` and the frontend read the same file, and know references alone: one without a
/// transport is in a registry.
fn described_image(text: &str) -> std::result::Result<ImageName, InvalidImageName> {
    let has_transport = text.split_once(':').is_some_and(|(first, _)| TRANSPORTS.contains(&first));
    match text.parse() {
        Ok(reference) if !has_transport => Ok(ImageName::Docker { reference }),
        _ => text.parse(),
    }
}

/// The directory of the descriptor.
pub(super) fn base_directory(args: &Args) -> &Path {
    args.descriptor.as_deref().map_or(&args.app, |file| file.parent().unwrap_or(Path::new("")))
}

/// Paths in a descriptor are relative to its directory.
fn relative_to(name: ImageName, args: &Args) -> ImageName {
    let base = base_directory(args);
    match name {
        ImageName::Oci { directory, tag } => ImageName::Oci { directory: base.join(directory), tag },
        ImageName::OciArchive { file, tag } => ImageName::OciArchive { file: base.join(file), tag },
        other => other,
    }
}

/// The bindings of a descriptor are made of secrets that `docker build` has.
fn unserved(descriptor: &Descriptor) -> impl Iterator<Item = Diagnostic> {
    descriptor.bindings.iter().map(|entry| {
        let name = &entry.binding.name;
        let message = format!("the binding `{name}` is not used: there are no secrets with IDs here");
        Diagnostic::warning("unused-binding", message)
            .at(&descriptor.source, entry.span, "")
            .with_help(format!("pass `--binding {name}=DIR`"))
    })
}

/// Descriptor, then env files, then flags: a later value of a name wins.
fn environment(
    args: &Args,
    descriptor: Option<&Descriptor>,
    warnings: &mut Diagnostics,
) -> Result<Vec<(String, String)>> {
    let mut env = BTreeMap::new();
    let described = descriptor.into_iter().flat_map(|descriptor| descriptor.env_for(EXEC_ENV));
    env.extend(described.map(|(name, value)| (name.to_owned(), value.to_owned())));
    for path in &args.env_file {
        let text = text::read(path)?;
        let read = env_file::read_file(&path.display().to_string(), &text, own);
        let (variables, more) = read.map_err(|errors| Failure::invalid(&errors))?;
        warnings.extend(more);
        env.extend(variables.into_iter().map(|variable| (variable.name, variable.value)));
    }
    for flag in &args.env {
        let variable = env_file::read_flag(flag, own);
        let variable = variable.map_err(|error| Failure::new(Exit::Usage, format!("`--env`: {error}")))?;
        env.insert(variable.name, variable.value);
    }
    Ok(env.into_iter().collect())
}

/// `NAME=VALUE`, or `NAME` for an empty value, as for `docker`.
fn label(flag: &str) -> Result<(String, String)> {
    let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
    if name.is_empty() {
        return Err(Failure::new(Exit::Usage, format!("`--label {flag}`: it must be NAME=VALUE")));
    }
    if is_of_lifecycle(name) {
        let message =
            format!("`--label {flag}`: the lifecycle writes this label, and needs it at the next build");
        return Err(Failure::new(Exit::Usage, message));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// When the image was made, if somebody says it.
fn created(flag: Option<Epoch>, variable: Option<String>) -> Result<Option<Epoch>> {
    let Some(text) = variable.filter(|text| flag.is_none() && !text.is_empty()) else { return Ok(flag) };
    let epoch = text.parse();
    epoch.map(Some).map_err(|error| Failure::new(Exit::Usage, format!("{SOURCE_DATE_EPOCH}: {error}")))
}

/// The project's ID or name; without one, the path of the application tells it from others.
fn namespace(args: &Args, descriptor: Option<&Descriptor>, builder: &ImageName) -> Result<Namespace> {
    let project = if let Some(project) = descriptor.and_then(Project::described) {
        project
    } else {
        let path = args.app.canonicalize().map_err(|error| text::unreadable(&args.app, &error))?;
        Project::Explicit(path.display().to_string())
    };
    let platform = Platform::host().to_string();
    let namespace = Namespace::new(project, absolute(builder).to_string(), platform);
    Ok(match own("BUILDKIT_CACHE_MOUNT_NS") {
        Some(operator) => namespace.with_operator(operator),
        None => namespace,
    })
}

/// The flag wins over the descriptor, which whoever runs the build need not have written.
fn scope(args: &Args, descriptor: Option<&Descriptor>) -> CacheScope {
    let described = || descriptor?.cache_scope.as_ref().map(|scope| scope.value);
    args.cache_scope.or_else(described).unwrap_or_default()
}

fn absolute(name: &ImageName) -> ImageName {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match name.clone() {
        ImageName::Oci { directory, tag } => ImageName::Oci { directory: absolute(&directory), tag },
        ImageName::OciArchive { file, tag } => ImageName::OciArchive { file: absolute(&file), tag },
        other => other,
    }
}

/// A variable of this process.
#[allow(clippy::disallowed_methods, reason = "a program reads its environment")]
pub(super) fn own(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    /// What becomes of `cnb build` of an application with this descriptor.
    fn read_with(descriptor: &str, flags: &[&str]) -> Result<Asked> {
        let app = tempfile::tempdir().expect("a directory");
        fs::write(app.path().join("project.toml"), descriptor).expect("a file");
        let path = app.path().to_str().expect("text");
        let args = Cli::parse_from([&["cnb", path, "--output", "oci:out"], flags].concat()).args;
        read(&args, None, Path::new("/lifecycle"))
    }

    fn warnings(failure: &Failure) -> String {
        failure.warnings.iter().map(|warning| warning.message.as_str()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn warnings_are_not_lost_when_something_else_is_wrong() {
        // Nothing here says its schema.
        let failure = read_with("[io.buildpacks]\nbuilder = 'ab'\n", &[]).expect_err("it is of schema 0.1");
        assert_eq!(failure.exit, Exit::Usage);
        let told = warnings(&failure);
        assert!(told.contains("no schema version") && told.contains("`io.buildpacks` is ignored"), "{told}");
        let failure = read_with("x = 1\n", &["--builder", "oci:a", "--env", "=x"]).expect_err("no name");
        assert!(warnings(&failure).contains("unknown key `x`"), "{}", warnings(&failure));
    }

    #[test]
    fn what_is_said_of_a_missing_builder_helps() {
        let failure = read_with("", &[]).expect_err("no builder");
        let (_, lines) = failure.message.split_once("project.toml:\n\n").expect("an example");
        let asked =
            read_with(&lines.replace("REFERENCE", "team/builder:24"), &[]).expect("the example is valid");
        assert_eq!(asked.request.builder.to_string(), "docker://index.docker.io/team/builder:24");
        assert!(asked.warnings.is_empty(), "{}", asked.warnings);
    }

    #[test]
    fn a_builder_without_transport_is_in_a_registry() {
        let named = |text: &str| match described_image(text) {
            Ok(name) => name.to_string(),
            Err(error) => error.to_string(),
        };
        for (text, expected) in [
            ("team/builder:24", "docker://index.docker.io/team/builder:24"),
            ("builder:24", "docker://index.docker.io/library/builder:24"),
            ("localhost:5000/builder", "docker://localhost:5000/builder:latest"),
            ("docker://registry.test/builder", "docker://registry.test/builder:latest"),
            ("oci:layout:builder", "oci:layout:builder"),
            ("oci-archive:builder.tar", "oci-archive:builder.tar"),
            ("docker-archive:builder.tar", "docker-archive:builder.tar"),
            ("docker-daemon:builder", "docker-daemon:builder"),
        ] {
            assert_eq!(named(text), expected);
        }
        assert!(named("A builder").starts_with("`A builder` is not an image name"));
    }

    #[test]
    fn labels_are_those_of_the_command_line() {
        let flags = ["--builder", "oci:a", "--label", "a=b=c", "--label", "empty"];
        let asked = read_with("_.schema-version = '0.2'", &flags).expect("valid");
        let expected = [("a", "b=c"), ("empty", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(asked.request.labels, expected);
        for flag in ["=x", "io.buildpacks.lifecycle.metadata={}"] {
            assert_eq!(label(flag).expect_err(flag).exit, Exit::Usage);
        }
    }

    #[test]
    fn the_flag_for_the_time_wins_over_the_variable() {
        let created = |flag, variable: Option<&str>| {
            created(flag, variable.map(str::to_owned)).map_err(|failure| failure.message)
        };
        assert_eq!(created(None, None), Ok(None));
        assert_eq!(created(None, Some("")), Ok(None));
        let epoch = |seconds: i64| Epoch::try_from(seconds).ok();
        assert_eq!(created(None, Some("7")), Ok(epoch(7)));
        assert_eq!(created(epoch(8), Some("7")), Ok(epoch(8)));
        assert!(
            created(None, Some("x")).is_err_and(|error| error.starts_with("SOURCE_DATE_EPOCH: `x` is not"))
        );
    }
}
