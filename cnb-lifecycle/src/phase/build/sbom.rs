//! SBOM files of buildpacks: `<layers>/<buildpack>/<layer>.sbom.<format>` goes to
//! `<layers>/sbom/{build,cache,launch}/<buildpack>/<layer>/sbom.<format>`.
//!
//! Source: buildpack specification, "Software-Bill-of-Materials", and the Go lifecycle's
//! `buildpack/bomfile.go` and `phase/builder.go`.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::buildpack::bom::BomEntry;
use cnb_core::encode::any;
use cnb_core::encode::go_json;
use cnb_core::id::BuildpackId;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;

use super::BuildError;
use super::buildpack::Buildpack;
use super::layers::Layers;
use crate::disk;

/// An SBOM file, and one of the places it goes to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SbomFile {
    path: PathBuf,
    buildpack: BuildpackId,
    /// The directory below `sbom`: `build`, `cache` or `launch`.
    kind: &'static str,
    /// The layer it describes; empty when it describes no layer in particular.
    layer: String,
    format: Format,
}

/// Whether there is any SBOM file in the directory of a buildpack.
pub(super) fn any(directory: &Path) -> Result<bool, BuildError> {
    Ok(!names(directory)?.is_empty())
}

/// The SBOM files of a buildpack whose layers exist.
pub(super) fn find(buildpack: &Buildpack<'_>, layers: &Layers) -> Result<Vec<SbomFile>, BuildError> {
    let mut files = Vec::new();
    for name in names(&buildpack.layers)? {
        let path = buildpack.layers.join(&name);
        let layer = name.split('.').next().unwrap_or_default();
        let kinds = kinds(layer, layers);
        if kinds.is_empty() {
            continue;
        }
        let format = format(&path, &name, &buildpack.info.sbom_formats)
            .map_err(|source| BuildError::Sbom { buildpack: buildpack.element.to_string(), source })?;
        let layer = if matches!(layer, "build" | "launch") { "" } else { layer };
        files.extend(kinds.iter().map(|kind| SbomFile {
            path: path.clone(),
            buildpack: buildpack.id.clone(),
            kind,
            layer: layer.to_owned(),
            format,
        }));
    }
    Ok(files)
}

/// Copies SBOM files to where they go.
pub(super) fn copy_all(layers: &Path, files: &[SbomFile]) -> Result<(), BuildError> {
    for file in files {
        let directory = layers.join("sbom").join(file.kind).join(file.buildpack.escape()).join(&file.layer);
        fs::create_dir_all(&directory).map_err(BuildError::io("create", &directory))?;
        let name = format!("sbom.{}", file.format.suffix());
        disk::copy(&file.path, &directory.join(name))
            .map_err(BuildError::io("copy SBOM file", &file.path))?;
    }
    Ok(())
}

/// Writes the older bill of materials to `sbom/<kind>/sbom.legacy.json`: null when there is none.
pub(super) fn write_legacy(layers: &Path, kind: &str, bom: &[BomEntry]) -> Result<(), BuildError> {
    let directory = layers.join("sbom").join(kind);
    fs::create_dir_all(&directory).map_err(BuildError::io("create", &directory))?;
    let path = directory.join("sbom.legacy.json");
    let text = legacy_json(bom).map_err(|source| BuildError::io("encode", &path)(source.into()))?;
    fs::write(&path, format!("{text}\n")).map_err(BuildError::io("write", &path))
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Format {
    CycloneDx,
    Spdx,
    Syft,
}

impl Format {
    const ALL: [Self; 3] = [Self::CycloneDx, Self::Spdx, Self::Syft];

    fn media_type(self) -> &'static str {
        match self {
            Self::CycloneDx => "application/vnd.cyclonedx+json",
            Self::Spdx => "application/spdx+json",
            Self::Syft => "application/vnd.syft+json",
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::CycloneDx => "cdx.json",
            Self::Spdx => "spdx.json",
            Self::Syft => "syft.json",
        }
    }
}

/// Names like `<name>.sbom.<format>.json`, sorted.
fn names(directory: &Path) -> Result<Vec<String>, BuildError> {
    let names = disk::names(directory).map_err(BuildError::io("list", directory))?;
    let names = names.into_iter().filter_map(|name| name.into_string().ok());
    let is_sbom = |name: &String| name.strip_suffix(".json").is_some_and(|name| name.contains(".sbom."));
    Ok(names.filter(is_sbom).collect())
}

/// Where an SBOM file goes; nowhere when there is no layer of that name.
fn kinds(layer: &str, layers: &Layers) -> Vec<&'static str> {
    match layer {
        "build" => return vec!["build"],
        "launch" => return vec!["launch"],
        _ => {}
    }
    let Some((_, types)) = layers.iter().find(|(name, _)| name == layer) else { return Vec::new() };
    let mut kinds = vec![if types.launch { "launch" } else { "build" }];
    if types.cache {
        kinds.push("cache");
    }
    kinds
}

fn format(path: &Path, name: &str, declared: &[String]) -> Result<Format, SbomError> {
    let format = Format::ALL
        .into_iter()
        .find(|format| name.ends_with(&format!(".sbom.{}", format.suffix())))
        .ok_or_else(|| SbomError::Unsupported(path.to_owned()))?;
    for declared in declared {
        let declared = essence(declared).ok_or_else(|| SbomError::Declared(declared.clone()))?;
        if declared == format.media_type() {
            return Ok(format);
        }
    }
    Err(SbomError::Undeclared { path: path.to_owned(), media_type: format.media_type() })
}

/// A media type without its parameters; none if it is no media type.
fn essence(media_type: &str) -> Option<String> {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !br#"()<>@,;:\"/[]?="#.contains(&b))
    };
    essence.split('/').all(is_token).then_some(essence).filter(|essence| essence.matches('/').count() < 2)
}

fn legacy_json(bom: &[BomEntry]) -> Result<String, serde_json::Error> {
    if bom.is_empty() {
        return Ok("null".to_owned());
    }
    let entries = bom.iter().map(LegacyEntry::new).collect::<Result<Vec<_>, _>>()?;
    go_json::to_string(&entries)
}

/// A [`BomEntry`] in the form of JSON that the Go lifecycle gives it.
#[derive(Serialize)]
struct LegacyEntry<'a> {
    name: &'a str,
    metadata: Option<Map<String, Value>>,
    buildpack: LegacyBuildpack<'a>,
}

#[derive(Serialize)]
struct LegacyBuildpack<'a> {
    id: &'a str,
    version: &'a str,
}

impl<'a> LegacyEntry<'a> {
    fn new(entry: &'a BomEntry) -> Result<Self, serde_json::Error> {
        let metadata = entry.metadata.as_ref().map(any::table_from_toml).transpose();
        let buildpack = entry.buildpack.as_ref();
        Ok(Self {
            name: &entry.name,
            metadata: metadata.map_err(serde::ser::Error::custom)?,
            buildpack: LegacyBuildpack {
                id: buildpack.map_or("", |buildpack| buildpack.id.as_str()),
                version: buildpack.map_or("", |buildpack| &buildpack.version),
            },
        })
    }
}

/// An SBOM file is not acceptable.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SbomError {
    /// What buildpack.toml declares is no format.
    #[error("parsing declared media type: '{0}' of sbom-formats in buildpack.toml is no media type")]
    Declared(String),
    /// Its format is none that buildpack.toml declares.
    #[error("undeclared SBOM media type: '{media_type}' of SBOM file '{path}'", path = path.display())]
    Undeclared {
        /// The file.
        path: PathBuf,
        /// Its format.
        media_type: &'static str,
    },
    /// Its format is none of the specification.
    #[error("unsupported SBOM file format: '{path}'", path = .0.display())]
    Unsupported(PathBuf),
}

#[cfg(test)]
mod tests {
    use cnb_core::buildpack::layer::LayerTypes;

    use super::*;

    #[test]
    fn files_go_where_their_layers_go() {
        let layer = |build, launch, cache| LayerTypes { build, launch, cache };
        let layers = [
            ("none", layer(false, false, false)),
            ("b", layer(true, false, true)),
            ("l", layer(true, true, false)),
            ("lc", layer(false, true, true)),
        ]
        .map(|(name, types)| (name.to_owned(), types))
        .to_vec();
        let cases: [(&str, &[&str]); 7] = [
            ("build", &["build"]),
            ("launch", &["launch"]),
            ("none", &["build"]),
            ("b", &["build", "cache"]),
            ("l", &["launch"]),
            ("lc", &["launch", "cache"]),
            ("other", &[]),
        ];
        for (name, expected) in cases {
            assert_eq!(kinds(name, &layers), expected, "{name}");
        }
    }

    #[test]
    fn formats_are_declared() {
        let declared = ["Application/SPDX+json; version=2".to_owned()];
        let format = |name: &str| format(Path::new(name), name, &declared);
        assert_eq!(format("l.sbom.spdx.json").ok(), Some(Format::Spdx));
        assert!(matches!(format("l.sbom.cdx.json"), Err(SbomError::Undeclared { .. })));
        assert!(matches!(format("l.sbom.x.json"), Err(SbomError::Unsupported(_))));
    }

    #[test]
    fn what_is_declared_is_a_media_type() {
        for (text, expected) in [
            ("application/vnd.syft+json", Some("application/vnd.syft+json")),
            (" A/B ; q=1", Some("a/b")),
            ("text", Some("text")),
            ("not a type", None),
            ("a/b/c", None),
            ("a/", None),
            ("", None),
        ] {
            assert_eq!(essence(text).as_deref(), expected, "{text:?}");
        }
    }
}
