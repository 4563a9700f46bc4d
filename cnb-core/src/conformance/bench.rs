//! What the cases have in common: steps that run the probe, trees of a few files.

use bytes::Bytes;

use super::Failure;
use super::Outcome;
use super::Target;
use super::failure::ensure;
use super::recorder::Recorder;
use crate::backend::CacheId;
use crate::backend::Entry;
use crate::backend::File;
use crate::backend::Image;
use crate::backend::ImageRequest;
use crate::backend::MountKind;
use crate::backend::Source;
use crate::backend::Step;
use crate::backend::StepOutput;
use crate::backend::Tree;
use crate::backend::User;
use crate::event::Stream;

/// Neither root nor a number that is likely to be the caller's.
pub(super) const USER: User = User::new(1001, 1002);

/// A step that ended.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) output: StepOutput,
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) recorder: Recorder,
}

impl Ran {
    /// The tree behind an in-out mount.
    pub(super) fn tree(&self, target: &str) -> Result<&Tree, Failure> {
        let tree = self.output.outputs.get(target);
        tree.ok_or_else(|| Failure::new(format!("the output has no tree for the mount {target}")))
    }
}

impl Target {
    pub(super) async fn image(&self) -> Result<Image, Failure> {
        Ok(self.backend.resolve(ImageRequest::new(self.root.clone())).await?)
    }

    /// A step that runs the probe; words of the commands end at spaces.
    pub(super) async fn step(&self, commands: &str) -> Result<Step, Failure> {
        let argv = std::iter::once(Self::PROBE).chain(commands.split_whitespace());
        Ok(Step::new("probe", self.image().await?.root, argv))
    }

    /// Runs a step to its end, whatever its exit code.
    pub(super) async fn run(&self, step: Step) -> Result<Ran, Failure> {
        let recorder = Recorder::default();
        let output = self.backend.run(step, &recorder).await?;
        let text = |stream| String::from_utf8_lossy(&recorder.written(stream)).into_owned();
        let (stdout, stderr) = (text(Stream::Stdout), text(Stream::Stderr));
        Ok(Ran { output, stdout, stderr, recorder })
    }

    /// Runs a step that has to succeed.
    pub(super) async fn succeed(&self, step: Step) -> Result<Ran, Failure> {
        let ran = self.run(step).await?;
        let (code, stderr) = (ran.output.exit_code, ran.stderr.trim_end());
        ensure(code == 0, format!("the step ended with {code}: {stderr}"))?;
        Ok(ran)
    }

    /// Runs a step whose last command has to fail.
    pub(super) async fn fail(&self, step: Step) -> Outcome {
        let ran = self.run(step).await?;
        let code = ran.output.exit_code;
        ensure(
            code == super::probe::FAILED,
            format!("expected a command to fail, the step ended with {code}"),
        )
    }

    pub(super) async fn tree(&self, files: Vec<File>) -> Result<Tree, Failure> {
        Ok(self.backend.load(Source::Files(files)).await?)
    }

    pub(super) async fn text(&self, tree: &Tree, path: &str) -> Result<String, Failure> {
        let content: Bytes = self.backend.read(tree, path).await?;
        Ok(String::from_utf8_lossy(&content).into_owned())
    }

    pub(super) async fn names(&self, tree: &Tree, path: &str) -> Result<Vec<String>, Failure> {
        let entries = self.backend.list(tree, path).await?;
        Ok(entries.into_iter().map(|entry| entry.name).collect())
    }

    pub(super) async fn entry(&self, tree: &Tree, directory: &str, name: &str) -> Result<Entry, Failure> {
        let entries = self.backend.list(tree, directory).await?;
        let entry = entries.into_iter().find(|entry| entry.name == name);
        entry.ok_or_else(|| Failure::new(format!("there is no `{name}` in {directory}")))
    }
}

/// The directory `/` that [`USER`] owns.
pub(super) fn user_root() -> File {
    File::directory("/").with_owner(USER)
}

/// A cache of the suite.
pub(super) fn cache(name: &str) -> MountKind {
    MountKind::Cache(cache_id(name))
}

/// A cache that several steps have at the same time.
pub(super) fn shared_cache(name: &str) -> MountKind {
    MountKind::SharedCache(cache_id(name))
}

fn cache_id(name: &str) -> CacheId {
    CacheId::new(format!("conformance-{name}")).expect("a plain word")
}
