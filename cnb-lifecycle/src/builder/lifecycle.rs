//! The lifecycle of a builder.

use std::path::Path;
use std::sync::Arc;

use cnb_core::backend::Backend;
use cnb_core::backend::Entry;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::File;
use cnb_core::backend::Filter;
use cnb_core::backend::Part;
use cnb_core::backend::Source;
use cnb_core::backend::Tree;
use cnb_core::backend::User;
use cnb_core::lifecycle::LifecycleDescriptor;

use super::error::During as _;
use super::error::Error;

const DESCRIPTOR: &str = "/lifecycle.toml";
/// The names under which a platform starts the phases.
const PHASES: [&str; 8] =
    ["analyzer", "builder", "creator", "detector", "exporter", "extender", "rebaser", "restorer"];

/// What every lifecycle has.
const PROGRAMS: [&str; 2] = ["lifecycle", "launcher"];

/// Programs and what they support.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    pub(crate) descriptor: LifecycleDescriptor,
    pub(crate) tree: Tree,
}

impl Lifecycle {
    pub(crate) async fn load(backend: &dyn Backend, source: Source) -> Result<Self, Error> {
        let tree = backend.load(source).await.during("load the lifecycle")?;
        let entries = backend.list(&tree, "/").await.during("list the lifecycle")?;
        let mut added = missing_links(&entries)?;
        let descriptor = match backend.read(&tree, DESCRIPTOR).await {
            Ok(text) => read(&text)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let own = LifecycleDescriptor::new(env!("CARGO_PKG_VERSION"));
                added.push(File::regular(DESCRIPTOR, own.to_toml()));
                own
            }
            Err(source) => return Err(Error::Backend { action: "read lifecycle.toml".to_owned(), source }),
        };
        let whole = Part::Copy { tree, from: "/".to_owned(), to: "/".to_owned() };
        let parts = vec![whole, Part::Files(added)];
        let tree = backend.compose(parts).await.during("put the lifecycle together")?;
        Ok(Self { descriptor, tree })
    }
}

/// The files of a lifecycle in a directory that may hold others as well.
pub fn lifecycle_directory(path: &Path) -> Source {
    Source::Directory { path: path.to_owned(), filter: Some(Arc::new(LifecycleFiles)), owner: User::ROOT }
}

#[derive(Debug)]
struct LifecycleFiles;

impl Filter for LifecycleFiles {
    fn takes(&self, path: &str, is_directory: bool) -> bool {
        let is_program = PHASES.contains(&path) || PROGRAMS.contains(&path);
        !is_directory && (is_program || path == "lifecycle.toml" || path.contains(".sbom."))
    }
}

fn read(text: &[u8]) -> Result<LifecycleDescriptor, Error> {
    let text = std::str::from_utf8(text).map_err(|error| Error::Lifecycle(error.to_string()))?;
    LifecycleDescriptor::read(Path::new("lifecycle.toml"), text)
        .map_err(|error| Error::Lifecycle(error.to_string()))
}

/// One program is all phases, chosen by the name it is started with.
fn missing_links(entries: &[Entry]) -> Result<Vec<File>, Error> {
    let has = |name: &str| entries.iter().any(|entry| entry.name == name);
    for required in PROGRAMS {
        if !has(required) {
            return Err(Error::Lifecycle(format!("it has no program `{required}`")));
        }
    }
    let missing = PHASES.into_iter().filter(|name| !has(name));
    Ok(missing.map(|name| File::symlink(format!("/{name}"), "lifecycle")).collect())
}
