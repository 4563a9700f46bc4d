//! Which buildpacks and extensions this lifecycle can run.

use cnb_core::api::BuildpackApi;
use cnb_core::buildpack::plan::ElementKind;

/// The version of the Buildpack API of `element` (`id@version`).
///
/// Source: `VerifyBuildpackAPI` in `cmd/apis.go` of the Go lifecycle.
pub fn supported(
    kind: ElementKind,
    element: &str,
    api: &str,
) -> Result<BuildpackApi, UnsupportedBuildpackApi> {
    let supported = api.parse().ok().filter(|api: &BuildpackApi| api.is_supported());
    supported.ok_or_else(|| UnsupportedBuildpackApi {
        kind,
        element: element.to_owned(),
        api: api.to_owned(),
    })
}

/// A buildpack or an extension is written for a version of the Buildpack API that this lifecycle does not have.
#[derive(Clone, Debug, thiserror::Error)]
#[error("buildpack API version '{api}' is incompatible with the lifecycle")]
#[non_exhaustive]
pub struct UnsupportedBuildpackApi {
    /// Whether it is a buildpack or an extension.
    pub kind: ElementKind,
    /// Which one: `id@version`.
    pub element: String,
    /// The version as its descriptor writes it.
    pub api: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_versions_are_refused() {
        for (api, accepted) in
            [("0.7", true), ("0.12", true), ("0.6", false), ("0.13", false), ("", false), ("x", false)]
        {
            assert_eq!(supported(ElementKind::Buildpack, "a@1", api).is_ok(), accepted, "{api}");
        }
    }
}
