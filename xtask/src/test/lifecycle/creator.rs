//! The `creator` of the Go lifecycle, as a stock platform runs it: in a container of the builder.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;

use crate::Result;
use crate::command;
use crate::command::command;
use crate::example;
use crate::example::bundle;
use crate::example::layout;

/// The variable that the buildpacks get.
pub(super) const ENV: &str = "MODE=fast";

/// The build user of the examples.
const USER: u32 = 1001;
const GROUP: u32 = 1002;

const IMAGE: &str = "example.com/app";

/// A builder that can start containers.
#[derive(Debug)]
pub(super) struct Creator {
    directory: PathBuf,
    bundle: PathBuf,
    layout: PathBuf,
}

impl Creator {
    /// Unpacks the builder with a tag; its run image has to be in the same layout.
    pub(super) fn new(directory: &Path, layout: &Path, tag: &str) -> Result<Self> {
        let directory = directory.join("creator").join(tag);
        let bundle = directory.join("bundle");
        bundle::unpack(layout, tag, &bundle)?;
        Ok(Self { directory, bundle, layout: layout.to_owned() })
    }

    /// Begins builds of an application that know of each other and of no other builds.
    pub(super) fn start<'a>(
        &'a self,
        api: &'a str,
        app: &'a Path,
        project_metadata: Option<&'a str>,
    ) -> Result<Builds<'a>> {
        let directory = self.directory.join(api);
        let run_image = example::builder::RUN_IMAGE;
        let place = directory.join("out").join(run_image.replace(':', "/"));
        fs::create_dir_all(&place)?;
        let from = format!("oci:{}:{run_image}", self.layout.display());
        let to = format!("oci:{}", place.display());
        command::read(command("skopeo").args(["copy", "--quiet", "--insecure-policy", &from, &to]))?;
        fs::create_dir(directory.join("cache"))?;
        write_platform(&directory.join("platform"))?;
        Ok(Builds { creator: self, api, app, project_metadata, directory })
    }
}

/// Builds of one application, one after another.
#[derive(Debug)]
pub(super) struct Builds<'a> {
    creator: &'a Creator,
    api: &'a str,
    app: &'a Path,
    project_metadata: Option<&'a str>,
    directory: PathBuf,
}

impl Builds<'_> {
    /// Builds, and returns the config of the image.
    pub(super) fn run(&self) -> Result<String> {
        for fresh in ["layers", "workspace"] {
            let directory = self.directory.join(fresh);
            if directory.exists() {
                fs::remove_dir_all(directory)?;
            }
        }
        command::run(command("cp").arg("-a").arg(self.app).arg(self.directory.join("workspace")))?;
        fs::create_dir(self.directory.join("layers"))?;
        if let Some(file) = self.project_metadata {
            let to = self.directory.join("layers/project-metadata.toml");
            command::run(command("cp").arg(file).arg(to))?;
        }
        for owned in ["cache", "layers", "out"] {
            give(&self.directory.join(owned))?;
        }
        bundle::write(&self.directory, &self.config()?)?;
        let id = format!("cnb-creator-{}", std::process::id());
        command::read(command("runc").args(["run", "--bundle"]).arg(&self.directory).arg(id))?;
        layout::only_config_text(&self.directory.join("out").join(IMAGE).join("latest"))
    }

    /// The container: the builder, read-only, and the directories of a build.
    fn config(&self) -> Result<Value> {
        let mut config = bundle::config(&self.creator.bundle)?;
        config["root"] = json!({ "path": self.creator.bundle.join("rootfs"), "readonly": true });
        config["process"]["user"] = json!({ "uid": USER, "gid": GROUP, "umask": 0o022 });
        config["process"]["cwd"] = "/".into();
        let mut args = vec!["/cnb/lifecycle/creator", "-layout", "-layout-dir", "/out", "-app", "/workspace"];
        args.extend(["-layers", "/layers", "-platform", "/platform", "-cache-dir", "/cache"]);
        args.extend(["-run-image", example::builder::RUN_IMAGE, IMAGE]);
        config["process"]["args"] = args.into();
        bundle::add_env(&mut config, format!("CNB_PLATFORM_API={}", self.api))?;
        bundle::add_env(&mut config, "CNB_EXPERIMENTAL_MODE=warn".to_owned())?;
        let mounts = bundle::list(&mut config["mounts"])?;
        for name in ["cache", "layers", "out", "platform", "workspace"] {
            mounts.push(bind(&self.directory.join(name), &format!("/{name}")));
        }
        for file in ["/etc/hosts", "/etc/resolv.conf"] {
            mounts.push(bind(&fs::canonicalize(file)?, file));
        }
        mounts.push(memory("/tmp", "mode=1777"));
        mounts.push(memory("/home/cnb", &format!("mode=0755,uid={USER},gid={GROUP}")));
        Ok(config)
    }
}

/// Gives a directory and what is in it to the build user.
pub(super) fn give(directory: &Path) -> Result<()> {
    let owner = format!("{USER}:{GROUP}");
    command::run(command("chown").args(["-R", "--no-dereference", &owner]).arg(directory))
}

fn write_platform(directory: &Path) -> Result<()> {
    let (name, value) = ENV.split_once('=').expect("a variable with a value");
    fs::create_dir_all(directory.join("env"))?;
    fs::write(directory.join("env").join(name), value)?;
    fs::create_dir(directory.join("bindings"))?;
    for binding in example::bindings::names()? {
        let from = example::bindings::directory().join(&binding);
        command::run(command("cp").arg("-r").arg(from).arg(directory.join("bindings")))?;
    }
    // The build user reads it.
    command::run(command("chmod").args(["-R", "a+rX"]).arg(directory))
}

fn bind(source: &Path, target: &str) -> Value {
    json!({ "type": "bind", "source": source, "destination": target, "options": ["rbind", "rprivate"] })
}

fn memory(target: &str, option: &str) -> Value {
    let options: Vec<&str> = option.split(',').chain(["nosuid", "nodev"]).collect();
    json!({ "type": "tmpfs", "source": "tmpfs", "destination": target, "options": options })
}
