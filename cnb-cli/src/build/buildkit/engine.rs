//! Which engine it is, and what it cannot do.

use cnb_core::image_name::ImageName;
use cnb_llb::Capability;
use cnb_llb::Platform;
use cnb_llb::client::Address;
use cnb_llb::client::ConnectError;
use cnb_llb::errdefs::BuildError;
use cnb_llb::gateway::Gateway;

use super::is_in_daemon;
use super::is_in_files;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;
use crate::random;

const STORE: &str = "or turn on containerd's image store, \
                     https://docs.docker.com/engine/storage/containerd/";

/// An ID for a session or a solve.
pub(super) fn random_id() -> Result<String> {
    Ok(format!("cnb-{:032x}", u128::from_ne_bytes(random::bytes()?)))
}

/// Where an engine is, and what people said of the way to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way<'a> {
    pub(super) address: &'a Address,
    pub(super) is_plain: bool,
    /// Whether a context of `docker` says it, with the certificates.
    pub(super) is_of_context: bool,
}

/// Nothing is there, or it speaks in another way.
pub(super) fn unreachable(way: Way<'_>, error: &ConnectError) -> Failure {
    helped(way, &Failure::caused(Exit::Machine, error))
}

/// What is there does not answer the first call.
pub(super) fn silent(way: Way<'_>, error: &BuildError) -> Failure {
    let Failure { message, .. } = Failure::caused(Exit::Machine, error);
    let message = format!("the BuildKit at {} does not answer: {message}", way.address);
    helped(way, &Failure::new(Exit::Machine, message))
}

fn helped(Way { address, is_plain, is_of_context }: Way<'_>, failure: &Failure) -> Failure {
    let help = match address {
        _ if failure.message.to_ascii_lowercase().contains("certificate") => {
            "the server's certificate has to be for the name that it is reached by, or --buildkit-tls-server-name, and of an \
             authority in ca.pem; cert.pem and key.pem of this user have to be of one that the server trusts"
        }
        Address::Tcp(_) if is_plain => {
            "start buildkitd there; if it wants TLS, say with --buildkit-tls where the certificates are"
        }
        _ if address.host().is_some() && is_plain && is_of_context => {
            "start Docker Engine there; if it wants TLS, give the context its certificates: docker context update NAME --docker \
             host=HOST,ca=FILE,cert=FILE,key=FILE"
        }
        _ if address.host().is_some() && is_plain => {
            "start Docker Engine there; if it wants TLS, set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the certificates"
        }
        Address::Docker(_) => {
            "start Docker Engine, say with DOCKER_HOST or `docker context use` where it is, or build with --backend local"
        }
        Address::DockerContainer { .. } => {
            "start the container, or say with DOCKER_HOST whose container it is"
        }
        _ => "start buildkitd, or say where it is: --backend buildkit=ADDRESS, or BUILDKIT_HOST",
    };
    Failure::new(failure.exit, format!("{}\n  help: {help}", failure.message))
}

/// The build could not even begin, or the engine ended it.
pub(super) fn refused(address: &Address, error: &BuildError) -> Failure {
    let message = format!("the BuildKit at {address} ended the build: {error}");
    if error.message().contains("entitlement") {
        let help = "allow it to give its network (`network.host`), or build with --network sandbox";
        return Failure::new(Exit::Machine, format!("{message}\n  help: {help}"));
    }
    Failure::new(Exit::Machine, message)
}

/// Says before anything is built what cannot be done.
pub(super) fn check(
    address: &Address,
    gateway: &Gateway,
    inputs: &[ImageName],
    outputs: &[ImageName],
) -> Result<()> {
    let own = Platform::native();
    let platforms = || gateway.workers().iter().flat_map(|worker| &worker.platforms);
    if !platforms().any(|platform| platform.os == own.os && platform.architecture == own.architecture) {
        let offered: Vec<String> =
            platforms().map(|platform| format!("{}/{}", platform.os, platform.architecture)).collect();
        let message = format!(
            "the BuildKit at {address} builds for {}, and the programs of this cnb are for {}/{}",
            offered.join(", "),
            own.os,
            own.architecture
        );
        return Err(Failure::new(Exit::Machine, message));
    }
    // Every BuildKit has it but that of a Docker Engine without containerd's image store.
    if gateway.graph_capabilities().has(Capability::MERGE_OP) || !matches!(address, Address::Docker(_)) {
        return Ok(());
    }
    match refused_image(inputs, outputs) {
        None => Ok(()),
        Some((verb, image, help)) => {
            let message = format!(
                "the Docker Engine at {address} has its classic image store, with which it cannot {verb} `{image}` \
                 while it builds\n  help: {help}, {STORE}"
            );
            Err(Failure::new(Exit::Usage, message))
        }
    }
}

/// What a Docker Engine with its classic store cannot do.
fn refused_image<'i>(
    inputs: &'i [ImageName],
    outputs: &'i [ImageName],
) -> Option<(&'static str, &'i ImageName, &'static str)> {
    if let Some(image) = inputs.iter().find(|image| is_in_files(image)) {
        return Some(("read", image, "take the image from a registry, docker://REFERENCE"));
    }
    let image = outputs.iter().find(|image| !is_in_daemon(image))?;
    Some(("write", image, "write docker-daemon:REFERENCE, then `docker push` or `docker save`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_classic_store_takes_from_registries_and_keeps_for_itself() {
        let names = |texts: &[&str]| -> Vec<ImageName> {
            texts.iter().map(|text| text.parse().expect(text)).collect()
        };
        for (inputs, outputs, expected) in [
            (&["docker://a/b"][..], &["docker-daemon:app"][..], None),
            (&["oci:a:b"], &["docker-daemon:app"], Some("read oci:a:b")),
            (&["docker://a/b", "oci-archive:f"], &["docker-daemon:app"], Some("read oci-archive:f")),
            (&["docker://a/b"], &["docker-daemon:app", "oci:out"], Some("write oci:out")),
            (&["docker://a/b"], &["docker://a/b/c:1"], Some("write docker://index.docker.io/a/b/c:1")),
        ] {
            let (inputs, outputs) = (names(inputs), names(outputs));
            let refused = refused_image(&inputs, &outputs).map(|(verb, image, _)| format!("{verb} {image}"));
            assert_eq!(refused.as_deref(), expected);
        }
    }

    #[test]
    fn certificates_are_those_of_the_variables_or_of_the_context() {
        let address = "docker://build.test:2376".parse().expect("an address");
        let help = |is_of_context| {
            let way = Way { address: &address, is_plain: true, is_of_context };
            helped(way, &Failure::new(Exit::Machine, "no answer")).message
        };
        assert!(help(false).contains("DOCKER_CERT_PATH"), "{}", help(false));
        assert!(help(true).contains("docker context update"), "{}", help(true));
    }

    #[test]
    fn names_are_new() {
        let id = || random_id().map_err(|failure| failure.message).expect("there is randomness");
        assert_ne!(id(), id());
        assert_eq!(id().len(), "cnb-".len() + 32);
    }
}
