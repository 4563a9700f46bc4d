//! The parts of a stage.

use std::time::Instant;

use crate::Result;

/// Does one part of a stage and says how long it took.
///
/// # Errors
/// Those of the part, below what it was.
pub(super) fn timed<T>(what: &str, step: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let result = step().map_err(|error| format!("{what}: {error}"))?;
    println!("  {what}: {:.2} s", start.elapsed().as_secs_f64());
    Ok(result)
}
