//! Whether an element supports what the image will run on.

use crate::analyzed;
use crate::buildpack::target::Target;

/// Whether the image is what `wanted` asks for. What one of the two does not say matches, except for the
/// distribution, which an image must have when it is asked for.
///
/// Source: `TargetSatisfiedForBuild` in the Go lifecycle's `platform/target_data.go`.
pub fn satisfies(image: &analyzed::Target, wanted: &Target) -> bool {
    let distro = || {
        image.distro.as_ref().is_some_and(|distro| {
            let mut distros = wanted.distros.iter();
            distros.any(|d| matches(&distro.name, &d.name) && matches(&distro.version, &d.version))
        })
    };
    matches(&image.os, &wanted.os)
        && matches(&image.arch, &wanted.arch)
        && matches(&image.arch_variant, &wanted.arch_variant)
        && (wanted.distros.is_empty() || distro())
}

fn matches(one: &str, other: &str) -> bool {
    one.is_empty() || other.is_empty() || one == other
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buildpack::target::Distro;

    /// `os/arch/variant/distro-name/distro-version`
    fn parts(text: &str) -> [String; 5] {
        let mut parts = text.split('/').map(str::to_owned);
        std::array::from_fn(|_| parts.next().unwrap_or_default())
    }

    #[test]
    fn what_is_not_said_matches() {
        let table = [
            ("linux/amd64", "", true),
            ("linux/amd64", "linux/amd64", true),
            ("linux/amd64", "linux/arm64", false),
            ("linux/amd64", "windows", false),
            ("linux/arm64", "linux/arm64/v8", true),
            ("linux/arm64/v7", "linux/arm64/v8", false),
            ("linux/amd64", "linux/amd64//debian/12", false),
            ("linux/amd64//debian/12", "linux/amd64//debian/12", true),
            ("linux/amd64//debian/12", "linux/amd64//debian", true),
            ("linux/amd64//debian/12", "linux/amd64//ubuntu/12", false),
            ("linux/amd64//debian", "linux/amd64//debian/11", true),
        ];
        for (image, wanted, expected) in table {
            let [os, arch, arch_variant, name, version] = parts(image);
            let distro = (!name.is_empty()).then_some(analyzed::Distro { name, version });
            let image_target = analyzed::Target { id: String::new(), os, arch, arch_variant, distro };
            let [os, arch, arch_variant, name, version] = parts(wanted);
            let distros = if name.is_empty() { Vec::new() } else { vec![Distro { name, version }] };
            let wanted_target = Target { os, arch, arch_variant, distros };
            assert_eq!(satisfies(&image_target, &wanted_target), expected, "{image} {wanted}");
        }
    }
}
