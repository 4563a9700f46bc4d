#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

pub mod ignore;
pub mod platform;
pub mod settings;
pub mod target;

use cnb_llb::gateway::Environment;
use cnb_llb::gateway::InvalidOption;
use cnb_llb::gateway::Options;

/// The project descriptor of a build that names none with `-f`.
pub const DESCRIPTOR: &str = "project.toml";

/// What a build asks for. The file to build from is the project descriptor.
pub fn options(environment: &Environment) -> Result<Options, InvalidOption> {
    let mut options = Options::read(&environment.options)?;
    options.filename.get_or_insert_with(|| DESCRIPTOR.to_owned());
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_a_file_is_of_the_descriptor() {
        let filename = |variables: &[(&str, &str)]| {
            let environment = Environment::read(variables.iter().copied()).expect("no workers are named");
            options(&environment).expect("nothing is wrong").filename
        };
        assert_eq!(filename(&[]).as_deref(), Some("project.toml"));
        assert_eq!(filename(&[("BUILDKIT_FRONTEND_OPT_0", "filename=a.toml")]).as_deref(), Some("a.toml"));
    }
}
