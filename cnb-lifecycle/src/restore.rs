//! What a build finds of the build before: metadata of layers, stores, and which contents come back.

pub mod check;
pub mod extract;
pub mod plan;

pub use plan::Message;
pub use plan::RestoreInputs;
pub use plan::RestorePlan;
pub use plan::plan;
