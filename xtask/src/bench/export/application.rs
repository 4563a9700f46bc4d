//! Directories as a build left them, and the phases that run on them.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use super::super::cost::Cost;
use super::super::real_files;
use crate::Result;
use crate::command;
use crate::engine::registry::Registry;
use crate::programs;
use crate::workspace;

/// An application with one layer of a buildpack.
pub(super) struct Application {
    directory: PathBuf,
}

/// Where the image goes.
pub(super) enum Target {
    /// An OCI layout.
    Layout,
    /// A registry on loopback.
    Registry(Registry),
}

impl Target {
    /// A registry without images.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn registry() -> Result<Self> {
        Ok(Self::Registry(Registry::start()?))
    }

    /// The process of the registry.
    pub(super) fn process_id(&self) -> Option<u32> {
        match self {
            Self::Layout => None,
            Self::Registry(registry) => Some(registry.process_id()),
        }
    }

    /// The name of an image.
    fn image(&self, name: &str) -> String {
        match self {
            Self::Layout => format!("example.com/{name}"),
            Self::Registry(registry) => format!("{}/{name}", registry.address()),
        }
    }
}

impl Application {
    /// Makes everything anew.
    ///
    /// # Errors
    /// When something cannot be written.
    pub(super) fn new(name: &str, bytes: u64) -> Result<Self> {
        let application = Self { directory: workspace::target().join("bench/export").join(name) };
        application.remove()?;
        for (path, text) in [
            ("app/index.html", "hello"),
            ("cache/.keep", ""),
            ("layers/group.toml", "[[group]]\nid = 'example/a'\nversion = '1'\napi = '0.10'\n"),
            (
                "layers/config/metadata.toml",
                "[[buildpacks]]\nid = 'example/a'\nversion = '1'\nprocesses = []\n",
            ),
        ] {
            let path = application.directory.join(path);
            fs::create_dir_all(path.parent().expect("it is in the directory"))?;
            fs::write(path, text)?;
        }
        real_files::copy(&application.layer(), bytes)?;
        application.run_image()?;
        Ok(application)
    }

    /// The layer.
    pub(super) fn layer(&self) -> PathBuf {
        self.directory.join("layers/example_a/files")
    }

    /// Says what the layer is for.
    pub(super) fn types(&self, types: &str) -> Result<()> {
        let path = self.directory.join("layers/example_a/files.toml");
        Ok(fs::write(path, format!("[types]\n{types}\n"))?)
    }

    /// Removes the image and the content of the cache, and sees to it that there is a run image.
    pub(super) fn forget(&self, target: &Target) -> Result<()> {
        match target {
            Target::Layout => remove(&self.directory.join("images/example.com/app"))?,
            Target::Registry(_) => {
                let mut copy = command::command("skopeo");
                copy.args(["copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false"]);
                copy.arg(format!("oci:{}:latest", self.run_image_layout().display()));
                command::read(copy.arg(format!("docker://{}", target.image("run"))))?;
            }
        }
        remove(&self.directory.join("cache/committed"))
    }

    /// Analyzes and exports; only the export is measured.
    pub(super) fn export(&self, target: &Target, with_cache: bool) -> Result<Cost> {
        self.analyze(target)?;
        let mut export = self.phase("export", target);
        export.arg("-launcher").arg(programs::directory().join("launcher"));
        if with_cache {
            export.arg("-cache-dir").arg(self.directory.join("cache"));
        }
        Cost::of(export.arg(target.image("app")))
    }

    /// Analyzes and restores; only the restoration is measured.
    pub(super) fn restore(&self, target: &Target) -> Result<Cost> {
        self.analyze(target)?;
        let (layer, kept) = (self.layer(), self.directory.join("kept"));
        fs::rename(&layer, &kept)?;
        let mut restore = self.phase("restore", target);
        let cost = Cost::of(restore.arg("-cache-dir").arg(self.directory.join("cache")))?;
        fs::remove_dir_all(&layer)?;
        fs::rename(kept, layer)?;
        Ok(cost)
    }

    /// Removes everything.
    pub(super) fn remove(&self) -> Result<()> {
        remove(&self.directory)
    }

    fn analyze(&self, target: &Target) -> Result<()> {
        let mut analyze = self.phase("analyze", target);
        analyze.arg("-run-image").arg(target.image("run")).arg(target.image("app"));
        command::read(&mut analyze).map(drop)
    }

    fn phase(&self, name: &str, target: &Target) -> Command {
        let user = fs::metadata("/proc/self").expect("a process has an owner");
        let mut phase = command::command(programs::directory().join("lifecycle"));
        phase.arg(name).env_clear();
        for (name, value) in [
            ("CNB_PLATFORM_API", "0.15"),
            ("CNB_NO_COLOR", "true"),
            ("CNB_EXPERIMENTAL_MODE", "quiet"),
            ("CNB_USER_ID", &user.uid().to_string()),
            ("CNB_GROUP_ID", &user.gid().to_string()),
        ] {
            phase.env(name, value);
        }
        phase
            .env("CNB_LAYERS_DIR", self.directory.join("layers"))
            .env("CNB_APP_DIR", self.directory.join("app"));
        match target {
            Target::Layout => {
                phase.env("CNB_LAYOUT_DIR", self.directory.join("images")).arg("-layout");
            }
            Target::Registry(_) => {}
        }
        phase
    }

    fn run_image_layout(&self) -> PathBuf {
        self.directory.join("images/example.com/run/latest")
    }

    /// A run image with one small layer.
    fn run_image(&self) -> Result<()> {
        let layout = self.run_image_layout();
        fs::create_dir_all(layout.parent().expect("it is in the directory"))?;
        let image = format!("{}:latest", layout.display());
        let umoci = |arguments: &[&str]| command::read(command::command("umoci").args(arguments)).map(drop);
        umoci(&["init", "--layout", &layout.display().to_string()])?;
        umoci(&["new", "--image", &image])?;
        umoci(&["insert", "--image", &image, "/etc/os-release", "/etc/os-release"])
    }
}

fn remove(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    Ok(())
}
