//! The directories that a build reads: of the client, or of a repository.

use cnb_core::diagnostic::SourceFile;
use cnb_llb::Annotate as _;
use cnb_llb::Copy;
use cnb_llb::Differ;
use cnb_llb::FileOp;
use cnb_llb::Git;
use cnb_llb::Local;
use cnb_llb::State;
use cnb_llb::errdefs::BuildError;
use cnb_llb::errdefs::Code;
use cnb_llb::gateway::CONTEXT_DIRECTORY;
use cnb_llb::gateway::ContextSource;
use cnb_llb::gateway::DESCRIPTOR_DIRECTORY;
use cnb_llb::gateway::Gateway;
use cnb_llb::gateway::NamedContext;
use cnb_llb::gateway::Options;
use cnb_llb::gateway::Reference;

use crate::descriptor;
use crate::error;
use crate::ignore;
use crate::repository::without_credentials;

/// The directories of a build.
#[derive(Debug)]
pub(crate) struct Directories<'a> {
    gateway: &'a Gateway,
    options: &'a Options,
    /// The repository that takes the place of directories of the client.
    remote: Option<State>,
}

/// The descriptor where it was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) file: SourceFile,
    /// The digest of what loads it: warnings are shown there.
    pub(crate) vertex: String,
    /// What the client does not send.
    excluded: Vec<String>,
}

impl<'a> Directories<'a> {
    /// # Errors
    /// When the context is at an address that is that of no repository.
    pub(crate) fn new(gateway: &'a Gateway, options: &'a Options) -> Result<Self, BuildError> {
        let remote = options.context_address.as_deref().map(remote).transpose()?;
        Ok(Self { gateway, options, remote })
    }

    /// Finds the descriptor.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) async fn descriptor(&self) -> Result<Found, BuildError> {
        let names = descriptor::candidates(self.options);
        let followed = names.iter().flat_map(|name| [name.clone(), ignore::file_of(name)]).collect();
        let title = format!("[internal] load build definition from {}", names[0]);
        let state = self.beside_descriptor(followed, Differ::None, title);
        // Nearly always there is no file of its own beside the descriptor that says what is not sent.
        let (directory, ignored) = tokio::join!(self.solve(&state), self.ignored());
        let directory = directory?;
        for name in &names {
            let Some(bytes) = read_if_any(&directory, name).await? else { continue };
            let file = descriptor::source(name, &bytes).map_err(|errors| error::of_diagnostics(&errors))?;
            let ignore = read_if_any(&directory, &ignore::file_of(name)).await?;
            let excluded = match ignore {
                Some(bytes) => ignore::patterns(&String::from_utf8_lossy(&bytes)),
                None => ignored?,
            };
            let vertex = state.digest().map(|digest| digest.to_string()).unwrap_or_default();
            return Ok(Found { file, vertex, excluded });
        }
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let message =
            format!("there is no project descriptor {}: `-f FILE` says where it is", names.join(" or "));
        Err(BuildError::new(Code::NotFound, message))
    }

    /// The application. What `.dockerignore` names is not sent; nothing is known of it in a repository, as for Docker.
    pub(crate) fn application(&self, found: &Found) -> State {
        if let Some(remote) = &self.remote {
            let directory = self.options.context_subdirectory.as_deref();
            return directory.map_or_else(|| remote.clone(), |path| part(remote, path));
        }
        let local = self.local(CONTEXT_DIRECTORY, CONTEXT_DIRECTORY).exclude(found.excluded.clone());
        local.named("[internal] load build context").state()
    }

    /// The texts of these files beside the descriptor; none for one that is not there.
    pub(crate) async fn read_beside(&self, paths: &[String]) -> Result<Vec<Option<String>>, BuildError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let title = "[internal] load buildpacks beside the descriptor".to_owned();
        let directory = self.solve(&self.beside_descriptor(paths.to_vec(), Differ::None, title)).await?;
        read_all(&directory, paths).await
    }

    /// The text of a file of a context; none if it is not there.
    pub(crate) async fn read_in(&self, context: &State, path: &str) -> Result<Option<String>, BuildError> {
        let directory = self.solve(context).await?;
        Ok(read_all(&directory, &[path.to_owned()]).await?.remove(0))
    }

    /// A directory beside the descriptor.
    pub(crate) fn beside(&self, path: &str) -> State {
        let title = format!("[internal] load {path}");
        part(&self.beside_descriptor(vec![path.to_owned()], Differ::Metadata, title), path)
    }

    /// The files of a context that is no image.
    ///
    /// # Errors
    /// For those that this frontend cannot read.
    pub(crate) fn context(&self, context: &NamedContext) -> Result<State, BuildError> {
        let name = &context.name;
        match &context.source {
            ContextSource::Local(directory) => {
                let local = self.local(directory, &format!("context:{name}"));
                Ok(local.named(format!("[internal] load the context {name}")).state())
            }
            ContextSource::Remote(address) => repository(address).ok_or_else(|| {
                let address = without_credentials(address);
                unsupported(format!("the context `{name}` at {address} is no repository"))
            }),
            _ => Err(unsupported(format!("the context `{name}` is no directory and no repository"))),
        }
    }

    /// What [`ignore::FILE`] of the context says.
    async fn ignored(&self) -> Result<Vec<String>, BuildError> {
        if self.remote.is_some() {
            return Ok(Vec::new());
        }
        let hint = format!("{CONTEXT_DIRECTORY}-{}", ignore::FILE);
        let local = self.local(CONTEXT_DIRECTORY, &hint).follow([ignore::FILE]).differ(Differ::None);
        let state = local.named(format!("[internal] load {}", ignore::FILE)).state();
        let bytes = read_if_any(&self.solve(&state).await?, ignore::FILE).await?;
        Ok(bytes.map(|bytes| ignore::patterns(&String::from_utf8_lossy(&bytes))).unwrap_or_default())
    }

    /// Files of the directory of the descriptor.
    fn beside_descriptor(&self, paths: Vec<String>, differ: Differ, title: String) -> State {
        let named = self.options.descriptor_directory.as_deref();
        if let (Some(remote), None) = (&self.remote, named) {
            return remote.clone();
        }
        let directory = named.unwrap_or(DESCRIPTOR_DIRECTORY);
        // Files that are sent for one purpose are not those of another.
        let hint = match differ {
            Differ::None => directory.to_owned(),
            _ => format!("{directory}:{}", paths.join(",")),
        };
        self.local(directory, &hint).follow(paths).differ(differ).named(title).state()
    }

    fn local(&self, directory: &str, hint: &str) -> Local {
        let session = self.options.sessions.get(directory);
        let session = session.unwrap_or(&self.gateway.environment().session_id);
        // Without the session, builds of others at the same time would be taken for this one.
        Local::new(directory).session(session).shared_key_hint(hint)
    }

    async fn solve(&self, state: &State) -> Result<Reference, BuildError> {
        let solved = self.gateway.solve_graph(&state.definition()).await?;
        solved.ok_or_else(|| BuildError::new(Code::Internal, "a directory has no files"))
    }
}

/// The repository at the address of a context.
fn remote(address: &str) -> Result<State, BuildError> {
    repository(address).ok_or_else(|| {
        unsupported(format!(
            "the option `context` is {}, which is no Git repository: this frontend builds those and directories",
            without_credentials(address)
        ))
    })
}

/// The repository at an address `URL[#REFERENCE[:DIRECTORY]]`; none if it is that of something else.
///
/// Source: `ParseGitRef` in `frontend/dockerfile/dfgitutil` of BuildKit, without queries.
fn repository(address: &str) -> Option<State> {
    let (url, fragment) = address.split_once('#').unwrap_or((address, ""));
    let starts_with = |starts: &[&str]| starts.iter().any(|start| url.starts_with(start));
    let is_git = starts_with(&["git://", "ssh://", "git@"])
        || starts_with(&["https://", "http://"]) && url.strip_suffix(".git").is_some();
    if !is_git || url.contains('?') {
        return None;
    }
    let (reference, directory) = fragment.split_once(':').unwrap_or((fragment, ""));
    let title = format!("[internal] load git source {}", without_credentials(address));
    Some(Git::new(url).reference(reference).subdir(directory).named(title).state())
}

/// A directory of a tree as a tree.
fn part(state: &State, path: &str) -> State {
    let copy = FileOp::new(Copy::new(state, path, "/").contents_only());
    State::scratch().file(copy.named(format!("[internal] take {path}")))
}

fn unsupported(message: String) -> BuildError {
    BuildError::new(Code::Unimplemented, message)
}

async fn read_all(directory: &Reference, paths: &[String]) -> Result<Vec<Option<String>>, BuildError> {
    let mut texts = Vec::new();
    for path in paths {
        let bytes = read_if_any(directory, path).await?;
        texts.push(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
    }
    Ok(texts)
}

/// A file, if it is there. BuildKit says in words alone that it is not.
async fn read_if_any(directory: &Reference, path: &str) -> Result<Option<Vec<u8>>, BuildError> {
    const MISSING: [&str; 2] = ["no such file or directory", "not a directory"];
    match directory.read_file(path).await {
        Err(error) if error.code() == Code::NotFound => Ok(None),
        Err(error) if MISSING.iter().any(|words| error.message().contains(words)) => Ok(None),
        read => read.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_repositories_are_told_from_others() {
        let git = |address: &str, reference: &str, directory: &str| {
            let title = format!("[internal] load git source {}", without_credentials(address));
            let url = address.split('#').next().unwrap_or_default();
            Git::new(url).reference(reference).subdir(directory).named(title).state()
        };
        for (address, reference, directory) in [
            ("https://example.com/a.git", "", ""),
            ("https://u:p@example.com/a.git#main", "main", ""),
            ("https://example.com/a.git#main:api", "main", "api"),
            ("https://example.com/a.git#:api", "", "api"),
            ("git@example.com:a/b.git#v1", "v1", ""),
            ("git://example.com/a", "", ""),
        ] {
            let state = repository(address).expect(address);
            assert_eq!(state, git(address, reference, directory), "{address}");
            let definition = state.definition();
            let name = definition.vertices().next().expect("a vertex").name().expect("a name").to_owned();
            assert!(!name.contains("u:p"), "{name}");
        }
        for address in ["https://example.com/a.tgz", "https://example.com/a.git?ref=main", "local"] {
            assert_eq!(repository(address), None, "{address}");
        }
        let error = remote("https://u:p@example.com/a.tgz");
        let message = error.expect_err("it is an archive").to_string();
        assert!(message.starts_with("the option `context` is https://example.com/a.tgz, "), "{message}");
    }
}
