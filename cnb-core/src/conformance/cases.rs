//! The cases, a file per subject.

use super::Case;

/// Names the functions of a subject as its cases, each with what it needs.
macro_rules! cases {
    ($subject:ident: $($check:ident $([$($need:ident),+])?,)+) => {
        /// The cases of this subject.
        pub(super) const CASES: &[$crate::conformance::Case] = &[$(
            $crate::conformance::Case {
                name: concat!(stringify!($subject), "::", stringify!($check)),
                needs: &[$($($crate::conformance::Need::$need),+)?],
                check: |target| Box::pin($check(target)),
            },
        )+];
    };
}

mod cancel;
mod exit;
mod output;
mod streaming;

pub(super) const ALL: &[&[Case]] = &[output::CASES, exit::CASES, streaming::CASES, cancel::CASES];
