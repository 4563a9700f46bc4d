//! Entries of an index: found by tag or platform, replaced by tag.

use std::path::Path;

use super::Error;
use crate::descriptor::Descriptor;
use crate::descriptor::Index;
use crate::platform::Platform;

/// The entry with this tag; without a tag, the only entry.
pub(super) fn by_tag<'i>(
    index: &'i Index,
    tag: Option<&str>,
    directory: &Path,
) -> Result<&'i Descriptor, Error> {
    let found = match (tag, &index.manifests[..]) {
        (None, [only]) => Some(only),
        (None, [_, _, ..]) => {
            return Err(Error::Ambiguous { directory: directory.to_owned(), tags: tags(index) });
        }
        (tag, entries) => entries.iter().find(|entry| tag.is_some() && entry.ref_name() == tag),
    };
    found.ok_or_else(|| Error::NoImage {
        directory: directory.to_owned(),
        tag: tag.map(str::to_owned),
        tags: tags(index),
    })
}

/// The entry for this platform.
pub(super) fn by_platform<'i>(
    index: &'i Index,
    platform: &Platform,
    directory: &Path,
) -> Result<&'i Descriptor, Error> {
    index.for_platform(platform).ok_or_else(|| Error::NoPlatform {
        directory: directory.to_owned(),
        platform: platform.to_string(),
        offered: index.platforms().map(ToString::to_string).collect(),
    })
}

/// Puts an entry in the place of the entries with the same tag.
pub(super) fn replace(index: &mut Index, new: Descriptor) {
    let has_tag = |entry: &Descriptor| entry.ref_name() == new.ref_name();
    let place = index.manifests.iter().position(has_tag).unwrap_or(index.manifests.len());
    index.manifests.retain(|entry| !has_tag(entry));
    index.manifests.insert(place, new);
}

fn tags(index: &Index) -> Vec<String> {
    index.manifests.iter().filter_map(Descriptor::ref_name).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::REF_NAME;

    fn entry(tag: Option<&str>, platform: Option<&str>, content: &str) -> Descriptor {
        let mut entry = Descriptor::new("m", crate::digest(content.as_bytes()), 1);
        entry.platform = platform.map(|platform| platform.parse().expect("a platform"));
        entry.annotations.extend(tag.map(|tag| (REF_NAME.to_owned(), tag.into())));
        entry
    }

    fn index(entries: &[Descriptor]) -> Index {
        Index { manifests: entries.to_vec(), ..Index::default() }
    }

    #[test]
    fn tags_are_found_and_listed() {
        let (a, b, none) = (entry(Some("a"), None, "1"), entry(Some("b"), None, "2"), entry(None, None, "3"));
        let directory = Path::new("/l");
        let both = index(&[a.clone(), b.clone(), none.clone()]);
        assert_eq!(by_tag(&both, Some("b"), directory).expect("it is there"), &b);
        let message = |tag, index| by_tag(index, tag, directory).expect_err("not there").to_string();
        assert_eq!(message(Some("c"), &both), "the layout /l has no image `c`; it has a, b");
        assert_eq!(message(None, &both), "the layout /l has several images: name one of a, b");
        assert_eq!(message(None, &index(&[])), "the layout /l has no image; it has none");
        assert_eq!(by_tag(&index(std::slice::from_ref(&a)), None, directory).expect("the only one"), &a);
        assert_eq!(
            by_tag(&index(std::slice::from_ref(&none)), None, directory).expect("the only one"),
            &none
        );
    }

    #[test]
    fn platforms_are_found_and_listed() {
        let arm = entry(None, Some("linux/arm64/v8"), "1");
        let amd = entry(None, Some("linux/amd64"), "2");
        let platform = |text: &str| text.parse::<Platform>().expect("a platform");
        let both = index(&[amd.clone(), arm.clone(), entry(None, None, "3")]);
        let find = |index, wanted| by_platform(index, &platform(wanted), Path::new("/l")).cloned();
        assert_eq!(find(&both, "linux/arm64").expect("it is there"), arm);
        let message = find(&both, "linux/s390x").expect_err("it is not there").to_string();
        assert_eq!(message, "the image in /l is not for linux/s390x, but for linux/amd64, linux/arm64/v8");
        assert!(find(&index(&[entry(None, None, "3")]), "linux/s390x").is_ok());
    }

    #[test]
    fn only_the_same_tag_is_replaced() {
        let (a, b, none) = (entry(Some("a"), None, "1"), entry(Some("b"), None, "2"), entry(None, None, "3"));
        let mut images = index(&[a.clone(), b.clone()]);
        let newer = entry(Some("a"), None, "4");
        replace(&mut images, newer.clone());
        replace(&mut images, none.clone());
        assert_eq!(images.manifests, [newer.clone(), b.clone(), none]);
        let untagged = entry(None, None, "5");
        replace(&mut images, untagged.clone());
        assert_eq!(images.manifests, [newer, b, untagged]);
    }
}
