//! What the image will run on.

use std::env::consts::ARCH;
use std::fs;
use std::io;

use cnb_core::analyzed::Analyzed;
use cnb_core::analyzed::Target;
use cnb_core::os_release;

/// What the run image says that it runs on; the image that this phase runs in answers for what it does not say.
pub(super) fn target(analyzed: &Analyzed) -> Target {
    let run_image = analyzed.run_image.as_ref();
    let target = run_image.and_then(|image| image.target.clone()).unwrap_or_default();
    let os_release = if target.distro.is_none() { read_os_release() } else { None };
    os_release::complete(target, os_release::go_arch(ARCH), os_release.as_deref())
}

fn read_os_release() -> Option<String> {
    const PATH: &str = "/etc/os-release";
    tracing::info!("target distro name/version labels not found, reading {PATH} file");
    match fs::read_to_string(PATH) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!("Encountered error trying to read {PATH} file: {error}");
            None
        }
    }
}
