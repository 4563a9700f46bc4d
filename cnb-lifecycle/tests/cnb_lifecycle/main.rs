//! The programs of the crate, run as a platform runs them.

mod launcher;
mod lifecycle;
mod platform;
