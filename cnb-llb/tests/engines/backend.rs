//! The backend against its conformance suite.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use cnb_core::conformance;
use cnb_core::conformance::Need;
use cnb_core::conformance::Report;
use cnb_core::conformance::Target;
use cnb_llb::Capability;
use cnb_llb::Network;
use cnb_llb::backend::BuildKit;
use cnb_llb::backend::ClientSide;
use cnb_llb::client::Client;
use cnb_llb::client::SolveRequest;
use cnb_llb::gateway::Gateway;
use cnb_llb::gateway::Output;
use cnb_llb::session::Session;

use crate::engine::id;
use crate::engine::on_each;
use crate::engine::variable;

/// What no BuildKit can, whatever its store.
const MISSING: [Need; 7] = [
    Need::Digests,
    Need::ExactConfig,
    Need::ExistingLayers,
    Need::FailedOutputs,
    Need::LifecycleDialect,
    Need::OrderedLayers,
    Need::UnlimitedOutput,
];

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn the_backend_passes_its_suite() {
    on_each(async |client| {
        let report = suite(&client).await;
        assert!(report.failed.is_empty(), "{report}");
        assert!(report.passed.len() > 100, "{report}");
        let unexpected: Vec<_> = report
            .not_applicable
            .iter()
            .filter(|(_, need)| !MISSING.contains(need) && *need != Need::Export)
            .collect();
        assert!(unexpected.is_empty(), "{unexpected:?}");
    });
}

async fn suite(client: &Client) -> Report {
    let id = id();
    let side = ClientSide::new(client.clone(), &id);
    let session = side.serve(Session::new(&id));
    let scratch = tempfile::tempdir().expect("there is a directory");
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("it has one");
    let mut report = Report::default();
    let work = async |gateway: Gateway| {
        let helper = side.helper(Path::new(&variable("CNB_TEST_HELPER")));
        let has_layouts = gateway.graph_capabilities().has(Capability::MERGE_OP);
        let backend = BuildKit::new(gateway, helper).with_client(side.clone()).with_network(Network::Host);
        let root = format!("docker://{}", variable("CNB_TEST_PROBE")).parse().expect("it is a reference");
        let target =
            Target::new(Arc::new(backend), root).with_scratch(scratch.path()).with_reachable(address);
        // Without containerd's store, a Docker Engine pushes nothing while it builds.
        let target = if has_layouts { target.with_output(output) } else { target };
        report = conformance::run(&target).await;
        Ok(Output::default())
    };
    let request = SolveRequest::new(&id).with_entitlement("network.host");
    client.build(request, session, &mut |event| side.hear(event), work).await.expect("it works");
    report
}

/// Where the suite writes images: next to its own.
fn output(name: &str) -> cnb_core::image_name::ImageName {
    let probe = variable("CNB_TEST_PROBE");
    let (registry, _) = probe.split_once('/').expect("it has a registry");
    format!("docker://{registry}/suite/{name}").parse().expect("it is a reference")
}
