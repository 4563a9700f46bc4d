//! order.toml, and `[[order]]` of a composite buildpack.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

use super::is_false;
use crate::document;
use crate::document::InvalidDocument;
use crate::id::BuildpackId;

/// What order.toml says: the groups to try, the first that passes wins.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Order {
    /// Groups of buildpacks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<OrderGroup>,
    /// Groups of image extensions, whose elements are always optional.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order_extensions: Vec<OrderGroup>,
}

/// Elements that are tried together.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct OrderGroup {
    /// The elements, in the order in which they would build.
    pub group: Vec<OrderElement>,
}

/// A buildpack or an extension in a group.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct OrderElement {
    /// Which one.
    pub id: BuildpackId,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// Whether the group passes without it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub optional: bool,
}

impl Order {
    /// Reads the text of `file`.
    ///
    /// ```
    /// use cnb_core::buildpack::order::Order;
    ///
    /// let text = "[[order]]\n[[order.group]]\nid = 'a'\nversion = '1'\noptional = true\n";
    /// let order = Order::read("order.toml".as_ref(), text).unwrap();
    /// assert!(order.order[0].group[0].optional);
    /// ```
    pub fn read(file: &Path, text: &str) -> Result<Self, InvalidDocument> {
        let mut order: Self = document::read(file, text)?;
        for element in order.order_extensions.iter_mut().flat_map(|group| &mut group.group) {
            element.optional = true;
        }
        Ok(order)
    }
}

impl fmt::Display for OrderElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.id, self.version)
    }
}
