//! What becomes of a result.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use tokio::io::AsyncWrite;

use crate::pb::control;
use crate::session::Output;

/// What becomes of a result: an exporter of BuildKit with its attributes.
///
/// ```
/// use cnb_llb::client::Export;
///
/// let pushed = Export::new("image").with_attribute("name", "localhost:5000/app").with_attribute("push", "true");
/// let archive = Export::new("oci").to_writer(tokio::io::sink());
/// let files = Export::new("local").to_directory("out");
/// ```
pub struct Export {
    kind: String,
    attributes: BTreeMap<String, String>,
    pub(crate) output: Option<Output>,
}

impl Export {
    /// An exporter by its name: `image`, `oci`, `docker`, `tar`, `local`, or `moby` of a Docker Engine with its classic
    /// store.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), attributes: BTreeMap::new(), output: None }
    }

    /// The same with one more attribute, for example `name`.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// The archive of `oci`, `docker` and `tar` goes there. It is shut down when it is whole.
    #[must_use]
    pub fn to_writer(mut self, writer: impl AsyncWrite + Send + 'static) -> Self {
        self.output = Some(Output::Writer(Box::pin(writer)));
        self
    }

    /// The files of `local` go there, beside what there is. It is made when it is missing.
    #[must_use]
    pub fn to_directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.output = Some(Output::Directory(path.into()));
        self
    }

    pub(crate) fn message(&self) -> control::Exporter {
        let attrs = self.attributes.iter().map(|(name, value)| (name.clone(), value.clone()));
        control::Exporter { r#type: self.kind.clone(), attrs: attrs.collect() }
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Export");
        debug.field("kind", &self.kind).field("attributes", &self.attributes).finish_non_exhaustive()
    }
}
