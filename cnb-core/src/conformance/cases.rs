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

mod cache;
mod cancel;
mod chain;
mod compose;
mod digests;
mod directory;
mod exit;
mod export;
mod golden;
mod image;
mod layer;
mod mount;
mod network;
mod output;
mod process;
mod read;
mod secret;
mod shared_cache;
mod streaming;

pub(super) const ALL: &[&[Case]] = &[
    image::CASES,
    read::CASES,
    compose::CASES,
    digests::CASES,
    directory::CASES,
    process::CASES,
    exit::CASES,
    chain::CASES,
    streaming::CASES,
    output::CASES,
    mount::CASES,
    cache::CASES,
    shared_cache::CASES,
    secret::CASES,
    network::CASES,
    cancel::CASES,
    layer::CASES,
    golden::CASES,
    export::CASES,
];
