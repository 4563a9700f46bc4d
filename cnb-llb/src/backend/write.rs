//! Images go where a client wants them.

use std::path::Path;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Exported;
use cnb_core::backend::Result;
use cnb_core::digest::Digest;
use cnb_core::image_name::ImageName;
use serde::Deserialize;

use super::client::ClientSide;
use super::error::from_build;
use super::export::ImageGraph;
use crate::Network;
use crate::client::Export;
use crate::client::SolveRequest;
use crate::client::SolveResponse;
use crate::session::Session;

/// The transport of images of a Docker Engine, in its own store.
const ENGINE: &str = "docker-daemon";

impl ClientSide {
    /// Writes an image. A solve of its own: what the image is made of is there already, but it has to be allowed again.
    pub(super) async fn export(
        &self,
        image: ImageGraph,
        network: Network,
        output: &ImageName,
    ) -> Result<Exported> {
        let id = self.export_id();
        let (export, staged) = self.exporter(output, &id).await?;
        let session = self.keychain.iter().cloned().fold(Session::new(&id), Session::with_shared_keychain);
        let frontend = async |gateway: crate::gateway::Gateway| image.output(&gateway, &[]).await;
        let request = SolveRequest::new(&id).with_export(export);
        let request = match network {
            Network::Host => request.with_entitlement("network.host"),
            _ => request,
        };
        let response = self.client.build(request, session, &mut |_| (), frontend).await;
        let response = response.map_err(|error| from_build(error).with("output", output))?;
        if let Some(staged) = staged {
            staged.commit().await?;
        }
        exported(output, &response)
    }

    async fn exporter(&self, output: &ImageName, id: &str) -> Result<(Export, Option<Staged>)> {
        match output {
            ImageName::Docker { reference } => {
                let name = reference.to_string();
                let insecure = self.insecure.iter().any(|prefix| name.starts_with(prefix));
                let push = Export::new("image").with_attribute("name", name).with_attribute("push", "true");
                let push = push.with_attribute("oci-mediatypes", "true");
                let push = if insecure { push.with_attribute("registry.insecure", "true") } else { push };
                Ok((push, None))
            }
            ImageName::OciArchive { file, tag } => {
                let (staged, writer) = Staged::create(file, id).await?;
                let export = Export::new("oci").to_writer(writer);
                let export = match tag {
                    // The name is for this exporter alone: what it writes down is the tag.
                    Some(tag) => export.with_attribute("name", format!("image:{tag}")),
                    None => export,
                };
                Ok((export, Some(staged)))
            }
            ImageName::Other { transport, rest } if transport == ENGINE => {
                let export = Export::new("moby").with_attribute("name", rest);
                Ok((export.with_attribute("oci-mediatypes", "true"), None))
            }
            other => {
                Err(Error::new(ErrorKind::Unsupported, format!("BuildKit cannot write the image `{other}`")))
            }
        }
    }
}

/// A file that gets its name when it is whole.
struct Staged {
    partial: PathBuf,
    file: PathBuf,
    is_whole: bool,
}

impl Staged {
    async fn create(file: &Path, id: &str) -> Result<(Self, tokio::fs::File)> {
        let mut name = file.as_os_str().to_owned();
        name.push(format!(".{id}.partial"));
        let partial = PathBuf::from(name);
        let created = tokio::fs::File::create_new(&partial).await;
        let created = created.map_err(|error| unwritable(file, error))?;
        Ok((Self { partial, file: file.to_owned(), is_whole: false }, created))
    }

    async fn commit(mut self) -> Result<()> {
        let commit = async {
            tokio::fs::File::open(&self.partial).await?.sync_all().await?;
            tokio::fs::rename(&self.partial, &self.file).await
        };
        commit.await.map_err(|error| unwritable(&self.file, error))?;
        self.is_whole = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.is_whole {
            // It is half an image; when it cannot be removed, its name says so.
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}

fn unwritable(file: &Path, error: std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
        std::io::ErrorKind::StorageFull => ErrorKind::Exhausted,
        _ => ErrorKind::Other,
    };
    Error::new(kind, format!("cannot write {}", file.display())).with_source(error)
}

#[derive(Deserialize)]
struct Descriptor {
    size: u64,
}

/// What an exporter says of an image. That of a Docker Engine with its classic store knows of no manifest: there the
/// image is its config.
fn exported(output: &ImageName, response: &SolveResponse) -> Result<Exported> {
    let digest = |key: &str| response.exporters.get(key).and_then(|digest| digest.parse::<Digest>().ok());
    let missing = || Error::new(ErrorKind::Corrupt, "BuildKit does not say the digest of the image");
    let manifest = digest("containerimage.digest").ok_or_else(missing)?;
    let config = digest("containerimage.config.digest").unwrap_or_else(|| manifest.clone());
    let descriptor = response
        .exporters
        .get("containerimage.descriptor")
        .and_then(|text| serde_json::from_slice::<Descriptor>(&STANDARD.decode(text).ok()?).ok());
    Ok(Exported::new(output.clone(), config, manifest, descriptor.map_or(0, |descriptor| descriptor.size)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_has_its_name_when_it_is_whole() {
        let directory = tempfile::tempdir().expect("there is a directory");
        let file = directory.path().join("image.tar");
        let names = || std::fs::read_dir(directory.path()).expect("it is there").count();
        let (staged, _) = Staged::create(&file, "1").await.expect("it is new");
        drop(staged);
        assert_eq!(names(), 0);
        let (staged, _) = Staged::create(&file, "1").await.expect("it is new");
        assert!(!file.exists());
        staged.commit().await.expect("it can be renamed");
        assert!(file.exists());
        assert_eq!(names(), 1);
    }
}
