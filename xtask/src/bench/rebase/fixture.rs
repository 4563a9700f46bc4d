//! Two run images and an image on the first, in a layout and in a registry.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use serde_json::json;

use super::meter::Meter;
use crate::Result;
use crate::command;
use crate::command::command;
use crate::engine::registry::Registry;
use crate::example;
use crate::workspace;

/// Bytes of all layers above the base.
pub(super) const BYTES: u64 = 1_000_000_000;
const LAYERS: u64 = 10;
/// The tags of the run images, and the files that the layers of each have.
const RUNS: [(&str, &[&str]); 2] =
    [("old", &["/etc/os-release"]), ("new", &["/etc/hostname", "/etc/os-release"])];

/// The images.
pub(super) struct Images {
    pub(super) layout: PathBuf,
}

impl Images {
    /// Makes them anew.
    ///
    /// # Errors
    /// When one cannot be made.
    pub(super) fn make(registry: &Registry, meter: &Meter) -> Result<Self> {
        let images = Self { layout: workspace::target().join("bench/rebase") };
        images.remove()?;
        fs::create_dir_all(images.layout.parent().expect("it is in the directory"))?;
        let umoci = |arguments: &[&str]| command::read(command("umoci").args(arguments)).map(drop);
        umoci(&["init", "--layout", &images.layout.display().to_string()])?;
        for (tag, files) in RUNS {
            let image = format!("{}:{tag}", images.layout.display());
            umoci(&["new", "--image", &image])?;
            for file in files {
                umoci(&["insert", "--image", &image, file, file])?;
            }
            registry.take(&images.image(tag), &format!("run:{tag}"))?;
        }
        images.application(&[registry.address(), meter.address()])?;
        // The same image goes to the registry: that is a rebase, too.
        let to = format!("docker://{}/app", registry.address());
        command::read(images.rebase().args(["--run-image", &images.image("old"), "--output", &to]))?;
        Ok(images)
    }

    /// A rebase in the layout: to the new run image in every other round.
    pub(super) fn in_layout(&self, round: usize) -> Command {
        let mut rebase = self.rebase();
        rebase.args(["--run-image", &self.image(tag(round))]);
        rebase
    }

    /// As [`Images::in_layout`], in the registry at an address.
    pub(super) fn in_registry(address: &str, round: usize) -> Command {
        let mut rebase = example::cnb();
        rebase.args(["rebase", &format!("docker://{address}/app"), "--run-image"]);
        rebase.arg(format!("docker://{address}/run:{}", tag(round)));
        rebase
    }

    /// An empty directory on the disk of the layout.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn scratch(&self) -> Result<PathBuf> {
        let directory = self.layout.join("scratch");
        fs::create_dir(&directory)?;
        Ok(directory)
    }

    /// Removes them.
    ///
    /// # Errors
    /// When they cannot be removed.
    pub(super) fn remove(&self) -> Result<()> {
        if self.layout.exists() {
            fs::remove_dir_all(&self.layout)?;
        }
        Ok(())
    }

    fn rebase(&self) -> Command {
        let mut rebase = example::cnb();
        rebase.args(["rebase", &self.image("app")]);
        rebase
    }

    fn image(&self, tag: &str) -> String {
        format!("oci:{}:{tag}", self.layout.display())
    }

    /// An image on the old run image. Its layers are noise: nothing reads them.
    fn application(&self, addresses: &[String]) -> Result<()> {
        let mut index = json_of(&self.layout.join("index.json"))?;
        let run = &index["manifests"][0];
        let digest = run["digest"].as_str().ok_or("umoci writes digests")?.to_owned();
        let mut manifest = self.document(&digest)?;
        let mut config =
            self.document(manifest["config"]["digest"].as_str().ok_or("a manifest has a config")?)?;
        let top = config["rootfs"]["diff_ids"][0].clone();
        for _ in 0..LAYERS {
            let (layer, size) = self.blob(File::open("/dev/urandom")?.take(BYTES / LAYERS))?;
            let media_type = "application/vnd.oci.image.layer.v1.tar+gzip";
            push(&mut manifest["layers"], json!({ "mediaType": media_type, "digest": layer, "size": size }))?;
            push(&mut config["rootfs"]["diff_ids"], layer.into())?;
        }
        let names = addresses.iter().flat_map(|address| RUNS.map(|(tag, _)| format!("{address}/run:{tag}")));
        let names: Vec<String> = names.collect();
        let run_image = json!({
            "topLayer": top, "reference": format!("{}/run@{digest}", addresses[0]),
            "image": names[0], "mirrors": names[1..],
        });
        let label = json!({ "runImage": run_image }).to_string();
        config["config"]["Labels"] = json!({ "io.buildpacks.lifecycle.metadata": label });
        config["config"]["Env"] = json!(["CNB_PLATFORM_API=0.15"]);
        config["history"] = Value::Null;
        let (digest, size) = self.blob(config.to_string().as_bytes())?;
        manifest["config"]["digest"] = digest.into();
        manifest["config"]["size"] = size.into();
        let (digest, size) = self.blob(manifest.to_string().as_bytes())?;
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let tag = json!({ "org.opencontainers.image.ref.name": "app" });
        let entry = json!({ "mediaType": media_type, "digest": digest, "size": size, "annotations": tag });
        push(&mut index["manifests"], entry)?;
        Ok(fs::write(self.layout.join("index.json"), index.to_string())?)
    }

    fn document(&self, digest: &str) -> Result<Value> {
        json_of(&self.layout.join("blobs").join(digest.replace(':', "/")))
    }

    /// Writes a blob; its digest and size.
    fn blob(&self, mut content: impl io::Read) -> Result<(String, u64)> {
        let new = self.layout.join("blobs/sha256/new");
        let size = io::copy(&mut content, &mut File::create(&new)?)?;
        let sum = command::read(command("sha256sum").arg(&new))?;
        let hex = sum.split_whitespace().next().ok_or("sha256sum prints a digest")?;
        fs::rename(&new, new.with_file_name(hex))?;
        Ok((format!("sha256:{hex}"), size))
    }
}

fn json_of(path: &Path) -> Result<Value> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn tag(round: usize) -> &'static str {
    RUNS[(round + 1) % RUNS.len()].0
}

fn push(list: &mut Value, value: Value) -> Result<()> {
    list.as_array_mut().ok_or("a document has no list where one must be")?.push(value);
    Ok(())
}
