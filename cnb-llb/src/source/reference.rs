//! References of images, completed as Docker does.

const DEFAULT_REGISTRY: &str = "docker.io";
/// What Docker Hub was called once.
const LEGACY_REGISTRY: &str = "index.docker.io";
/// Where Docker Hub has images without an owner.
const OFFICIAL: &str = "library/";

/// With its registry: `alpine` is `docker.io/library/alpine`, `me/app` is `docker.io/me/app`.
pub(super) fn with_registry(reference: &str) -> String {
    let (registry, rest) = match reference.split_once('/') {
        Some((first, rest)) if is_registry(first) => (first, rest),
        _ => (DEFAULT_REGISTRY, reference),
    };
    let registry = if registry == LEGACY_REGISTRY { DEFAULT_REGISTRY } else { registry };
    let owner = if registry == DEFAULT_REGISTRY && !rest.contains('/') { OFFICIAL } else { "" };
    format!("{registry}/{owner}{rest}")
}

/// With its registry, and the tag `latest` if it has neither tag nor digest.
pub(super) fn complete(reference: &str) -> String {
    let reference = with_registry(reference);
    let name = reference.rsplit('/').next().unwrap_or_default();
    if name.contains([':', '@']) { reference } else { format!("{reference}:latest") }
}

/// Owners on Docker Hub have no dots, ports or capital letters.
fn is_registry(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':']) || first.chars().any(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_completed() {
        let cases = [
            ("alpine", "docker.io/library/alpine:latest"),
            ("alpine:3.20", "docker.io/library/alpine:3.20"),
            ("me/app", "docker.io/me/app:latest"),
            ("index.docker.io/alpine", "docker.io/library/alpine:latest"),
            ("docker.io/alpine@sha256:00", "docker.io/library/alpine@sha256:00"),
            ("localhost/app", "localhost/app:latest"),
            ("localhost:5000/a/b", "localhost:5000/a/b:latest"),
            ("registry.example/a:1@sha256:00", "registry.example/a:1@sha256:00"),
        ];
        for (reference, expected) in cases {
            assert_eq!(complete(reference), expected);
        }
    }
}
