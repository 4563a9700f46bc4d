//! The program that BuildKit starts for a `# syntax=` line.
#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "a program reads its environment")]

use cnb_llb::gateway;
use cnb_llb::gateway::Environment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    gateway::run(Environment::read(std::env::vars())?, cnb_frontend::build).await?;
    Ok(())
}
