//! What a BuildKit can do.

use std::collections::BTreeMap;

use crate::errdefs::BuildError;
use crate::errdefs::Code;
use crate::pb::apicaps::ApiCap;

/// What a BuildKit can do, by identifier.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Capabilities {
    known: BTreeMap<String, Support>,
}

/// Whether one thing can be done.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Support {
    /// It can.
    pub enabled: bool,
    /// Why it cannot, in words; may be empty.
    pub disabled_reason: String,
}

impl Capabilities {
    /// Whether something can be done. What is not known cannot.
    ///
    /// ```
    /// use cnb_llb::Capability;
    /// use cnb_llb::gateway::Capabilities;
    ///
    /// let of_nobody = Capabilities::default();
    /// assert!(!of_nobody.has(Capability::MERGE_OP) && !of_nobody.has("gateway.exec"));
    /// ```
    pub fn has(&self, id: impl AsRef<str>) -> bool {
        self.known.get(id.as_ref()).is_some_and(|support| support.enabled)
    }

    /// Makes sure that something can be done.
    ///
    /// # Errors
    /// When it cannot, with the reason.
    pub fn require(&self, id: impl AsRef<str>) -> Result<(), BuildError> {
        let id = id.as_ref();
        let message = match self.known.get(id) {
            Some(Support { enabled: true, .. }) => return Ok(()),
            Some(Support { disabled_reason, .. }) if !disabled_reason.is_empty() => {
                format!("this BuildKit cannot do `{id}`: {disabled_reason}")
            }
            _ => format!("this BuildKit cannot do `{id}`"),
        };
        Err(BuildError::new(Code::Unimplemented, message))
    }

    /// All of them, by identifier.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Support)> {
        self.known.iter().map(|(id, support)| (id.as_str(), support))
    }
}

impl From<Vec<ApiCap>> for Capabilities {
    fn from(capabilities: Vec<ApiCap>) -> Self {
        let known = capabilities.into_iter().map(|capability| {
            let ApiCap { id, enabled, disabled_reason_msg, .. } = capability;
            (id, Support { enabled, disabled_reason: disabled_reason_msg })
        });
        Self { known: known.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_reason() {
        let capability = |id: &str, enabled, reason: &str| ApiCap {
            id: id.to_owned(),
            enabled,
            disabled_reason_msg: reason.to_owned(),
            ..ApiCap::default()
        };
        let capabilities =
            Capabilities::from(vec![capability("a", true, ""), capability("mergeop", false, "no store")]);
        assert!(capabilities.has("a") && !capabilities.has("mergeop") && !capabilities.has("b"));
        let message = |id: &str| capabilities.require(id).map_err(|error| error.to_string());
        assert_eq!(message("a"), Ok(()));
        assert_eq!(message("mergeop"), Err("this BuildKit cannot do `mergeop`: no store".to_owned()));
        assert_eq!(message("b"), Err("this BuildKit cannot do `b`".to_owned()));
    }
}
