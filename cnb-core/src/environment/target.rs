//! Variables that say what the image will run on.

use crate::analyzed::Distro;
use crate::analyzed::Target;

/// `CNB_TARGET_*` of a target: operating system and architecture always, the others when they are known.
///
/// Source: `EnvVarsFor` in the Go lifecycle's `platform/target_data.go`.
pub fn target_variables(target: &Target) -> Vec<(&'static str, &str)> {
    let distro = |part: fn(&Distro) -> &str| target.distro.as_ref().map_or("", part);
    let mut variables = vec![
        ("CNB_TARGET_OS", target.os.as_str()),
        ("CNB_TARGET_ARCH", target.arch.as_str()),
        ("CNB_TARGET_ARCH_VARIANT", target.arch_variant.as_str()),
        ("CNB_TARGET_DISTRO_NAME", distro(|distro| &distro.name)),
        ("CNB_TARGET_DISTRO_VERSION", distro(|distro| &distro.version)),
    ];
    variables
        .retain(|(name, value)| matches!(*name, "CNB_TARGET_OS" | "CNB_TARGET_ARCH") || !value.is_empty());
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_facts_have_no_variable() {
        let mut target = Target { os: "linux".to_owned(), ..Target::default() };
        let required = [("CNB_TARGET_OS", "linux"), ("CNB_TARGET_ARCH", "")];
        assert_eq!(target_variables(&target), required);

        target.distro = Some(Distro { name: "debian".to_owned(), version: String::new() });
        assert_eq!(target_variables(&target)[2..], [("CNB_TARGET_DISTRO_NAME", "debian")]);
    }
}
