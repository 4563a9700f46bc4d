//! extend-config.toml: arguments of the Dockerfiles of an extension.

use std::path::Path;

use serde::Deserialize;

use crate::document;
use crate::document::InvalidDocument;

/// What extend-config.toml says.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize)]
#[serde(default)]
pub struct ExtendConfig {
    /// For build.Dockerfile.
    pub build: ExtendArguments,
    /// For run.Dockerfile.
    pub run: ExtendArguments,
}

/// The arguments of one Dockerfile.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize)]
#[serde(default)]
pub struct ExtendArguments {
    /// In the order of the file.
    pub args: Vec<ExtendArgument>,
}

/// A name and its value.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize)]
#[serde(default)]
pub struct ExtendArgument {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// Arguments that the lifecycle sets itself.
const RESERVED: [&str; 3] = ["build_id", "user_id", "group_id"];

impl ExtendConfig {
    /// Reads the text of `file`.
    ///
    /// ```
    /// use cnb_core::buildpack::extend_config::ExtendConfig;
    ///
    /// let read = |text| ExtendConfig::read("extend-config.toml".as_ref(), text);
    /// assert!(read("[[run.args]]\nname = 'k'\nvalue = 'v'\n").is_ok());
    /// assert!(read("[[build.args]]\nname = 'user_id'\n").is_err());
    /// ```
    pub fn read(file: &Path, text: &str) -> Result<Self, InvalidDocument> {
        let config: Self = document::read(file, text)?;
        let mut arguments = config.build.args.iter().chain(&config.run.args);
        match arguments.find(|argument| RESERVED.contains(&argument.name.as_str())) {
            None => Ok(config),
            Some(ExtendArgument { name, .. }) => Err(InvalidDocument::new(
                file,
                format!("invalid content: arg with name {name:?} is not allowed"),
            )),
        }
    }
}
