//! What a BuildKit is and can.

use std::collections::BTreeMap;

use crate::Platform;
use crate::pb::ops;
use crate::pb::types::WorkerRecord;

/// Something that can build.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Worker {
    /// Its name.
    pub id: String,
    /// What its operator says about it.
    pub labels: BTreeMap<String, String>,
    /// What it can run, its own platform first.
    pub platforms: Vec<Platform>,
}

impl From<WorkerRecord> for Worker {
    fn from(record: WorkerRecord) -> Self {
        Self {
            id: record.id,
            labels: record.labels.into_iter().collect(),
            platforms: record.platforms.into_iter().map(Platform::from).collect(),
        }
    }
}

impl From<ops::Platform> for Platform {
    fn from(platform: ops::Platform) -> Self {
        let ops::Platform { architecture, os, variant, os_version, os_features } = platform;
        Self { architecture, os, variant, os_version, os_features }
    }
}

impl From<Platform> for ops::Platform {
    fn from(platform: Platform) -> Self {
        let Platform { architecture, os, variant, os_version, os_features } = platform;
        Self { architecture, os, variant, os_version, os_features }
    }
}
