//! From what a build left in `<layers>` to an image: which layers, labels and config it has.
//!
//! Everything here is a function of values; reading directories and writing layers is left to the caller:
//! 1. take a [`Snapshot`] of `<layers>` (the phase uses [`snapshot::fs`]; others read what their backend has);
//! 2. [`plan()`] says which layers to make, in order;
//! 3. make them, and hand their diffIDs to [`Plan::image`], which gives the bytes of the image config.
//!
//! For the same inputs the config is byte for byte that of the Go lifecycle.

pub mod cache;
pub mod config;
pub mod extended;
pub mod image;
pub mod plan;
pub mod snapshot;

pub use extended::ExtendedLayer;
pub use image::AppImage;
pub use image::ImageInputs;
pub use plan::Content;
pub use plan::Plan;
pub use plan::PlanInputs;
pub use plan::PlannedLayer;
pub use plan::Role;
pub use plan::plan;
pub use snapshot::BuildpackDirectory;
pub use snapshot::LayerDirectory;
pub use snapshot::Snapshot;
