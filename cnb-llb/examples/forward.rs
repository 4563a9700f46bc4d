//! A frontend that leaves everything to the one for Dockerfiles that BuildKit has in itself: what it costs that a
//! frontend is in an image.
#![allow(clippy::disallowed_methods, reason = "a program reads its environment")]

use cnb_llb::errdefs::BuildError;
use cnb_llb::gateway;
use cnb_llb::gateway::Environment;
use cnb_llb::gateway::Gateway;
use cnb_llb::gateway::Output;
use cnb_llb::gateway::Solve;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    gateway::run(Environment::read(std::env::vars())?, build).await?;
    Ok(())
}

async fn build(gateway: Gateway) -> Result<Output, BuildError> {
    let options = gateway.environment().options.iter();
    let solve =
        options.fold(Solve::frontend("dockerfile.v0"), |solve, (name, value)| solve.with_option(name, value));
    Ok(gateway.solve(solve).await?.into())
}
