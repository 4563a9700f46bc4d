//! What a layer costs at least: `cnb-oci/benches/floor.rs`.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::Result;
use crate::programs;

/// Times of work on the files of a directory, once.
#[derive(Clone, Copy)]
pub(super) struct Floor {
    /// The content of all files.
    pub(super) bytes: u64,
    /// Each byte read and hashed.
    pub(super) read_and_sha256: Duration,
    /// Each byte read, hashed and written to another file.
    pub(super) read_and_sha256_and_write: Duration,
    /// Each byte read and compressed as in layers, on all cores, and thrown away.
    pub(super) compress: Duration,
    /// As `compress`, and what is read and what it becomes are hashed.
    pub(super) compress_and_sha256: Duration,
    /// The tar of a layer, hashed and thrown away.
    pub(super) layer: Duration,
}

impl Floor {
    /// Measures a directory.
    ///
    /// # Errors
    /// When the benchmark does not build or fails.
    pub(super) fn measure(directory: &Path) -> Result<Self> {
        let figures: Value = serde_json::from_str(&programs::benchmark("cnb-oci", "floor", directory)?)?;
        let time = |name: &str| {
            let seconds = figures[name].as_f64().ok_or_else(|| format!("the benchmark says no {name}"))?;
            Result::Ok(Duration::try_from_secs_f64(seconds)?)
        };
        Ok(Self {
            bytes: figures["bytes"].as_u64().ok_or("the benchmark says no bytes")?,
            read_and_sha256: time("read-and-sha256")?,
            read_and_sha256_and_write: time("read-and-sha256-and-write")?,
            compress: time("compress")?,
            compress_and_sha256: time("compress-and-sha256")?,
            layer: time("layer")?,
        })
    }
}
