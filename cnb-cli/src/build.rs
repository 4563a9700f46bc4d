//! `cnb build`.

use std::path::Path;
use std::process::ExitCode;

use cnb_cache::namespace::Namespace;
use cnb_cache::record::Record;
use cnb_cache::store::Store;
use cnb_core::diagnostic::Diagnostics;
use cnb_core::event::Event;
use cnb_core::labels::lifecycle;
use cnb_lifecycle::platform;
use cnb_lifecycle::platform::Built;
use cnb_oci::local::LocalBackend;
use cnb_oci::local::Options;
use cnb_oci::local::runtime::Cli as RuntimeCli;
use cnb_oci::local::userns;
use cnb_oci::local::userns::Mapping;
use cnb_oci::local::userns::Mode;

mod args;
mod bindings;
mod failure;
mod own_files;
mod request;
mod selection;
pub(crate) mod signal;

pub(crate) use args::Args;
pub(crate) use failure::of_backend;

use request::Asked;

use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;
use crate::paths;
use crate::progress;
use crate::progress::Progress;
use crate::progress::Style;
use crate::registry;

/// Runs the command.
///
/// Namespaces come before threads: the kernel lets only processes with a single one enter them.
pub(crate) fn run(args: &Args) -> ExitCode {
    let prepared = Prepared::new(args);
    let progress = progress::start(style(args));
    let built = prepared.and_then(|prepared| build(args, prepared, &*progress));
    progress.finish(built.as_ref().err());
    match built {
        Ok(built) => match progress::results(style(args), &built.images) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                progress::failure(&failure);
                failure.exit.into()
            }
        },
        Err(failure) => failure.exit.into(),
    }
}

fn style(args: &Args) -> Style {
    match (args.quiet, args.json) {
        (true, _) => Style::Quiet,
        (_, true) => Style::Json,
        _ => Style::Lines,
    }
}

/// What a build needs, read while the process has a single thread.
struct Prepared {
    asked: Asked,
    options: Options,
    store: Store,
}

impl Prepared {
    fn new(args: &Args) -> Result<Self> {
        let cache_dir = paths::cache_dir(args.cache_dir.as_deref())?;
        let (init, tool) = (paths::helper("cnb-init")?, paths::helper("lifecycle")?);
        let mut asked = request::read(args, &cache_dir, &tool)?;
        let options =
            options(args, &cache_dir, enter(args)?, &init).with_registry(registry::client(&args.registry)?);
        let store = Store::new(&cache_dir);
        if args.clear_cache {
            store.clear(&asked.namespace).map_err(|error| Failure::caused(Exit::Other, &error))?;
        }
        asked.request.skip_layers = args.clear_cache;
        asked.request.last_label = last_label(&store, &asked.namespace)?;
        Ok(Self { asked, options, store })
    }
}

/// What the record of the last build says. One that cannot be used is as good as none.
fn last_label(store: &Store, namespace: &Namespace) -> Result<Option<String>> {
    let taken = store.take(namespace).map_err(|error| Failure::caused(Exit::Other, &error))?;
    let record = taken.record().ok();
    Ok(record.and_then(|record| record.label(lifecycle::LABEL).map(str::to_owned)))
}

/// Lets the next build know what this one made.
fn save_record(store: &Store, namespace: &Namespace, built: &Built) -> Result<()> {
    let record = Record::new(&built.config).expect("the config of an image was made");
    let taken = store.take(namespace);
    taken.and_then(|taken| taken.save_record(&record)).map_err(|error| Failure::caused(Exit::Other, &error))
}

fn enter(args: &Args) -> Result<Mapping> {
    let mode = match args.userns {
        args::Userns::Auto => Mode::Auto,
        args::Userns::Range => Mode::Range,
        args::Userns::Single => Mode::Single,
    };
    userns::enter(mode).map_err(|error| Failure::caused(Exit::Machine, &error))
}

fn options(args: &Args, cache_dir: &Path, mapping: Mapping, init: &Path) -> Options {
    let options = Options::new(mapping, cache_dir, init);
    match &args.runtime {
        Some(program) => options.with_runtime(RuntimeCli::new(program)),
        None => options,
    }
}

fn build(args: &Args, prepared: Prepared, progress: &dyn Progress) -> Result<Built> {
    let Prepared { asked, options, store } = prepared;
    let Asked { mut request, namespace, descriptor, warnings } = asked;
    warn(progress, &warnings);
    let backend = LocalBackend::new(options).map_err(|error| Failure::caused(of_backend(&error), &error))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Machine, format!("failed to start threads: {error}")))?;
    let built = runtime.block_on(async {
        let work = async {
            if args.clear_cache {
                let forgotten = backend.forget_cache(&namespace.id()).await;
                forgotten.map_err(|error| Failure::caused(of_backend(&error), &error))?;
            }
            let warnings = selection::select(&backend, &mut request, args, descriptor.as_ref()).await?;
            warn(progress, &warnings);
            let built = platform::build(&backend, &request, progress).await;
            built.map_err(|error| failure::failure(&error))
        };
        tokio::select! {
            built = work => built,
            failure = signal::received() => Err(failure),
        }
    })?;
    // The image is written; without the record the next build has more to do, that is all.
    if let Err(failure) = save_record(&store, &namespace, &built) {
        progress.event(Event::Warning { message: failure.message });
    }
    Ok(built)
}

fn warn(progress: &dyn Progress, warnings: &Diagnostics) {
    for warning in warnings {
        progress.event(Event::Warning { message: warning.to_string() });
    }
}
