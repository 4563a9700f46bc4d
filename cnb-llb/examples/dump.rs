//! Shows a graph that comes in: `buildctl debug dump-llb`, in a few lines.
//!
//! ```text
//! cargo run -p cnb-llb --example build | cargo run -p cnb-llb --example dump -- dot | dot -Tsvg
//! ```

#![allow(clippy::print_stdout, reason = "a program that people read")]

use std::error::Error;
use std::io::Read as _;
use std::io::stdin;

use cnb_llb::Definition;
use cnb_llb::dump;

fn main() -> Result<(), Box<dyn Error>> {
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes)?;
    let definition = Definition::from_bytes(&bytes)?;
    let view = match std::env::args().nth(1).as_deref() {
        Some("json") => dump::json(&definition),
        Some("dot") => dump::dot(&definition),
        _ => dump::text(&definition),
    };
    print!("{view}");
    Ok(())
}
