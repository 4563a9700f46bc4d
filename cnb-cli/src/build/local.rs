//! Builds on this machine, without a daemon.

use std::mem;
use std::path::Path;
use std::sync::Arc;

use cnb_cache::namespace::Namespace;
use cnb_cache::record::Record;
use cnb_cache::store::CacheStore;
use cnb_cache::store::ReadOnly;
use cnb_cache::store::StoreError;
use cnb_cache::store::Writer;
use cnb_core::event::Event;
use cnb_core::labels::lifecycle;
use cnb_lifecycle::platform::Built;
use cnb_lifecycle::platform::Records;
use cnb_oci::local::LocalBackend;
use cnb_oci::local::Options;
use cnb_oci::local::runtime::Cli as RuntimeCli;
use cnb_oci::local::userns;
use cnb_oci::local::userns::Mapping;
use cnb_oci::local::userns::Mode;
use cnb_oci::registry::Registry;

use super::args;
use super::args::Args;
use super::args::Network;
use super::build_with;
use super::failure::of_backend;
use super::in_registries;
use super::in_thread;
use super::request;
use super::request::Asked;
use super::until_stopped;
use super::warn;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;
use crate::paths;
use crate::progress::Progress;
use crate::random;
use crate::registry;

/// What a build needs, read while the process has a single thread.
pub(super) struct Prepared {
    asked: Asked,
    options: Options,
    registry: Registry,
    store: Arc<dyn CacheStore>,
    /// What could not be read of it.
    unread: Option<StoreError>,
}

impl Prepared {
    /// Reads everything, and enters namespaces.
    ///
    /// Namespaces come before threads: the kernel lets only processes with a single one enter them.
    pub(super) fn new(args: &Args) -> Result<Self> {
        if args.network == Some(Network::Sandbox) {
            let message =
                "there is no network `sandbox` on this machine: use `host` or `none`, or another --backend";
            return Err(Failure::new(Exit::Usage, message));
        }
        let cache_dir = paths::cache_dir(args.cache_dir.as_deref())?;
        let (init, tool) = (paths::helper("cnb-init")?, paths::helper("lifecycle")?);
        let registry = registry::client(&args.registry)?;
        let mut asked = request::read(args, Some(&cache_dir), &tool)?;
        let mapping = enter(args).map_err(|failure| failure.after(mem::take(&mut asked.warnings)))?;
        let options = options(args, &cache_dir, mapping, &init).with_registry(registry.clone());
        let store = store(args, &cache_dir);
        if args.clear_cache {
            let forgotten = store.remove(&asked.namespace.id(), None);
            forgotten.map_err(|error| Failure::caused(Exit::Other, &error))?;
        }
        // A record that cannot be used is as good as none.
        let (record, unread) = match Record::load(store.as_ref(), &asked.namespace.id()) {
            Ok(record) => (record, None),
            Err(error) => (None, Some(error)),
        };
        let label = record.as_ref().and_then(|record| record.label(lifecycle::LABEL));
        asked.request.last_label = label.map(str::to_owned);
        let records = Records::new(Arc::clone(&store), asked.namespace.clone(), random::bytes()?);
        asked.request.records = Some(records);
        Ok(Self { asked, options, registry, store, unread })
    }

    /// Builds.
    pub(super) fn build(self, args: &Args, progress: &dyn Progress) -> Result<Built> {
        let Self { mut asked, options, registry, store, unread } = self;
        warn(progress, &asked.warnings);
        if let Some(error) = unread {
            let message = Failure::caused(Exit::Other, &error).message;
            progress.event(Event::Warning { message });
        }
        let outputs = args.output.clone();
        in_thread(move || in_registries(&registry, &outputs))?;
        let backend =
            LocalBackend::new(options).map_err(|error| Failure::caused(of_backend(&error), &error))?;
        let built = until_stopped(async {
            if args.clear_cache {
                let forgotten = backend.forget_cache(&asked.namespace.id()).await;
                forgotten.map_err(|error| Failure::caused(of_backend(&error), &error))?;
            }
            build_with(&backend, &mut asked, args, progress).await
        })?;
        if args.cache_read_only {
            return Ok(built);
        }
        // The image is written; without the record the next build has more to do, that is all.
        if let Err(failure) = save_record(store.as_ref(), &asked.namespace, &built) {
            progress.event(Event::Warning { message: failure.message });
        }
        Ok(built)
    }
}

fn store(args: &Args, cache_dir: &Path) -> Arc<dyn CacheStore> {
    let store = paths::store(cache_dir);
    if args.cache_read_only { Arc::new(ReadOnly::new(store)) } else { Arc::new(store) }
}

/// Lets the next build know what this one made.
fn save_record(store: &dyn CacheStore, namespace: &Namespace, built: &Built) -> Result<()> {
    let record = record(&built.config)?;
    let saved = record.save(store, namespace, Writer::new(namespace));
    saved.map_err(|error| Failure::caused(Exit::Other, &error))
}

/// What is kept of a config. What it has of its base may be anything.
fn record(config: &[u8]) -> Result<Record> {
    Record::new(config).map_err(|error| {
        let message = format!("the next build runs everything: the config of the image is unusual: {error}");
        Failure::new(Exit::Other, message)
    })
}

fn enter(args: &Args) -> Result<Mapping> {
    let mode = match args.userns {
        None | Some(args::Userns::Auto) => Mode::Auto,
        Some(args::Userns::Range) => Mode::Range,
        Some(args::Userns::Single) => Mode::Single,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_a_base_may_be_anything() {
        let config = |label: &str| {
            format!(r#"{{"rootfs": {{"diff_ids": []}}, "config": {{"Labels": {{"size": {label}}}}}}}"#)
        };
        record(config(r#""1""#).as_bytes()).expect("it is as usual");
        let failure = record(config("1").as_bytes()).expect_err("it is a number");
        assert!(failure.message.starts_with("the next build runs everything"), "{failure:?}");
    }
}
