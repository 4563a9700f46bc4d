//! `cnb cache`: what it lists, removes and carries.

#![forbid(unsafe_code)]

mod carried;
mod listed;
mod place;
mod pruned;
