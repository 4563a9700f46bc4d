//! Files from outside.

use std::path::Path;
use std::sync::Arc;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Filter;
use cnb_core::backend::Part;
use cnb_core::backend::Result;
use cnb_core::backend::Source;
use cnb_core::backend::Tree;
use cnb_core::backend::User;
use cnb_core::diagnostic::Located;
use cnb_core::project::Files;

use super::BuildKit;
use super::files::Contents;
use super::tree::BELOW;
use super::tree::Graph;
use super::tree::Taken;
use crate::Annotate as _;
use crate::Local;
use crate::Mount;
use crate::State;

const IN: &str = "/in";

impl BuildKit {
    pub(super) async fn load_source(&self, source: Source) -> Result<Tree> {
        match source {
            Source::Context { name, files, owner } => Ok(self.context(&name, &files, owner)),
            Source::Directory { path, filter, owner } => self.directory(&path, filter, owner).await,
            Source::Files(files) => self.compose_parts(vec![Part::Files(files)]).await,
            _ => Err(Error::new(ErrorKind::Unsupported, "BuildKit cannot load from there")),
        }
    }

    /// A directory of the client's machine, as it is now and as git sees it.
    async fn directory(&self, path: &Path, filter: Option<Arc<dyn Filter>>, owner: User) -> Result<Tree> {
        let unsupported =
            || Error::new(ErrorKind::Unsupported, "a frontend has no directories but those of its client");
        let directory = self.settings.client.as_ref().ok_or_else(unsupported)?.load(path, filter)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        // It may change before somebody asks for a file of it.
        self.execute(&Graph::new(directory.clone(), "/")).await?;
        Ok(self.taken(&name, &directory, &Files::All, owner).into_tree())
    }

    /// A directory by its name, as git sees it.
    fn context(&self, name: &str, files: &Files, owner: User) -> Tree {
        let known = self.settings.directories.get(name).cloned();
        let directory = known.unwrap_or_else(|| {
            let session = self.gateway.environment().session_id.as_str();
            Local::new(name)
                .session(session)
                .shared_key_hint(name)
                .named(format!("[internal] load {name}"))
                .state()
        });
        self.taken(name, &directory, files, owner).into_tree()
    }

    /// The files of a directory that are asked for, as git sees them. It is made again only when one of the directory
    /// changes, whatever their times and owners are.
    fn taken(&self, name: &str, directory: &State, files: &Files, owner: User) -> Graph {
        let patterns =
            |list: &[Located<String>]| Some(list.iter().map(|pattern| pattern.value.clone()).collect());
        let (include, exclude) = match files {
            Files::All => (None, None),
            Files::Exclude(list) => (None, patterns(list)),
            Files::Include(list) => (patterns(list), None),
        };
        let taken = Taken { directory: directory.clone(), owner, include, exclude };
        let parts = vec![taken.part(IN.to_owned())];
        let mounts = vec![Mount::bind(directory, IN)];
        let graph = self.tree(&format!("[load] {name}"), BELOW, parts, Contents::default(), mounts);
        Graph { taken: Some(Arc::new(taken)), ..graph }
    }
}
