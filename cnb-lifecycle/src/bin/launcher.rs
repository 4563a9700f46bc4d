//! The lifecycle.

fn main() {}
