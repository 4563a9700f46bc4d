//! `cnb builder create`.

use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend::Backend;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Exported;
use cnb_core::backend::ImageRequest;
use cnb_core::backend::Source;
use cnb_core::backend::User;
use cnb_core::image_name::ImageName;
use cnb_lifecycle::builder;
use cnb_lifecycle::builder::BuilderRequest;
use cnb_oci::local::LocalBackend;
use cnb_oci::local::Options;
use cnb_oci::local::userns;
use cnb_oci::local::userns::Mode;

mod base;
mod config;

use config::Config;

use crate::build::in_registries;
use crate::build::in_thread;
use crate::build::of_backend;
use crate::build::until_stopped;
use crate::build::writable;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;
use crate::paths;
use crate::progress;
use crate::progress::print;
use crate::registry;

/// Make builders.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    #[command(after_help = crate::IMAGE_NAMES)]
    Create(CreateArgs),
}

/// Make a builder image out of a builder.toml, pack's format.
///
/// `build.image` is an image name or the path of a root file system: a tar or a directory. Buildpacks are
/// directories. Paths are relative to the builder.toml. A root file system needs a user `cnb`: it runs the
/// buildpacks.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// The builder.toml.
    #[arg(long, short = 'c', value_name = "FILE", default_value = "builder.toml")]
    config: PathBuf,

    /// Store a run image beside the builder: the root file system at PATH under a name of `run.images`; may be
    /// given several times.
    #[arg(long, value_name = "NAME=PATH")]
    run_image: Vec<String>,

    /// A directory with a lifecycle; that of the builder.toml, else this program's own, when not given.
    #[arg(long, value_name = "PATH")]
    lifecycle: Option<PathBuf>,

    #[command(flatten)]
    registry: registry::Registries,

    /// Where unpacked images and layers are kept; $XDG_CACHE_HOME/cnb when not given.
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,

    /// Where the builder goes.
    #[arg(value_name = "OUTPUT")]
    output: ImageName,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let Command::Create(args) = &args.command;
    let builder = create(args)?;
    print(&format!("{}: image ID {}\n", builder.output, builder.image_id))
}

fn create(args: &CreateArgs) -> Result<Exported> {
    writable(&args.output, false)?;
    let cache_dir = paths::cache_dir(args.cache_dir.as_deref())?;
    let init = paths::helper("cnb-init")?;
    let config = Config::read(&args.config)?;
    progress::diagnostics(&config.warnings);
    let own_lifecycle = || paths::helper("lifecycle").map(|path| path.with_file_name(""));
    let lifecycle = args.lifecycle.as_ref().or(config.lifecycle.as_ref());
    let lifecycle = lifecycle.cloned().map_or_else(own_lifecycle, Ok)?;
    // Before there is a second thread: the kernel refuses it later.
    let mapping = userns::enter(Mode::Auto).map_err(|error| Failure::caused(Exit::Machine, &error))?;
    let registry = registry::client(&args.registry)?;
    let options = Options::new(mapping, &cache_dir, init).with_registry(registry.clone());
    let backend = LocalBackend::new(options).map_err(|error| Failure::caused(of_backend(&error), &error))?;
    // It goes with this function, however that ends.
    let scratch = base::scratch(&cache_dir)?;
    let (run_images, output, place) =
        (args.run_image.clone(), args.output.clone(), scratch.path().to_owned());
    let (base, config) = in_thread(move || {
        in_registries(&registry, std::slice::from_ref(&output))?;
        base::import_run_images(&run_images, &config, &output)?;
        Ok((base::find(&config.build_image, &place)?, config))
    })?;
    until_stopped(make(&backend, base, config, &lifecycle, &args.output))
}

async fn make(
    backend: &dyn Backend,
    base: ImageName,
    config: Config,
    lifecycle: &Path,
    output: &ImageName,
) -> Result<Exported> {
    let image = backend
        .resolve(ImageRequest::new(base))
        .await
        .map_err(|error| Failure::caused(of_backend(&error), &error))?;
    let mut request = BuilderRequest::new(image, builder::lifecycle_directory(lifecycle));
    request.description = config.description;
    request.order = config.order;
    request.run_images = config.run_images;
    request.build_env = config.build_env;
    request.buildpacks = config.buildpacks.iter().map(|path| buildpack(path)).collect();
    let written = builder::create(backend, request, std::slice::from_ref(output)).await;
    let mut written = written.map_err(|error| Failure::caused(exit(&error), &error))?;
    Ok(written.pop().expect("there is one output"))
}

fn buildpack(path: &Path) -> (String, Source) {
    let source = Source::Directory { path: path.to_owned(), filter: None, owner: User::ROOT };
    (path.display().to_string(), source)
}

fn exit(error: &builder::Error) -> Exit {
    match error {
        // What builder.toml names is missing.
        builder::Error::Backend { source, .. } if source.kind() == ErrorKind::NotFound => Exit::InvalidInput,
        builder::Error::Backend { source, .. } => of_backend(source),
        builder::Error::Base(_) => Exit::Image,
        _ => Exit::InvalidInput,
    }
}
