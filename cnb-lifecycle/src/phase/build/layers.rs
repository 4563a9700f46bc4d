//! What `bin/build` made of its layers directory.

use std::fs;
use std::io;
use std::path::Path;

use cnb_core::buildpack::layer::Layer;
use cnb_core::buildpack::layer::LayerTypes;

use super::BuildError;
use super::read_optional;
use crate::disk;

/// What each layer is for, by name and in the order of the names of the files `<layer>.toml`.
///
/// The files launch.toml, build.toml and store.toml count as such files, as in the Go lifecycle.
pub(super) type Layers = Vec<(String, LayerTypes)>;

/// Reads `<layer>.toml` of all layers. Directories of layers that are for nothing get the suffix `.ignore`.
pub(super) fn process(directory: &Path) -> Result<Layers, BuildError> {
    let mut layers = Layers::new();
    for name in disk::names(directory).map_err(BuildError::io("list", directory))? {
        let path = directory.join(&name);
        let Some(name) = name.to_str().and_then(|name| name.strip_suffix(".toml")) else { continue };
        if path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            continue;
        }
        // A link that leads nowhere says nothing.
        let text = read_optional(&path)?.unwrap_or_default();
        let types = Layer::read(&path, &text)?.types;
        if types == LayerTypes::default() {
            ignore(&directory.join(name))?;
        }
        layers.push((name.to_owned(), types));
    }
    Ok(layers)
}

fn ignore(layer: &Path) -> Result<(), BuildError> {
    let mut ignored = layer.as_os_str().to_owned();
    ignored.push(".ignore");
    match fs::rename(layer, ignored) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(BuildError::io("rename layer directory", layer)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_come_in_the_order_of_their_files() {
        let root = tempfile::tempdir().expect("a temporary directory");
        for directory in ["a", "a-b", "none", "d.toml"] {
            fs::create_dir(root.path().join(directory)).expect("in a new directory");
        }
        for (name, text) in
            [("a.toml", "[types]\nbuild = true"), ("a-b.toml", "[metadata]\nx = 1"), ("launch.toml", "")]
        {
            fs::write(root.path().join(name), text).expect("in a new directory");
        }
        let layers = process(root.path()).expect("valid layers");
        let build = LayerTypes { build: true, ..LayerTypes::default() };
        let nothing = LayerTypes::default();
        let expected = [("a-b", nothing), ("a", build), ("launch", nothing)];
        assert_eq!(layers, expected.map(|(name, types)| (name.to_owned(), types)));
        let names = disk::names(root.path()).expect("readable");
        assert_eq!(names, ["a", "a-b.ignore", "a-b.toml", "a.toml", "d.toml", "launch.toml", "none"]);
    }
}
