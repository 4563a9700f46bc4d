//! Images that go, and blobs that nothing needs any more.

use std::collections::BTreeSet;
use std::fs;

use super::Error;
use super::Layout;
use crate::blob;
use crate::blob::Blob;

impl Layout {
    /// Takes the image with a tag out of the index, if it is there. Its blobs stay.
    ///
    /// # Errors
    /// [`Error::Json`], [`Error::Blob`] when the index cannot be read or written.
    pub fn remove_image(&self, tag: &str) -> Result<(), Error> {
        self.change_index(|index| index.manifests.retain(|entry| entry.ref_name() != Some(tag)))
    }

    /// Removes the blobs that no image of the index refers to, and returns how many bytes that are. Nobody may write to
    /// the layout meanwhile: a blob has its name before there is an image that refers to it.
    ///
    /// # Errors
    /// [`Error::Json`], [`Error::Blob`] when a document of the layout cannot be read: then everything stays.
    pub fn remove_unreachable(&self) -> Result<u64, Error> {
        let reachable = self.reachable(&self.index()?)?;
        let needed: BTreeSet<&str> = reachable.iter().map(|Blob { digest, .. }| digest.hex()).collect();
        let directory = self.directory().join("blobs/sha256");
        let list = || blob::Error::io("list", &directory);
        let mut bytes = 0;
        for entry in fs::read_dir(&directory).map_err(list())? {
            let entry = entry.map_err(list())?;
            let is_needed = entry.file_name().to_str().is_some_and(|name| needed.contains(name));
            let metadata = entry.metadata().map_err(list())?;
            if !is_needed && metadata.is_file() {
                fs::remove_file(entry.path()).map_err(blob::Error::io("remove", &entry.path()))?;
                bytes += metadata.len();
            }
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::ImageConfig;
    use crate::descriptor::Descriptor;
    use crate::descriptor::Manifest;
    use crate::descriptor::media_type;
    use crate::layout::Layout;

    #[test]
    fn what_no_image_needs_goes() {
        let directory = tempfile::tempdir().expect("a directory");
        let layout = Layout::create(directory.path()).expect("a layout");
        let config = layout.blobs().put(ImageConfig::empty("linux", "amd64").bytes()).expect("written");
        let manifest =
            Manifest::new(Descriptor::new(media_type::OCI_CONFIG, config.digest, config.size), Vec::new());
        layout.put_image(Some("a"), &manifest).expect("an image");
        layout.put_image(Some("b"), &manifest).expect("an image");
        layout.blobs().put(b"nobody's").expect("written");
        assert_eq!(layout.remove_unreachable().expect("swept"), 8);
        layout.remove_image("a").expect("it is there");
        layout.remove_image("a").expect("it is gone");
        assert_eq!(layout.remove_unreachable().expect("swept"), 0);
        layout.image(Some("b"), &"linux/amd64".parse().expect("a platform")).expect("it is whole");
        layout.remove_image("b").expect("it is there");
        assert!(layout.remove_unreachable().expect("swept") > config.size);
    }
}
