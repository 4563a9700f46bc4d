//! What phases read: everything that their containers see, by name and digest.
//!
//! That is everything the platform gives them, and no list that somebody has to keep. Not among it are what is in caches,
//! what the network leads to, SSH agents, and secrets that a client has: as for [`Step::repeatable`]. A phase that ran with
//! the same inputs has left what it would leave again.

use std::collections::BTreeMap;

use cnb_core::analyzed::Analyzed;
use cnb_core::backend::Backend;
use cnb_core::backend::Digested;
use cnb_core::backend::EntryKind;
use cnb_core::backend::Mount;
use cnb_core::backend::MountKind;
use cnb_core::backend::Result;
use cnb_core::backend::Secret;
use cnb_core::backend::SecretFile;
use cnb_core::backend::Step;
use cnb_core::backend::Tree;
use cnb_core::digest::Digest;
use cnb_core::encode::go_toml;
use cnb_core::event::Reason;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use serde::Deserialize;
use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;

use super::analyze::Analysis;
use super::builder::LIFECYCLE_DIR;
use super::phases::ANALYZED;
use super::previous::SBOM_DIR;
use super::step::APP_DIR;

/// Trees with more files are one input, not one for each file: records have to stay small.
const MOST_FILES: usize = 10_000;
/// What the last build left: it may be what the recorded one started with, or what it made.
const PREVIOUS: &str = "previous image";

/// Random bytes, which make digests of inputs useless to whoever wants to guess a secret from them elsewhere.
pub type Salt = [u8; 32];

/// Names of inputs, with their digests: one for each step that has it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Inputs {
    salt: Salt,
    digests: BTreeMap<String, Vec<Digest>>,
}

impl Inputs {
    /// What the steps read, which run one after another.
    pub(super) async fn of(
        backend: &dyn Backend,
        analysis: &Analysis,
        steps: &[&Step],
        salt: Salt,
    ) -> Result<Self> {
        let mut inputs = Self { salt, digests: BTreeMap::new() };
        inputs.add("builder", &[analysis.builder.image.digest.as_str()]);
        inputs.add("run image", &[&analyzed_by_phases(&analysis.analyzed)]);
        let mut seen = Vec::new();
        for step in steps {
            inputs.step(step);
            for mount in &step.mounts {
                // What is read-only in one place is the same in all steps of a build.
                let is_read_only = matches!(mount.kind, MountKind::ReadOnly(_));
                if is_read_only && seen.contains(&&mount.target) {
                    continue;
                }
                seen.push(&mount.target);
                inputs.mount(backend, mount).await?;
            }
        }
        Ok(inputs)
    }

    /// The same with what the last build left, as far as phases read it.
    pub(super) fn with_previous(mut self, previous: &LifecycleMetadata) -> Self {
        let digest = self.previous(previous);
        self.digests.insert(PREVIOUS.to_owned(), vec![digest]);
        self
    }

    /// The digest that what a build left has as an input of the next.
    pub(super) fn previous(&self, metadata: &LifecycleMetadata) -> Digest {
        let read = (&metadata.buildpacks, &metadata.sbom);
        self.digest(&[serde_json::to_vec(&read).expect("a label is JSON").as_slice()])
    }

    /// Why a phase that read `earlier` has to run again, if it has to. `made` is what it left, as [`Self::previous`] says it.
    pub(super) fn changes(&self, earlier: &Self, made: Option<&Digest>) -> Vec<Reason> {
        let now = |input: &String| self.digests.get(input);
        let mut reasons = Vec::new();
        for (input, digests) in &earlier.digests {
            match now(input) {
                Some(now) if now == digests => {}
                Some(now) if input == PREVIOUS && now.first() == made => {}
                Some(_) => reasons.push(Reason::Changed { input: input.clone() }),
                None => reasons.push(Reason::Removed { input: input.clone() }),
            }
        }
        let added = self.digests.keys().filter(|input| !earlier.digests.contains_key(*input));
        reasons.extend(added.map(|input| Reason::Added { input: input.clone() }));
        reasons
    }

    /// With which salt the digests were made.
    pub(super) fn salt(&self) -> Salt {
        self.salt
    }

    fn step(&mut self, step: &Step) {
        let name = format!("command of {}", step.name);
        self.add(name, &step.argv.iter().map(String::as_str).collect::<Vec<_>>());
        let user = format!("{}:{}", step.user.uid, step.user.gid);
        self.add("user and directory", &[&user, &step.cwd]);
        self.add("network", &[&format!("{:?}", step.network)]);
        for (name, value) in &step.env {
            self.add(format!("variable {name} of the container"), &[value]);
        }
        for (name, value) in &step.secret_env {
            self.secret(format!("secret variable {name}"), value);
        }
    }

    async fn mount(&mut self, backend: &dyn Backend, mount: &Mount) -> Result<()> {
        let target = &mount.target;
        match &mount.kind {
            MountKind::InOut(tree) | MountKind::ReadOnly(tree) => self.tree(backend, target, tree).await?,
            MountKind::Secrets(files) => files.iter().for_each(|file| self.secret_file(target, file)),
            MountKind::Cache(id) | MountKind::SharedCache(id) => {
                self.add(format!("cache {target}"), &[id.as_str()]);
            }
            MountKind::Agent(name) => self.add(format!("SSH agent {name}"), &[target]),
            // What the step before left, and what is empty.
            _ => {}
        }
        Ok(())
    }

    async fn tree(&mut self, backend: &dyn Backend, target: &str, tree: &Tree) -> Result<()> {
        let found = backend.digests(tree).await?;
        let read = found.iter().filter(|found| !is_of_previous(target, &found.path));
        let all = read.map(|found| (called(target, &found.path), self.digest_of(found)));
        let all: Vec<(String, Digest)> = all.collect();
        if all.len() <= MOST_FILES {
            for (name, digest) in all {
                self.digests.entry(name).or_default().push(digest);
            }
            return Ok(());
        }
        let mut hash = Sha256::new();
        for (name, digest) in &all {
            hash.update(name);
            hash.update(digest.as_str());
        }
        let digest = Digest::from_bytes(hash.finalize().into());
        self.digests.entry(called(target, "/")).or_default().push(digest);
        Ok(())
    }

    fn secret_file(&mut self, target: &str, file: &SecretFile) {
        self.secret(called(target, &format!("/{}", file.path)), &file.content);
    }

    fn secret(&mut self, name: String, secret: &Secret) {
        let digest = match secret {
            Secret::Bytes(bytes) => self.digest(&[b"bytes", bytes.expose()]),
            Secret::OfClient { id } => self.digest(&[b"of the client", id.as_bytes()]),
            _ => self.digest(&[b"unknown"]),
        };
        self.digests.entry(name).or_default().push(digest);
    }

    fn add(&mut self, name: impl Into<String>, parts: &[&str]) {
        let digest = self.digest(&parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>());
        self.digests.entry(name.into()).or_default().push(digest);
    }

    fn digest_of(&self, found: &Digested) -> Digest {
        let entry = &found.entry;
        let (kind, target) = match &entry.kind {
            EntryKind::Directory => ("directory", ""),
            EntryKind::Regular => ("file", ""),
            EntryKind::Symlink(target) => ("link", target.as_str()),
            _ => ("other", ""),
        };
        let content = found.digest.as_ref().map_or("", Digest::as_str);
        let facts = format!("{:o} {}:{}", entry.mode, entry.owner.uid, entry.owner.gid);
        self.digest(&[kind.as_bytes(), target.as_bytes(), facts.as_bytes(), content.as_bytes()])
    }

    /// The salt comes first and has always the same length; the length of each part keeps parts apart.
    fn digest(&self, parts: &[&[u8]]) -> Digest {
        let mut hash = Sha256::new();
        hash.update(self.salt);
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Digest::from_bytes(hash.finalize().into())
    }
}

/// analyzed.toml without what depends on the last build, which is an input of its own, and on the digest of the run image,
/// which no phase reads: another one with the same name and target is another base for the same layers, as for a rebase.
fn analyzed_by_phases(analyzed: &Analyzed) -> String {
    let mut run_image = analyzed.run_image.clone();
    if let Some(run_image) = &mut run_image {
        run_image.reference.clear();
    }
    let read = Analyzed { run_image, ..Analyzed::default() };
    go_toml::to_string(&read).expect("an analysis is a table")
}

/// Whether the last build left it.
fn is_of_previous(target: &str, path: &str) -> bool {
    let path = format!("{target}{path}");
    path == ANALYZED
        || path.strip_prefix(SBOM_DIR).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What a person calls a path in a container.
fn called(target: &str, path: &str) -> String {
    let path = format!("{target}{path}");
    let path = path.trim_end_matches('/');
    let known = [
        (APP_DIR, "application"),
        ("/platform/env", "variable"),
        ("/platform/bindings", "binding"),
        ("/cnb/buildpacks", "buildpack"),
        (LIFECYCLE_DIR, "lifecycle"),
        ("/run/secrets", "secret"),
    ];
    for (directory, name) in known {
        match path.strip_prefix(directory) {
            Some("") => return name.to_owned(),
            Some(rest) if rest.starts_with('/') => return format!("{name} {}", &rest[1..]),
            _ => {}
        }
    }
    let known = [
        ("/layers/group.toml", "buildpacks that take part"),
        ("/layers/plan.toml", "build plan"),
        ("/layers/order.toml", "order of buildpacks"),
    ];
    known
        .iter()
        .find(|(file, _)| *file == path)
        .map_or_else(|| path.to_owned(), |(_, name)| (*name).to_owned())
}
