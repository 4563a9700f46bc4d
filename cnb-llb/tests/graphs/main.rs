//! Graphs that must be byte for byte what BuildKit's Go client makes of them.
//!
//! `tests/golden` has what the program in `tests/go` recorded, `tests/go/go.mod` says of which BuildKit.
//! To record again, for a newer one: `cd tests/go && go run . record ../golden`.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod capabilities;
mod cases;
mod coverage;
mod deep;
mod dump;
mod golden;
mod random;
mod read;
