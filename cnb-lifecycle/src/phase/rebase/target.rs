//! Whether an image can run on a new base, as images say that were made from Platform API 0.12 on.
//!
//! Source: `TargetSatisfiedForRebase` in `platform/target_data.go` of the lifecycle.

use cnb_core::analyzed::Target;
use cnb_core::encode::go_json;
use cnb_core::labels;
use cnb_oci::config::ImageConfig;

use super::Objection;
use crate::phase::analyze::target;

/// What speaks against the base.
pub fn objections(app: &ImageConfig, new_base: &ImageConfig) -> Vec<Objection> {
    let mut objections = Vec::new();
    if app.label(labels::REBASABLE) == Some("false") {
        objections.push(Objection::NotRebasable);
    }
    let old = target(app).unwrap_or_default();
    let new = target(new_base).unwrap_or_default();
    if !satisfies(&new, &old) {
        let json = |target| go_json::to_string(target).expect("all keys of targets are strings");
        objections.push(Objection::Target { new: json(&new), old: json(&old) });
    }
    objections
}

/// A variant that one of them does not say is any; what a base does not say of its distribution is any.
fn satisfies(new: &Target, old: &Target) -> bool {
    let is_any = |one: &str, other: &str| one.is_empty() || other.is_empty() || one == other;
    let has_distro = match (&new.distro, &old.distro) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(new), Some(old)) => {
            (new.name.is_empty() || new.name == old.name)
                && (new.version.is_empty() || new.version == old.version)
        }
    };
    new.os == old.os && new.arch == old.arch && is_any(&new.arch_variant, &old.arch_variant) && has_distro
}

#[cfg(test)]
mod tests {
    use cnb_core::analyzed::Distro;

    use super::*;

    fn target((os, arch, arch_variant, distro): (&str, &str, &str, Option<(&str, &str)>)) -> Target {
        let distro =
            distro.map(|(name, version)| Distro { name: name.to_owned(), version: version.to_owned() });
        let [os, arch, arch_variant] = [os, arch, arch_variant].map(str::to_owned);
        Target { id: String::new(), os, arch, arch_variant, distro }
    }

    #[test]
    fn what_is_not_said_is_any() {
        let debian = Some(("debian", "12"));
        for (new, old, expected) in [
            (("linux", "arm64", "v8", debian), ("linux", "arm64", "v8", debian), true),
            (("linux", "arm64", "", None), ("linux", "arm64", "v8", debian), true),
            (("linux", "arm64", "v8", debian), ("linux", "arm64", "", debian), true),
            (("linux", "arm64", "v8", None), ("linux", "arm64", "v7", None), false),
            (("linux", "amd64", "", None), ("linux", "arm64", "", None), false),
            (("windows", "arm64", "", None), ("linux", "arm64", "", None), false),
            (("linux", "arm64", "", debian), ("linux", "arm64", "", None), false),
            (("linux", "arm64", "", Some(("debian", ""))), ("linux", "arm64", "", debian), true),
            (("linux", "arm64", "", Some(("", "13"))), ("linux", "arm64", "", debian), false),
            (("linux", "arm64", "", Some(("ubuntu", ""))), ("linux", "arm64", "", debian), false),
        ] {
            assert_eq!(satisfies(&target(new), &target(old)), expected, "{new:?} {old:?}");
        }
    }
}
