//! The programs of the crate, run as a platform runs them.

mod fixture;
mod launcher;
mod lifecycle;
mod phases;
mod platform;
