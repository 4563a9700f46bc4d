//! The CPU time of an engine.

use std::fs;
use std::time::Duration;

use crate::Result;
use crate::bench::cost;
use crate::engine::docker::Engine;

/// The CPU time of all processes of an engine so far, those that ended included.
///
/// # Errors
/// When the engine has ended.
pub(in crate::bench) fn cpu(engine: &Engine) -> Result<Duration> {
    let namespace = engine.process_namespace()?;
    let mut all = Duration::ZERO;
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // One that ends meanwhile is counted with the process that waited for it, if that was not read before.
        if fs::read_link(entry.path().join("ns/pid")).is_ok_and(|of| of == namespace) {
            all += cost::cpu(id).unwrap_or_default();
        }
    }
    Ok(all)
}
