//! What a phase reaches of the images that it is started with.
//!
//! Source: `auth/keychain.go`, `image/registry_handler.go` and `phase/connected_factory.go` of the Go lifecycle.

use cnb_core::environment::Environment;
use cnb_core::reference::Reference;
use cnb_oci::compression::Compression;
use cnb_oci::compression::InvalidCompression;
use cnb_oci::registry::Error;
use cnb_oci::registry::Options;
use cnb_oci::registry::Registry;
use cnb_oci::registry::keychain::Resolved;

use super::Invocation;
use super::failure::Failure;
use super::failure::code;
use super::inputs::Inputs;
use super::resolve::Images;
use crate::image_store::ImageStore;
use crate::image_store::layouts::LayoutDirectory;
use crate::image_store::registry::RegistryStore;
use crate::layer_cache::LayerCache;
use crate::layer_cache::image::CacheImage;

/// Registries, with the credentials that were looked up when the phase still had the right to.
pub(super) struct Access {
    registry: Registry,
    compression: Compression,
}

/// How new layers of images are compressed, if not as by the Go lifecycle, which does not know this variable.
const COMPRESSION: &str = "CNB_EXPORT_COMPRESSION";

impl Access {
    /// Looks up the credentials for the images that the inputs name, and for more.
    pub(super) fn new(invocation: &Invocation, more: &[&str]) -> Result<Self, Failure> {
        let Invocation { inputs, environment, .. } = invocation;
        if inputs.use_daemon && !inputs.use_layout {
            let why = "this lifecycle knows registries and OCI layouts, but no daemons";
            return Err(Failure::new("initialize docker client", why));
        }
        let no_keychain = |error| Failure::new("resolve keychain", error);
        let options = Options::from_environment(environment).map_err(no_keychain)?;
        let names = named(inputs).chain(more.iter().copied());
        // What is not a name is found out by whoever needs the image.
        let references: Vec<Reference> = names.filter_map(|name| name.parse().ok()).collect();
        let keychain = Resolved::new(&*options.keychain, &references).map_err(no_keychain)?;
        let insecure = inputs.insecure_registries.iter().filter(|prefix| !prefix.is_empty());
        let options = insecure.fold(options.with_keychain(keychain), Options::with_insecure);
        let registry =
            Registry::new(options).map_err(|error| Failure::new("initialize registries", error))?;
        Ok(Self { compression: compression(environment)?, registry })
    }

    /// Where images are found and written.
    pub(super) fn store(&self, invocation: &Invocation) -> Box<dyn ImageStore> {
        if invocation.inputs.use_layout {
            let store = LayoutDirectory::new(&invocation.inputs.layout_dir);
            Box::new(store.with_compression(self.compression))
        } else {
            Box::new(RegistryStore::new(self.registry.clone()).with_compression(self.compression))
        }
    }

    /// Opens the cache image.
    pub(super) fn cache_image(&self, invocation: &Invocation) -> Result<Box<dyn LayerCache>, Failure> {
        let removes_old = !invocation.api.keeps_old_cache_images();
        let cache = CacheImage::open(self.registry.clone(), &invocation.inputs.cache_image, removes_old);
        Ok(Box::new(cache.map_err(|error| Failure::new("create image cache", error))?))
    }

    /// Whether an image may be read. One that does not exist may be.
    pub(super) fn can_read(&self, name: &str) -> bool {
        name.parse().is_ok_and(|reference| self.readable(&reference).is_ok())
    }

    /// Makes sure that the images of an analysis may be read and written, as far as registries have them.
    pub(super) fn check(&self, invocation: &Invocation, images: &Images) -> Result<(), Failure> {
        let inputs = &invocation.inputs;
        let mut written = vec![&inputs.cache_image];
        if !inputs.use_layout {
            for name in [&images.previous, &images.run_image] {
                ensure(name, "read", |image| self.readable(image))?;
            }
            written.extend([&inputs.output_image].into_iter().chain(&inputs.tags));
        }
        for name in written {
            ensure(name, "write", |image| {
                self.readable(image).and_then(|()| self.registry.check_write(image))
            })?;
        }
        Ok(())
    }

    /// What the registry says of a missing image is no lack of rights.
    fn readable(&self, image: &Reference) -> Result<(), Error> {
        match self.registry.check_read(image) {
            Err(error) if error.is_unauthorized() || error.is_forbidden() || error.status().is_none() => {
                Err(error)
            }
            _ => Ok(()),
        }
    }
}

fn compression(environment: &Environment) -> Result<Compression, Failure> {
    let text = environment.text(COMPRESSION).filter(|text| !text.is_empty());
    text.map_or(Ok(Compression::default()), str::parse).map_err(|error: InvalidCompression| {
        Failure::new(format!("parse {COMPRESSION}"), error).with_code(code::INVALID_ARGUMENTS)
    })
}

/// Checks the access to an image, if there is one.
fn ensure(
    name: &str,
    access: &str,
    check: impl FnOnce(&Reference) -> Result<(), Error>,
) -> Result<(), Failure> {
    if name.is_empty() {
        return Ok(());
    }
    let failed = |error: Box<dyn std::error::Error>| {
        let action = format!("ensure registry {access} access to {name}");
        Failure::new(action, error)
            .while_doing("initialize analyzer: validating registry access")
            .with_code(code::ANALYZE)
    };
    let reference: Reference = name.parse().map_err(|error| failed(Box::new(error)))?;
    check(&reference).map_err(|error| failed(Box::new(error)))
}

fn named(inputs: &Inputs) -> impl Iterator<Item = &str> {
    let images = [
        &inputs.output_image,
        &inputs.previous_image,
        &inputs.build_image,
        &inputs.run_image,
        &inputs.deprecated_run_image,
        &inputs.cache_image,
    ];
    images.into_iter().chain(&inputs.tags).map(String::as_str).filter(|name| !name.is_empty())
}
