//! builder.toml, its paths made usable from here.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::builder_config::BuildEnv;
use cnb_core::builder_config::BuilderConfig;
use cnb_core::builder_config::Lifecycle;
use cnb_core::builder_config::Module;
use cnb_core::builder_config::ModuleSource;
use cnb_core::builder_config::RunImage;
use cnb_core::buildpack::descriptor::BuildpackDescriptor;
use cnb_core::buildpack::order::OrderGroup;
use cnb_core::buildpack::target::Target;
use cnb_core::diagnostic::Diagnostic;
use cnb_core::diagnostic::Diagnostics;
use cnb_core::diagnostic::Located;
use cnb_core::diagnostic::Severity;
use cnb_core::diagnostic::SourceFile;
use cnb_core::image_name::ImageName;
use cnb_core::labels::lifecycle::RunImageNames;
use cnb_core::reference::Reference;
use cnb_oci::platform::Platform;

use crate::exit::Failure;
use crate::exit::Result;
use crate::text;

/// What a builder.toml says.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) description: String,
    pub(super) buildpacks: Vec<PathBuf>,
    pub(super) order: Vec<OrderGroup>,
    pub(super) build_image: BuildImage,
    pub(super) build_env: Vec<(String, String)>,
    pub(super) run_images: Vec<RunImageNames>,
    pub(super) lifecycle: Option<PathBuf>,
    pub(super) warnings: Diagnostics,
}

/// What a builder is based on.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum BuildImage {
    /// An image.
    Name(ImageName),
    /// A root file system.
    RootFs(PathBuf),
}

impl Config {
    pub(super) fn read(file: &Path) -> Result<Self> {
        let text = text::read(file)?;
        let source = SourceFile::new(file.display().to_string(), text);
        let (config, warnings) = BuilderConfig::read(&source).map_err(|errors| Failure::invalid(&errors))?;
        Self::resolve(&config, file.parent().unwrap_or(Path::new("")), warnings)
    }

    fn resolve(config: &BuilderConfig, directory: &Path, mut warnings: Diagnostics) -> Result<Self> {
        let mut errors = Diagnostics::default();
        errors.extend(unsupported(config));
        match other_targets(config, &Platform::host()) {
            Some(other) if other.severity == Severity::Error => errors.push(other),
            other => warnings.extend(other),
        }
        let build_image = BuildImage::new(&config.build_image.value, directory);
        errors.extend(missing(config, &build_image));
        let mut buildpacks = Vec::new();
        for module in &config.buildpacks {
            match buildpack(config, module, directory) {
                Ok(path) => buildpacks.push(path),
                Err(more) => errors.extend(more),
            }
        }
        if errors.has_errors() {
            return Err(Failure::invalid(&errors).after(warnings));
        }
        let lifecycle = match &config.lifecycle {
            Some(Lifecycle::Uri(uri)) => Some(directory.join(&uri.value)),
            _ => None,
        };
        Ok(Self {
            description: config.description.clone().unwrap_or_default(),
            buildpacks,
            order: config.to_order().order,
            build_image,
            build_env: config.build_env.iter().flat_map(BuildEnv::files).collect(),
            run_images: config.run_images.iter().map(names).collect(),
            lifecycle,
            warnings,
        })
    }
}

impl BuildImage {
    fn new(text: &str, directory: &Path) -> Self {
        match text.parse() {
            Ok(ImageName::Oci { directory: layout, tag }) => {
                Self::Name(ImageName::Oci { directory: directory.join(layout), tag })
            }
            Ok(ImageName::OciArchive { file, tag }) => {
                Self::Name(ImageName::OciArchive { file: directory.join(file), tag })
            }
            Ok(other) => Self::Name(other),
            Err(_) => Self::RootFs(directory.join(text)),
        }
    }
}

/// What this program cannot put into a builder.
fn unsupported(config: &BuilderConfig) -> Vec<Diagnostic> {
    let error = |span, what: &str| {
        config.error_at(span, "unsupported", format!("{what} cannot be put into a builder yet"))
    };
    let extensions = config.extensions.iter().map(|module| error(module.span, "image extensions"));
    let system = config.system_pre.iter().chain(&config.system_post);
    let system = system.map(|element| error(element.span, "system buildpacks"));
    let lifecycle = match &config.lifecycle {
        Some(Lifecycle::Version(version)) => Some(error(version.span, "a published lifecycle")),
        _ => None,
    };
    let is_for_some =
        |env: &&BuildEnv| !env.exec_env.is_empty() && !env.exec_env.iter().any(|name| name == "*");
    let env = config.build_env.iter().filter(is_for_some);
    let env = env.map(|env| error(env.span, "a variable for some execution environments"));
    extensions.chain(system).chain(lifecycle).chain(env).collect()
}

/// A root file system that is not there. Its path may be meant as the name of an image, as for `pack`.
fn missing(config: &BuilderConfig, image: &BuildImage) -> Option<Diagnostic> {
    let BuildImage::RootFs(path) = image else { return None };
    if path.exists() {
        return None;
    }
    let Located { value, span } = &config.build_image;
    let error = format!("there is no root file system `{}`", path.display());
    let error = config.error_at(*span, "no-root-file-system", error);
    let help = || format!("an image in a registry is `docker://{value}`");
    Some(if value.parse::<Reference>().is_ok() { error.with_help(help()) } else { error })
}

/// Targets that the builder will not be for: it is for this machine alone.
fn other_targets(config: &BuilderConfig, host: &Platform) -> Option<Diagnostic> {
    let matches = |text: &str, own: &str| text.is_empty() || text == own;
    let is_host =
        |target: &Target| matches(&target.os, &host.os) && matches(&target.arch, &host.architecture);
    let (own, others): (Vec<_>, Vec<_>) = config.targets.iter().partition(|target| is_host(&target.value));
    let Located { span, .. } = others.first()?;
    let or = |text: &str, own: &str| if text.is_empty() { own.to_owned() } else { text.to_owned() };
    let name = |Located { value: target, .. }: &&Located<Target>| {
        format!("{}/{}", or(&target.os, &host.os), or(&target.arch, &host.architecture))
    };
    let platform = others.iter().map(name).collect::<Vec<_>>().join(", ");
    Some(if own.is_empty() {
        let message = format!("a builder for {platform} cannot be made here, but only for {host}");
        config.error_at(*span, "other-target", message)
    } else {
        let message = format!("the builder is for {host} alone, and not for {platform}");
        Diagnostic::warning("other-target", message).at(&config.source, *span, "")
    })
}

/// The directory of a buildpack, which has to be what builder.toml says it is.
fn buildpack(
    config: &BuilderConfig,
    module: &Module,
    directory: &Path,
) -> std::result::Result<PathBuf, Diagnostics> {
    let error = |code, message: String| Diagnostics::from(config.error_at(module.span, code, message));
    let path = match &module.source {
        ModuleSource::Uri(uri) if !uri.contains("://") => directory.join(uri),
        _ => return Err(error("unsupported", "buildpacks are taken from directories only".to_owned())),
    };
    let file = path.join("buildpack.toml");
    let text = fs::read_to_string(&file)
        .map_err(|cause| error("no-buildpack", format!("failed to read `{}`: {cause}", file.display())))?;
    let descriptor = BuildpackDescriptor::read(&file, &text)
        .map_err(|cause| error("invalid-buildpack", cause.to_string()))?;
    let found = &descriptor.buildpack;
    let same_id = module.id.as_ref().is_none_or(|id| found.id.as_ref() == Some(&id.value));
    let same_version = module.version.as_ref().is_none_or(|version| version.value == found.version);
    if same_id && same_version {
        return Ok(path);
    }
    let id = found.id.as_ref().map_or("", |id| id.as_str());
    Err(error("another-buildpack", format!("`{}` is {id}@{}", path.display(), found.version)))
}

fn names(image: &RunImage) -> RunImageNames {
    RunImageNames { image: image.image.value.clone(), mirrors: image.mirrors.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    const REST: &str =
        "[build]\nimage = 'base.tar'\n[[run.images]]\nimage = 'run'\n[[order]]\n[[order.group]]\nid = 'a'\n";

    fn read(head: &str) -> Result<Config> {
        let directory = tempfile::tempdir().expect("a directory");
        fs::create_dir(directory.path().join("a")).expect("a directory");
        let descriptor = "api = '0.10'\n[buildpack]\nid = 'a'\nversion = '1'\n";
        fs::write(directory.path().join("a/buildpack.toml"), descriptor).expect("a file");
        fs::write(directory.path().join("base.tar"), "").expect("a file");
        let file = directory.path().join("builder.toml");
        fs::write(&file, format!("{head}\n{REST}")).expect("a file");
        Config::read(&file)
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let config = read("[[buildpacks]]\nuri = 'a'\nid = 'a'\nversion = '1'").expect("a config");
        assert!(config.buildpacks[0].is_absolute() && config.buildpacks[0].ends_with("a"));
        let BuildImage::RootFs(base) = config.build_image else { panic!("{:?}", config.build_image) };
        assert!(base.is_absolute() && base.ends_with("base.tar"));
        let name = BuildImage::new("oci:layout:base", Path::new("/d"));
        let directory = PathBuf::from("/d/layout");
        assert_eq!(name, BuildImage::Name(ImageName::Oci { directory, tag: Some("base".to_owned()) }));
    }

    #[test]
    fn what_cannot_be_used_is_shown() {
        for (head, expected) in [
            ("[[buildpacks]]\nuri = 'b'", "failed to read"),
            ("[[buildpacks]]\nuri = 'a'\nversion = '2'", "is a@1"),
            ("[[buildpacks]]\nimage = 'example.com/a'", "buildpacks are taken from directories only"),
            (
                "[[buildpacks]]\nuri = 'https://example.com/a.tgz'",
                "buildpacks are taken from directories only",
            ),
            ("[[extensions]]\nuri = 'a'", "image extensions cannot be put into a builder yet"),
            ("[lifecycle]\nversion = '1.2.3'", "a published lifecycle cannot be put into a builder yet"),
            (
                "[[build.env]]\nname = 'A'\nvalue = 'b'\nexec-env = ['test']",
                "a variable for some execution environments cannot be put into a builder yet",
            ),
        ] {
            let failure = read(head).expect_err(head);
            assert_eq!(failure.exit, Exit::InvalidInput);
            let message = failure.message;
            assert!(message.contains(expected) && message.contains("builder.toml:"), "{message}");
        }
    }

    #[test]
    fn a_base_that_is_not_there_may_be_meant_as_an_image() {
        for (image, expected) in [
            ("team/base:24", "help: an image in a registry is `docker://team/base:24`"),
            ("../Base.tar", "there is no root file system `"),
        ] {
            let text = format!("[build]\nimage = '{image}'\n[[run.images]]\nimage = 'run'\n[[order]]\n");
            let source = SourceFile::new("builder.toml", text);
            let (config, warnings) = BuilderConfig::read(&source).expect("valid");
            let failure =
                Config::resolve(&config, Path::new("/nowhere"), warnings).expect_err("it is not there");
            assert_eq!(failure.exit, Exit::InvalidInput);
            let message = failure.message;
            assert!(message.contains("builder.toml:2:9") && message.contains(expected), "{message}");
        }
    }

    #[test]
    fn a_builder_is_for_this_machine() {
        let target = |arch: &str| format!("[[targets]]\nos = 'linux'\narch = '{arch}'\n");
        let (own, other) = (target(&Platform::host().architecture), target("pdp11"));
        let failure = read(&other).expect_err("no such machine");
        assert!(failure.message.contains("builder.toml:1:1"), "{}", failure.message);
        assert!(
            failure.message.contains("a builder for linux/pdp11 cannot be made here"),
            "{}",
            failure.message
        );
        let failure = read(&format!("[[targets]]\narch = 'vax'\n{other}")).expect_err("no such machines");
        assert!(failure.message.contains("for linux/vax, linux/pdp11 cannot"), "{}", failure.message);
        let warnings = read(&format!("{own}{other}")).expect("a config").warnings;
        assert!(warnings.to_string().ends_with("alone, and not for linux/pdp11"), "{warnings}");
        assert!(read(&format!("{own}[[targets]]\nos = 'linux'\n")).expect("a config").warnings.is_empty());
    }
}
