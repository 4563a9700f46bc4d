//! Client, session and gateway against real engines.
//!
//! `cargo xtask test engines` starts engines and says where they are:
//! - `CNB_TEST_BUILDKIT`: their addresses, separated by blanks;
//! - `CNB_TEST_BUSYBOX`: a static busybox;
//! - `CNB_TEST_PROBE`: the reference of an image of `cnb-probe`, and `CNB_TEST_HELPER`: the directory that has a static
//!   `cnb-helper`;
//! - `CNB_TEST_FRONTEND`: the reference of an image of the example `frontend`.
#![cfg(all(feature = "client", feature = "gateway"))]

#[cfg(feature = "backend")]
mod backend;
mod cancel;
mod engine;
mod exports;
mod frontend;
mod gateway;
mod graph;
mod images;
mod served;
mod solve;
