//! What builds need from a registry, which is for those alone who have an account.

use std::path::PathBuf;

use crate::Result;
use crate::engine::docker::Engine;
use crate::engine::registry::Account;
use crate::engine::registry::Registry;
use crate::example;
use crate::example::builder::RUN_IMAGE;
use crate::frontend_image;
use crate::static_image;
use crate::test::lifecycle;

/// Credentials that must be in nothing that a build leaves.
const ACCOUNT: Account = Account {
    credentials: "planted-user:planted-password-7c21",
    htpasswd: "planted-user:$2b$05$abcdefghijklmnopqrstuukDEnUnLreQX3.0E6kBtDGkrONYqgQ5.\n",
};
/// They as docker's configuration has them.
const BASE64: &str = "cGxhbnRlZC11c2VyOnBsYW50ZWQtcGFzc3dvcmQtN2MyMQ==";

/// A registry with the frontend, the example builder and its run image.
#[derive(Debug)]
pub(crate) struct Pushed {
    registry: Registry,
    /// The reference of the frontend.
    pub(crate) frontend: String,
    /// That for descriptors of the first schema.
    pub(super) first_frontend: String,
    pub(super) builder: String,
    pub(super) run: String,
    /// The builder with the Go lifecycle, if somebody has that.
    pub(crate) stock: Option<String>,
}

/// What a build is told besides its files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) build_args: Vec<(String, String)>,
    /// Identifiers and the files that have the values.
    pub(crate) secrets: Vec<(String, PathBuf)>,
}

impl Pushed {
    /// Starts the registry and fills it.
    pub(crate) fn new() -> Result<Self> {
        let registry = Registry::start_for(ACCOUNT)?;
        let image = static_image::name(&frontend_image::make()?);
        let frontend = registry.take(&image, "cnb/frontend:0.2")?;
        let first_frontend = registry.take(&image, "cnb/frontend:0.1")?;
        let builder = registry.take(&example::image("builder"), "cnb/builder:latest")?;
        let run = registry.take(&example::image(RUN_IMAGE), "cnb/run:bookworm")?;
        let stock = lifecycle::named()?.map(|lifecycle| {
            let builder = example::image("stock");
            example::builder::create(example::builder::CONFIG, Some(&lifecycle), &builder)?;
            registry.take(&builder, "cnb/stock:latest")
        });
        Ok(Self { registry, frontend, first_frontend, builder, run, stock: stock.transpose()? })
    }

    /// Gives an engine's `docker` the account.
    pub(crate) fn log_in(&self, engine: &Engine) -> Result<()> {
        engine.log_in(&self.registry.address(), BASE64)
    }

    /// Host and port of the registry.
    pub(super) fn address(&self) -> String {
        self.registry.address()
    }

    /// Of the credentials, what nobody may find.
    pub(crate) fn credentials() -> [&'static str; 2] {
        [ACCOUNT.credentials, BASE64]
    }

    /// The builder, and the bindings that the package indexes of this machine need.
    pub(crate) fn options(&self) -> Result<Options> {
        let mut options = Options::default();
        options.set("builder", &self.builder);
        options.set("CNB_RUN_IMAGE", &self.run);
        for name in example::bindings::names()? {
            options.bind(&name, &name, &example::bindings::files(&name)?);
        }
        Ok(options)
    }

    /// The first line of a descriptor.
    pub(crate) fn syntax(&self) -> String {
        format!("# syntax={}\n", self.frontend)
    }

    /// A reference of the registry that nothing is pushed to.
    pub(crate) fn missing(&self) -> String {
        self.reference("missing")
    }

    /// A reference of the registry.
    pub(super) fn reference(&self, name: &str) -> String {
        format!("{}/cnb/{name}:latest", self.registry.address())
    }

    /// How the reference of the run image begins in labels: with the name that the builder declares, wherever the image
    /// was taken from.
    pub(crate) fn run_image() -> String {
        let (name, _) = RUN_IMAGE.rsplit_once(':').expect("it has a tag");
        format!("{name}@sha256:")
    }
}

impl Options {
    /// Adds a build argument, instead of one of that name.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.build_args.push((name.to_owned(), value.to_owned()));
    }

    /// The value of a build argument.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.build_args.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Leaves a build argument out.
    pub(crate) fn unset(&mut self, name: &str) {
        self.build_args.retain(|(other, _)| other != name);
    }

    /// Adds a service binding of files, whose values are secrets.
    pub(crate) fn bind(&mut self, name: &str, kind: &str, files: &[PathBuf]) {
        let mut parts = vec![format!("type={kind}")];
        for path in files {
            let file = path.file_name().expect("it is a file").to_string_lossy();
            let id = format!("{name}-{file}");
            parts.push(format!("{file}={id}"));
            self.secrets.push((id, path.clone()));
        }
        let variable = name.to_uppercase().replace('-', "_");
        self.set(&format!("CNB_BINDING_{variable}"), &parts.join(","));
    }
}
