//! What steps can reach.

use crate::backend::Network;
use crate::conformance::Failure;
use crate::conformance::Outcome;
use crate::conformance::Target;
use crate::conformance::failure::equal;

cases! { network:
    none_has_no_route,
    none_reaches_nothing [Reachable],
    host_reaches_what_the_machine_reaches [HostNetwork, Reachable],
}

async fn none_has_no_route(target: &Target) -> Outcome {
    let ran = target.succeed(target.step("routes").await?).await?;
    equal("interfaces with a route", ran.stdout.as_str(), "")
}

async fn none_reaches_nothing(target: &Target) -> Outcome {
    let address = address(target)?;
    target.fail(target.step(&format!("connect {address}")).await?).await
}

async fn host_reaches_what_the_machine_reaches(target: &Target) -> Outcome {
    let address = address(target)?;
    let step = target.step(&format!("connect {address}")).await?;
    target.succeed(step.with_network(Network::Host)).await.map(drop)
}

fn address(target: &Target) -> Result<String, Failure> {
    let address = target.reachable.ok_or_else(|| Failure::new("the target names no reachable address"))?;
    Ok(address.to_string())
}
