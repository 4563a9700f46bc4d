//! Features that a platform has to allow.
//!
//! Source: `platform/experimental_features.go` of the Go lifecycle.

use cnb_core::environment::Environment;

use super::failure::Failure;

/// Lets the feature through, warns about it or refuses it, as `CNB_EXPERIMENTAL_MODE` says: `quiet`, `warn`
/// (or anything else) or `error`, the default.
pub(super) fn allow(feature: &str, environment: &Environment) -> Result<(), Failure> {
    const VARIABLE: &str = "CNB_EXPERIMENTAL_MODE";
    match environment.text(VARIABLE) {
        Some("quiet") => Ok(()),
        None | Some("error") => {
            tracing::error!("Platform requested experimental feature '{feature}'");
            Err(Failure::verbatim(format!("experimental features are disabled by {VARIABLE}=error")))
        }
        Some(_) => {
            tracing::warn!("Platform requested experimental feature '{feature}'");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_default_refuses() {
        for (mode, allowed) in
            [("", false), ("error", false), ("warn", true), ("quiet", true), ("silent", true)]
        {
            let environment = Environment::from_iter([("CNB_EXPERIMENTAL_MODE", mode)]);
            assert_eq!(allow("x", &environment).is_ok(), allowed, "{mode}");
        }
    }
}
