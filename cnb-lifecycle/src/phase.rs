//! The phases of a build. Each is a function of its inputs; where they come from is the business of the
//! [`program`](crate::program).

pub mod analyze;
mod asked_plan;
pub mod build;
pub mod buildpack_api;
pub mod cache;
pub mod detect;
pub mod export;
pub mod finish_detection;
pub mod generate;
pub mod launch_layers;
pub mod process;
pub mod rebase;
pub mod restore;
mod save;
pub mod shared_layers;
pub mod store;
