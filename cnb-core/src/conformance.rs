//! The public suite that says precisely what a [`Backend`](crate::backend::Backend) does.
//!
//! It is a list of named [cases] over a [`Target`]. A case needs some [capabilities](Need); where one
//! is missing it counts as not applicable, by name. All steps of the suite run the [probe]: put its binary
//! `cnb-probe` into an image, or interpret it where steps are not real processes.
//!
//! ```
//! use std::sync::Arc;
//!
//! use cnb_core::backend::File;
//! use cnb_core::conformance;
//! use cnb_core::conformance::Target;
//! use cnb_core::conformance::memory_probe::MemoryProbe;
//! use cnb_core::memory::Memory;
//!
//! let root = "memory:root".parse()?;
//! let files = vec![Memory::executable(Target::PROBE, "probe")];
//! let backend = Memory::new().with_program("probe", MemoryProbe).with_image(&root, files);
//! let output = |name: &str| format!("memory:{name}").parse().expect("a transport and a name");
//! let target = Target::new(Arc::new(backend), root).with_output(output);
//! let report = futures_lite::future::block_on(conformance::run(&target));
//! assert!(report.failed.is_empty(), "{report}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use futures_lite::FutureExt as _;
use futures_lite::future;

pub mod memory_probe;
pub mod probe;

mod bench;
mod cases;
mod deadline;
mod failure;
mod need;
mod recorder;
mod report;
mod target;

pub use failure::Failure;
pub use failure::Outcome;
pub use need::Need;
pub use report::Report;
pub use target::Dialect;
pub use target::Target;

use deadline::Deadline;

/// One thing that backends have to do.
#[derive(Clone, Copy)]
pub struct Case {
    /// Its name: `<subject>::<what_holds>`.
    pub name: &'static str,
    /// Without all of these the case is not applicable.
    pub needs: &'static [Need],
    check: Check,
}

type Check = for<'a> fn(&'a Target) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

impl Case {
    /// The first thing the case needs that the target has not.
    pub fn missing(&self, target: &Target) -> Option<Need> {
        self.needs.iter().copied().find(|need| !need.is_met(target))
    }

    /// Finds out whether it holds. A case that panics or takes longer than the target's patience fails.
    pub async fn run(&self, target: &Target) -> Outcome {
        let check = AssertUnwindSafe((self.check)(target)).catch_unwind();
        let deadline = async {
            Deadline::after(target.patience).await;
            Ok(Err(Failure::new(format!("still not done after {:?}", target.patience))))
        };
        future::or(check, deadline).await.unwrap_or_else(|_| Err(Failure::new("it panicked")))
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).field("needs", &self.needs).finish_non_exhaustive()
    }
}

/// All cases, by subject.
pub fn cases() -> Vec<Case> {
    cases::ALL.concat()
}

/// Runs every case that is applicable, one after another.
pub async fn run(target: &Target) -> Report {
    let mut report = Report::default();
    for case in cases() {
        if let Some(need) = case.missing(target) {
            report.not_applicable.push((case.name, need));
            continue;
        }
        match case.run(target).await {
            Ok(()) => report.passed.push(case.name),
            Err(failure) => report.failed.push((case.name, failure)),
        }
    }
    report
}

#[cfg(test)]
mod tests;
