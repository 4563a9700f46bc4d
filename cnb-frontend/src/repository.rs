//! What a client says of the repository that the files come from: options `vcs:NAME`.

use std::collections::BTreeMap;

use cnb_core::labels::project::Source;

/// What names the repository: its address, and where in it the context is. None unless both are said: the applications of
/// one repository are not one application.
///
/// ```
/// use std::collections::BTreeMap;
/// use cnb_frontend::repository::identity;
///
/// let said = [("source", "https://example.com/shop.git"), ("localdir:context", "api")];
/// let said = BTreeMap::from(said.map(|(name, value)| (name.to_owned(), value.to_owned())));
/// assert_eq!(identity(&said).as_deref(), Some("https://example.com/shop.git#api"));
/// ```
pub fn identity(said: &BTreeMap<String, String>) -> Option<String> {
    let address = said.get("source").filter(|address| !address.is_empty())?;
    let directory = said.get("localdir:context")?;
    Some(format!("{}#{directory}", without_credentials(address)))
}

/// The source for the label of an image, as `pack` says it: of the type `git`.
pub fn source(said: &BTreeMap<String, String>) -> Option<Source> {
    let entry = |key: &str, value: Option<String>| {
        value
            .filter(|value| !value.is_empty())
            .map(|value| (key.to_owned(), value.into()))
            .into_iter()
            .collect()
    };
    let source = Source {
        r#type: "git".to_owned(),
        version: entry("commit", said.get("revision").cloned()),
        metadata: entry("url", said.get("source").map(|address| without_credentials(address))),
    };
    (!(source.version.is_empty() && source.metadata.is_empty())).then_some(source)
}

/// An address without the name and password that it may have: labels and progress are for everybody.
pub fn without_credentials(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn applications_of_one_repository_are_told_apart() {
        let address = ("source", "https://u:p@example.com/a");
        assert_eq!(identity(&said(&[address])), None);
        assert_eq!(identity(&said(&[("localdir:context", "api")])), None);
        let identity = identity(&said(&[address, ("localdir:context", ".")]));
        assert_eq!(identity.as_deref(), Some("https://example.com/a#."));
    }

    #[test]
    fn labels_have_commit_and_address() {
        let source =
            source(&said(&[("revision", "1-dirty"), ("source", "https://t@example.com/a")])).expect("both");
        assert_eq!((source.r#type.as_str(), &source.version["commit"]), ("git", &"1-dirty".into()));
        assert_eq!(source.metadata["url"], "https://example.com/a");
        assert_eq!(super::source(&said(&[("localdir:context", ".")])), None);
    }

    #[test]
    fn credentials_are_left_out() {
        for (address, expected) in [
            ("https://user:pass@example.com/a@b", "https://example.com/a@b"),
            ("ssh://git@example.com", "ssh://example.com"),
            ("git@example.com:a/b.git", "git@example.com:a/b.git"),
            ("https://example.com/a", "https://example.com/a"),
        ] {
            assert_eq!(without_credentials(address), expected);
        }
    }
}
