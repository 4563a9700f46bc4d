//! Builds on a BuildKit.

use std::path::Path;
use std::path::PathBuf;

use cnb_core::image_name::ImageName;
use cnb_lifecycle::platform::Built;
use cnb_llb::Platform;
use cnb_llb::backend::BuildKit;
use cnb_llb::backend::ClientSide;
use cnb_llb::client::Address;
use cnb_llb::client::Connector;
use cnb_llb::client::SolveRequest;
use cnb_llb::client::Tls;
use cnb_llb::errdefs::BuildError;
use cnb_llb::errdefs::Code;
use cnb_llb::gateway::Gateway;
use cnb_llb::gateway::Output;
use cnb_llb::session::Session;

mod engine;
mod files;
mod keychain;
mod served;
mod tls;
mod work;

use engine::Way;
use files::WithFiles;
use keychain::OfEnvironment;
use served::Served;

use super::args::Args;
use super::args::Network;
use super::backend::Place;
use super::build_with;
use super::request;
use super::request::Asked;
use super::request::DAEMON;
use super::until_stopped;
use super::warn;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;
use crate::paths;
use crate::progress::Progress;
use crate::registry;

/// What a build needs.
pub(super) struct Prepared {
    asked: Asked,
    address: Address,
    /// Whether a context of `docker` says the address.
    is_of_context: bool,
    tls: Option<Tls>,
    /// The directory that has the helper.
    helper: PathBuf,
    keychain: OfEnvironment,
}

impl Prepared {
    /// Reads everything.
    pub(super) fn new(args: &Args, place: Place) -> Result<Self> {
        refuse_local_options(args)?;
        let asked = tls::Asked {
            directory: args.buildkit_tls.as_deref(),
            server_name: args.buildkit_tls_server_name.as_deref(),
        };
        let tls = tls::of(&place, asked, request::own)?;
        let is_of_context = place.context.is_some();
        let address = place.address;
        let is_engine = matches!(address, Address::Docker(_));
        if let Some(output) = args.output.iter().find(|output| !is_engine && is_in_daemon(output)) {
            let message = format!(
                "images cannot be written to `{output}` by the BuildKit at {address}: it is not that of a Docker \
                 Engine\n  help: build with --backend docker"
            );
            return Err(Failure::new(Exit::Usage, message));
        }
        let (helper, tool) = (paths::helper("cnb-helper")?, paths::helper("lifecycle")?);
        let keychain = OfEnvironment(registry::options()?.keychain);
        let asked = request::read(args, None, &tool)?;
        let helper = helper.parent().unwrap_or(Path::new("/")).to_owned();
        Ok(Self { asked, address, is_of_context, tls, helper, keychain })
    }

    /// Builds.
    pub(super) fn build(self, args: &Args, progress: &dyn Progress) -> Result<Built> {
        warn(progress, &self.asked.warnings);
        until_stopped(self.solve(args, progress))
    }

    /// The build is the frontend of a solve of its own.
    async fn solve(mut self, args: &Args, progress: &dyn Progress) -> Result<Built> {
        let (is_plain, is_of_context) = (self.tls.is_none(), self.is_of_context);
        let connector = Connector::new(self.address.clone());
        let connector = match self.tls.take() {
            Some(tls) => connector.with_tls(tls),
            None => connector,
        };
        let client = connector.connect().await;
        let way = Way { address: &self.address, is_plain, is_of_context };
        let client = client.map_err(|error| engine::unreachable(way, &error))?;
        // Who wants TLS, or a certificate, says so at the first call.
        client.info().await.map_err(|error| engine::silent(way, &error))?;
        let served = Served::new(inputs(&self.asked)).await?;
        let id = engine::random_id()?;
        let side = ClientSide::new(client.clone(), &id)
            .with_insecure_registries(args.registry.insecure_registry.clone())
            .with_keychain(self.keychain.clone());
        let session = served.offer(side.serve(Session::new(&id)));
        let network = network(args);
        let solve = SolveRequest::new(&id);
        let solve =
            if network == cnb_llb::Network::Host { solve.with_entitlement("network.host") } else { solve };
        let mut outcome = None;
        let frontend = async |gateway: Gateway| {
            let done = self.work(gateway, &side, &served, network, args, progress).await;
            let answer = match &done {
                Ok(_) => Ok(Output::default()),
                // Why is for a person here, and not for the history of the daemon.
                Err(_) => Err(BuildError::new(Code::Aborted, "the build failed")),
            };
            outcome = Some(done);
            answer
        };
        let solved = client.build(solve, session, &mut |event| side.hear(event), frontend).await;
        match (outcome, solved) {
            (Some(built), _) => built,
            (None, Err(error)) => Err(engine::refused(&self.address, &error)),
            (None, Ok(_)) => Err(Failure::new(Exit::Other, "BuildKit ended the build before it began")),
        }
    }

    async fn work(
        &mut self,
        gateway: Gateway,
        side: &ClientSide,
        served: &Served,
        network: cnb_llb::Network,
        args: &Args,
        progress: &dyn Progress,
    ) -> Result<Built> {
        engine::check(&self.address, &gateway, &inputs(&self.asked), &args.output)?;
        let backend = BuildKit::new(gateway, side.helper(&self.helper))
            .with_client(side.clone())
            .with_platform(Platform::native())
            .with_network(network)
            .with_no_cache(args.no_cache)
            .with_cleared_caches(args.clear_cache);
        let backend = WithFiles::new(served.add_to(backend), served.clone());
        build_with(&backend, &mut self.asked, args, progress).await
    }
}

/// The images that a build starts from.
fn inputs(asked: &Asked) -> Vec<ImageName> {
    let request = &asked.request;
    let more = request.run_image.iter().chain(&request.previous);
    std::iter::once(&request.builder).chain(more).cloned().collect()
}

fn is_in_daemon(name: &ImageName) -> bool {
    matches!(name, ImageName::Other { transport, .. } if transport == DAEMON)
}

/// Whether an image is in files of this machine.
fn is_in_files(name: &ImageName) -> bool {
    super::own_files::place(name).is_some()
}

fn network(args: &Args) -> cnb_llb::Network {
    match args.network {
        Some(Network::Host) => cnb_llb::Network::Host,
        Some(Network::None) => cnb_llb::Network::None,
        None | Some(Network::Sandbox) => cnb_llb::Network::Sandbox,
    }
}

/// State and containers are the daemon's own.
fn refuse_local_options(args: &Args) -> Result<()> {
    let given = [
        (args.cache_dir.is_some(), "--cache-dir"),
        (args.userns.is_some(), "--userns"),
        (args.runtime.is_some(), "--runtime"),
    ];
    match given.iter().find(|(is_given, _)| *is_given) {
        None => Ok(()),
        Some((_, option)) => {
            let message =
                format!("{option} is for --backend local: a daemon has its own state and containers");
            Err(Failure::new(Exit::Usage, message))
        }
    }
}
