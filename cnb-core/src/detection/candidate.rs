//! The elements of a group while it is tried.

use std::fmt;

use crate::buildpack::order::OrderElement;
use crate::buildpack::order::OrderGroup;
use crate::buildpack::plan::ElementKind;
use crate::buildpack::target::Target;
use crate::id::BuildpackId;

/// A buildpack or an extension that may take part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Candidate {
    /// Whether it is a buildpack or an extension.
    pub kind: ElementKind,
    /// Which one.
    pub id: BuildpackId,
    /// Its version.
    pub version: String,
    /// Whether the group passes without it.
    pub optional: bool,
}

/// What detection has to know of a buildpack.toml or an extension.toml.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Descriptor {
    /// The version of the Buildpack API, as written.
    pub api: String,
    /// Where to read about the element.
    pub homepage: String,
    /// The platforms that it supports, inferred ones included; empty for all.
    pub targets: Vec<Target>,
    /// The execution environments that it is for; empty for all.
    pub exec_env: Vec<String>,
    /// The groups that a composite buildpack stands for.
    pub order: Vec<OrderGroup>,
}

/// Kind, ID and version.
pub(super) type Key = (ElementKind, BuildpackId, String);

impl Candidate {
    /// An element of an order.
    pub fn new(kind: ElementKind, element: &OrderElement) -> Self {
        Self { kind, id: element.id.clone(), version: element.version.clone(), optional: element.optional }
    }

    /// What its outcome is remembered by: it is the same in every group.
    pub(super) fn key(&self) -> Key {
        (self.kind, self.id.clone(), self.version.clone())
    }

    /// Whether both are the same element of any version.
    pub(super) fn is_same_element(&self, other: &Self) -> bool {
        self.kind == other.kind && self.id == other.id
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.id, self.version)
    }
}
