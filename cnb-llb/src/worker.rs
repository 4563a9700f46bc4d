//! What a BuildKit is and can.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::pb::ops;
use crate::pb::types::WorkerRecord;

/// Something that can build.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct Worker {
    /// Its name.
    pub id: String,
    /// What its operator says about it.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What it can run, its own platform first.
    #[serde(default)]
    pub platforms: Vec<WorkerPlatform>,
}

/// A platform as the OCI image specification writes it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct WorkerPlatform {
    /// For example `amd64`.
    pub architecture: String,
    /// For example `linux`.
    pub os: String,
    /// For example `v8`; empty if there is none.
    #[serde(default)]
    pub variant: String,
}

impl From<WorkerRecord> for Worker {
    fn from(record: WorkerRecord) -> Self {
        Self {
            id: record.id,
            labels: record.labels.into_iter().collect(),
            platforms: record.platforms.into_iter().map(WorkerPlatform::from).collect(),
        }
    }
}

impl From<ops::Platform> for WorkerPlatform {
    fn from(platform: ops::Platform) -> Self {
        let ops::Platform { architecture, os, variant, .. } = platform;
        Self { architecture, os, variant }
    }
}
