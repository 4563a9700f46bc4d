//! /etc/os-release of the image that builds: where the run image does not say what it runs on.
//!
//! Source: the Go lifecycle's `platform/target_data.go` and `internal/fsutil/os_detection.go`.

use crate::analyzed::Distro;
use crate::analyzed::Target;

/// What the run image runs on; what it does not say is taken from the image that builds.
///
/// `arch` is the architecture of this machine in the words of Go, `os_release` the text of /etc/os-release.
/// A target with a distribution stays as it is.
///
/// ```
/// use cnb_core::analyzed::Target;
///
/// let target = cnb_core::os_release::complete(Target::default(), "amd64", Some("ID=debian\nVERSION_ID=\"12\"\n"));
/// assert_eq!((target.os.as_str(), target.arch.as_str()), ("linux", "amd64"));
/// assert_eq!(target.distro.map(|distro| distro.version).as_deref(), Some("12"));
/// ```
#[must_use]
pub fn complete(mut target: Target, arch: &str, os_release: Option<&str>) -> Target {
    if target.distro.is_some() {
        return target;
    }
    if target.os.is_empty() {
        "linux".clone_into(&mut target.os);
    }
    if target.arch.is_empty() {
        arch.clone_into(&mut target.arch);
    }
    target.distro = os_release.and_then(distro);
    target
}

/// The name Go has for an architecture of Rust. Where that does not say the order of bytes, it is that of this program.
pub fn go_arch(rust_arch: &'static str) -> &'static str {
    match rust_arch {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        "powerpc64" => "ppc64",
        "loongarch64" => "loong64",
        other => other,
    }
}

fn distro(text: &str) -> Option<Distro> {
    let mut distro = Distro::default();
    for (key, value) in text.split('\n').filter_map(|line| line.split_once('=')) {
        let value = value.trim_matches(['"', ' ']);
        match key {
            // Values with a `=` do not count.
            _ if value.contains('=') => {}
            "ID" => value.clone_into(&mut distro.name),
            "VERSION_ID" => value.clone_into(&mut distro.version),
            _ => {}
        }
        // A later value wins as long as one of the two is missing.
        if !distro.name.is_empty() && !distro.version.is_empty() {
            break;
        }
    }
    (distro != Distro::default()).then_some(distro)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_are_read() {
        let cases = [
            ("", None),
            ("NAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_ID=\"12\"\n", Some(("debian", "12"))),
            ("ID=debian\n", Some(("debian", ""))),
            ("VERSION_ID= 3.2 \nID=a=b\n", Some(("", "3.2"))),
            ("ID", None),
            ("ID=a\nID=b\nVERSION_ID=1\nID=c\n", Some(("b", "1"))),
        ];
        for (text, expected) in cases {
            let distro = distro(text);
            let found = distro.as_ref().map(|distro| (distro.name.as_str(), distro.version.as_str()));
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn architectures_have_the_names_of_go() {
        for (rust, go) in
            [("x86_64", "amd64"), ("loongarch64", "loong64"), ("riscv64", "riscv64"), ("s390x", "s390x")]
        {
            assert_eq!(go_arch(rust), go);
        }
    }

    #[test]
    fn only_what_is_missing_is_added() {
        let target = Target { os: "windows".to_owned(), ..Target::default() };
        let completed = complete(target, "arm64", Some("ID=x"));
        assert_eq!((completed.os.as_str(), completed.arch.as_str()), ("windows", "arm64"));
        let with_distro = Target { distro: Some(Distro::default()), ..Target::default() };
        assert_eq!(complete(with_distro.clone(), "arm64", Some("ID=x")), with_distro);
    }
}
