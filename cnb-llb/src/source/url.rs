//! Addresses of Git repositories, as BuildKit reads them.

/// An address of a Git repository.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct GitUrl {
    /// What Git is given: without query and fragment.
    pub(super) remote: String,
    /// The host and the path, which are the same whatever the protocol; the whole address if it cannot be
    /// read.
    pub(super) repository: String,
    /// Whether it is reached by SSH.
    pub(super) is_ssh: bool,
}

impl GitUrl {
    /// Reads `https://host/path`, `git@host:path`, and `host/path`, which means `https`.
    ///
    /// What cannot be read is kept as it is: the daemon will refuse it.
    pub(super) fn parse(address: &str) -> Self {
        let scheme = address.split_once("://").map(|(scheme, _)| scheme);
        let scheme =
            scheme.filter(|scheme| !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric()));
        let read = match scheme.map(str::to_ascii_lowercase).as_deref() {
            Some(scheme @ ("http" | "https" | "ssh" | "git")) => with_scheme(scheme, address),
            Some(_) => None,
            None => return scp(address).unwrap_or_else(|| Self::parse(&format!("https://{address}"))),
        };
        let unread = || Self { remote: address.to_owned(), repository: address.to_owned(), is_ssh: false };
        read.unwrap_or_else(unread)
    }
}

fn with_scheme(scheme: &str, address: &str) -> Option<GitUrl> {
    let rest = &address[scheme.len() + "://".len()..];
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let repository = format!("{host}{}", clean(&decode(path)?));
    Some(GitUrl { remote: format!("{scheme}://{rest}"), repository, is_ssh: scheme == "ssh" })
}

/// `user@host:path`, as scp(1) writes it.
fn scp(address: &str) -> Option<GitUrl> {
    let (user, rest) = address.split_once('@')?;
    let (host, path) = rest.split_once(':')?;
    let is_name = |text: &str, more: &[char]| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(&c))
    };
    if !is_name(user, &['-', '_']) || !is_name(host, &['-', '.']) {
        return None;
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let repository = format!("{host}{}", clean(path));
    Some(GitUrl { remote: format!("{user}@{host}:{path}"), repository, is_ssh: true })
}

fn clean(path: &str) -> String {
    crate::file::absolute(path)
}

/// Without percent signs; none if they are not followed by two digits each, or do not make a text.
fn decode(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let cases = [
            ("https://example.com/a/b.git", "https://example.com/a/b.git", "example.com/a/b.git", false),
            ("HTTPS://u@example.com:80/a#main", "https://u@example.com:80/a", "example.com:80/a", false),
            ("example.com/a//b?x=y", "https://example.com/a//b", "example.com/a/b", false),
            ("git@example.com:a/b.git#main:c", "git@example.com:a/b.git", "example.com/a/b.git", true),
            ("ssh://git@example.com/a%20b", "ssh://git@example.com/a%20b", "example.com/a b", true),
            ("ftp://example.com/a", "ftp://example.com/a", "ftp://example.com/a", false),
            ("https://example.com/a%2", "https://example.com/a%2", "https://example.com/a%2", false),
        ];
        for (address, remote, repository, is_ssh) in cases {
            let expected = GitUrl { remote: remote.into(), repository: repository.into(), is_ssh };
            assert_eq!(GitUrl::parse(address), expected, "{address}");
        }
    }
}
