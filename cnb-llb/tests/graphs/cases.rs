//! The cases, by the names that they have in `tests/go`.

mod combine;
mod exec;
mod file;
mod git;
mod metadata;
mod mount;
mod source;

use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use cnb_llb::Exec;
use cnb_llb::Image;
use cnb_llb::Local;
use cnb_llb::Platform;
use cnb_llb::State;

/// A graph by its name.
pub(crate) type Case = (&'static str, State);

pub(crate) fn all() -> Vec<Case> {
    [
        source::cases(),
        git::cases(),
        exec::cases(),
        mount::cases(),
        file::cases(),
        file::copy_cases(),
        combine::cases(),
        metadata::cases(),
    ]
    .concat()
}

pub(crate) const DIGEST_ONE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
pub(crate) const DIGEST_TWO: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

/// The platform that the recorder marshals for.
pub(crate) fn amd64() -> Platform {
    Platform::new("linux", "amd64")
}

pub(crate) fn arm() -> Platform {
    Platform::new("linux", "arm").with_variant("v7")
}

pub(crate) fn image(reference: &str) -> Image {
    Image::new(reference).platform(amd64())
}

pub(crate) fn alpine() -> State {
    image("alpine").state()
}

pub(crate) fn app() -> State {
    Local::new("app").session("s").state()
}

pub(crate) fn scratch() -> State {
    State::scratch().with_platform(amd64())
}

pub(crate) fn created() -> SystemTime {
    UNIX_EPOCH + Duration::new(1_700_000_000, 5)
}

/// A command with nothing that is not said.
pub(crate) fn command() -> Exec {
    Exec::new(["true"])
}
