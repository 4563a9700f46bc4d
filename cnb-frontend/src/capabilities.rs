//! What clients can demand of a frontend.

use cnb_llb::errdefs::BuildError;
use cnb_llb::errdefs::Code;
use cnb_llb::errdefs::Detail;

/// What this frontend can. The label `moby.buildkit.frontend.caps` of its image says the same.
pub const CAPABILITIES: [&str; 2] = ["moby.buildkit.frontend.contexts", "moby.buildkit.frontend.subrequests"];

/// Makes sure that it can what is demanded. `+forward` after a capability is for frontends that run others.
///
/// Source: `frontend/dockerfile/builder/caps.go` of BuildKit.
///
/// # Errors
/// That of BuildKit, which clients understand.
pub fn check(demanded: &[String]) -> Result<(), BuildError> {
    let names = demanded.iter().map(|demand| demand.split('+').next().unwrap_or_default());
    match names.into_iter().find(|name| !CAPABILITIES.contains(name)) {
        Some(name) => {
            let error = BuildError::new(Code::Unimplemented, format!("this frontend cannot do `{name}`"));
            Err(error.with_detail(Detail::FrontendCapability(name.to_owned())))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_named() {
        let check =
            |names: &[&str]| super::check(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert!(check(&[]).is_ok());
        assert!(
            check(&["moby.buildkit.frontend.contexts+forward", "moby.buildkit.frontend.subrequests"]).is_ok()
        );
        let error = check(&["moby.buildkit.frontend.inputs+forward"]).expect_err("it is not there");
        let expected = Detail::FrontendCapability("moby.buildkit.frontend.inputs".to_owned());
        assert_eq!((error.code(), error.details()), (Code::Unimplemented, &[expected][..]));
    }
}
