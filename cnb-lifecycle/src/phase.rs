//! The phases of a build. Each is a function of its inputs; where they come from is the program's business.

pub mod build;
pub mod process;
