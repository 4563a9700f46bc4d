//! Image configs without loss: what this crate does not know stays as it is, where it is.
//!
//! The digest of a config is the image ID, so the bytes that were read are kept and handed on; only an
//! [edit](ImageConfig::edit) makes new ones. Source: "config.md" of the OCI image specification.

use bytes::Bytes;
use cnb_core::digest::DiffId;
use cnb_core::digest::Digest;
use cnb_core::encode::go_json;
use serde::Deserialize as _;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

mod edit;

pub use edit::Edit;
pub use edit::History;

/// The config of an image: bytes, and a view of them.
///
/// ```
/// use cnb_oci::config::ImageConfig;
///
/// let config = ImageConfig::parse(r#"{"os":"linux","x":1,"config":{"Env":["A=1"]},"rootfs":{"diff_ids":[]}}"#)?;
/// assert_eq!(config.env().collect::<Vec<_>>(), [("A", "1")]);
///
/// let mut edit = config.edit();
/// edit.env("A", "2").label("vendor", "<me>");
/// let edited = edit.finish()?;
/// assert_eq!(edited.label("vendor"), Some("<me>"));
/// assert!(edited.bytes().starts_with(br#"{"os":"linux","x":1,"#));
/// # Ok::<(), cnb_oci::config::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ImageConfig {
    bytes: Bytes,
    document: Map<String, Value>,
    diff_ids: Vec<DiffId>,
}

impl ImageConfig {
    /// Reads a config.
    ///
    /// # Errors
    /// When it is no JSON object, or `rootfs.diff_ids` are not digests.
    pub fn parse(bytes: impl Into<Bytes>) -> Result<Self, Error> {
        let bytes = bytes.into();
        let document: Map<String, Value> = serde_json::from_slice(&bytes).map_err(Error::Json)?;
        let diff_ids = match document.get("rootfs").and_then(|rootfs| rootfs.get("diff_ids")) {
            None | Some(Value::Null) => Vec::new(),
            Some(diff_ids) => Vec::deserialize(diff_ids).map_err(Error::DiffIds)?,
        };
        Ok(Self { bytes, document, diff_ids })
    }

    /// The config of an image without layers, for example of `linux` and `arm64`.
    pub fn empty(os: &str, architecture: &str) -> Self {
        let document = json!({
            "architecture": architecture,
            "created": "1980-01-01T00:00:01Z",
            "os": os,
            "rootfs": {"type": "layers", "diff_ids": []},
            "config": {},
        });
        let bytes = go_json::to_string(&document).expect("the keys are strings");
        Self::parse(bytes).expect("it is valid")
    }

    /// The bytes as they were read or, after an edit, written.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The digest of the bytes: the image ID.
    pub fn digest(&self) -> Digest {
        crate::digest(&self.bytes)
    }

    /// All that the config says.
    pub fn document(&self) -> &Map<String, Value> {
        &self.document
    }

    /// The digests of the layers' tars, lowest first.
    pub fn diff_ids(&self) -> &[DiffId] {
        &self.diff_ids
    }

    /// The operating system; empty when there is none.
    pub fn os(&self) -> &str {
        self.text("os")
    }

    /// The architecture, for example `amd64`; empty when there is none.
    pub fn architecture(&self) -> &str {
        self.text("architecture")
    }

    /// The variant of the architecture, for example `v8`; empty when there is none.
    pub fn variant(&self) -> &str {
        self.text("variant")
    }

    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.process("Labels")?.get(name)?.as_str()
    }

    /// All labels, in the order of the config.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let labels = self.process("Labels").and_then(Value::as_object).into_iter().flatten();
        labels.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
    }

    /// The variables of the environment, in order. A variable without `=` has an empty value.
    pub fn env(&self) -> impl Iterator<Item = (&str, &str)> {
        self.strings("Env").map(|variable| variable.split_once('=').unwrap_or((variable, "")))
    }

    /// What starts a container.
    pub fn entrypoint(&self) -> impl Iterator<Item = &str> {
        self.strings("Entrypoint")
    }

    /// The default arguments.
    pub fn cmd(&self) -> impl Iterator<Item = &str> {
        self.strings("Cmd")
    }

    /// The user, for example `1000:1000` or `app`; empty when there is none.
    pub fn user(&self) -> &str {
        self.process("User").and_then(Value::as_str).unwrap_or_default()
    }

    /// The working directory; empty when there is none.
    pub fn working_dir(&self) -> &str {
        self.process("WorkingDir").and_then(Value::as_str).unwrap_or_default()
    }

    /// Starts to change a copy.
    pub fn edit(&self) -> Edit {
        Edit::new(self.document.clone())
    }

    fn text(&self, key: &str) -> &str {
        self.document.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    fn process(&self, key: &str) -> Option<&Value> {
        self.document.get("config")?.get(key)
    }

    fn strings(&self, key: &str) -> impl Iterator<Item = &str> {
        self.process(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }
}

/// Why bytes are no image config.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The digests of the layers cannot be read.
    #[error("the diffIDs of an image config are not valid")]
    DiffIds(#[source] serde_json::Error),
    /// It is no JSON object.
    #[error("an image config is not a JSON object")]
    Json(#[source] serde_json::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_kept() {
        let text = "{ \"os\":\"linux\",\n\"Zed\" : 1.0, \"architecture\":\"arm64\", \"variant\":\"v8\" }";
        let config = ImageConfig::parse(text).expect("valid");
        assert_eq!(config.bytes(), text);
        assert_eq!((config.os(), config.architecture(), config.variant()), ("linux", "arm64", "v8"));
        assert_eq!(config.digest(), crate::digest(text.as_bytes()));
    }

    #[test]
    fn missing_and_null_fields_are_empty() {
        for text in ["{}", r#"{"config":null,"rootfs":null}"#, r#"{"config":{"Env":null,"Labels":null}}"#] {
            let config = ImageConfig::parse(text).expect("valid");
            assert_eq!(config.diff_ids(), []);
            assert_eq!((config.user(), config.working_dir(), config.label("a")), ("", "", None));
            assert_eq!(config.env().count() + config.labels().count() + config.cmd().count(), 0);
        }
    }

    #[test]
    fn what_is_no_config_is_refused() {
        for text in ["", "[]", r#"{"rootfs":{"diff_ids":["md5:1"]}}"#, r#"{"rootfs":{"diff_ids":1}}"#] {
            assert!(ImageConfig::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_empty_image_has_no_layers() {
        let config = ImageConfig::empty("linux", "amd64");
        assert_eq!((config.os(), config.architecture(), config.diff_ids().len()), ("linux", "amd64", 0));
    }
}
