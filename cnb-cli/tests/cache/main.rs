//! `cnb cache`: what it lists, removes and carries.

#![forbid(unsafe_code)]

mod carried;
#[path = "../common/place.rs"]
mod directory;
#[expect(dead_code, reason = "no test needs all of it")]
#[path = "../common/done.rs"]
mod done;
mod listed;
mod place;
mod pruned;
