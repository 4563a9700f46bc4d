//! A step becomes a container, and what it leaves becomes trees.

use std::collections::BTreeMap;
use std::fs;
use std::io::PipeReader;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::MountKind;
use cnb_core::backend::Result;
use cnb_core::backend::Step;
use cnb_core::backend::StepOutput;
use cnb_core::backend::Tree;
use cnb_core::backend::User;
use cnb_core::event::Stream;

use super::cache;
use super::cache::Taking;
use super::container;
use super::container::Outcome;
use super::error::at;
use super::error::errno_at;
use super::init::Request;
use super::machine::Machine;
use super::overlay;
use super::overlay::Mounted;
use super::overlay::Upper;
use super::runtime::Bundle;
use super::secrets;
use super::spec;
use super::spec::Bind;
use super::store::Scratch;
use super::tree::FILES;
use super::tree::LocalTree;
use super::userns::Mode;
use crate::tree::inside;
use crate::tree::inside::Inside;

/// Runs a step to its end; nothing when it was cancelled before.
pub(super) fn run(
    machine: &Machine,
    step: &Step,
    cancel: &PipeReader,
    output: &(dyn Fn(Stream, &[u8]) + Sync),
) -> Result<Option<StepOutput>> {
    check(machine, step)?;
    let runtime = machine.runtime()?;
    let work = machine.session.work()?;
    let Some(prepared) = Preparation { machine, step, cancel, work: &work }.prepare()? else {
        return Ok(None);
    };
    let bundle = work.create("bundle")?;
    let state = machine.session.runtime();
    let id = format!("cnb-{}-{}", std::process::id(), work.name());
    make_mount_points(prepared.root.mounted.path(), &prepared.binds)?;
    let spec = spec::spec(&spec::Parts {
        root: prepared.root.mounted.path(),
        bundle: &bundle,
        init: &machine.session.init(),
        init_argument: None,
        user: if is_single(machine) { User::ROOT } else { step.user },
        network: step.network,
        in_user_namespace: machine.mapping.in_user_namespace(),
        binds: prepared.binds.clone(),
    });
    let bundle = Bundle { id: &id, directory: &bundle, state: &state };
    let request = request(step, is_single(machine))?;
    match container::run(&*runtime, bundle, &spec, &request, cancel, output)? {
        Outcome::Exited(code) => Ok(Some(StepOutput::new(code, prepared.finish()))),
        Outcome::Cancelled => Ok(None),
    }
}

fn is_single(machine: &Machine) -> bool {
    machine.mapping.mode() == Mode::Single
}

fn check(machine: &Machine, step: &Step) -> Result<()> {
    let invalid =
        |message: String| Err(Error::new(ErrorKind::InvalidInput, message).with("step", &step.name));
    match step.argv.first() {
        None => return invalid("the step has no command".to_owned()),
        Some(program) if !program.starts_with('/') => {
            return invalid(format!("the program {program} is not an absolute path"));
        }
        Some(_) => {}
    }
    for (index, mount) in step.mounts.iter().enumerate() {
        let target = &mount.target;
        if inside::check(target).is_err() || names(target).next().is_none() {
            return invalid(format!("the mount target `{target}` is not an absolute path below `/`"));
        }
        if step.mounts[..index].iter().any(|other| names(&other.target).eq(names(target))) {
            return invalid(format!("there are two mounts at {target}"));
        }
        if let Some(id) = mount.kind.cache()
            && step.mounts[..index].iter().any(|other| other.kind.cache() == Some(id))
        {
            return invalid(format!("the cache {} is mounted twice", id.as_str()));
        }
    }
    let User { uid, gid } = step.user;
    let known = is_single(machine) || (machine.mapping.has_id(uid) && machine.mapping.has_id(gid));
    if !known {
        return invalid(format!("the user {uid}:{gid} is not in the range of users of this machine"));
    }
    Ok(())
}

fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !matches!(*name, "" | "."))
}

fn request(step: &Step, is_single: bool) -> Result<Request> {
    let env = step.env.iter().map(|(name, value)| (name.clone(), value.as_bytes().to_vec()));
    let mut env: Vec<_> = env.collect();
    for (name, value) in &step.secret_env {
        env.push((name.clone(), value.expose()?.to_vec()));
    }
    let become_user = (is_single && step.user != User::ROOT).then_some((step.user.uid, step.user.gid));
    Ok(Request { argv: step.argv.clone(), env, cwd: step.cwd.clone(), become_user })
}

/// Everything a step needs, mounted.
struct Prepared {
    root: Writable,
    binds: Vec<Bind>,
    outputs: Vec<(String, LocalTree, Writable)>,
    /// Unmounted and given back with this value.
    held: Vec<Held>,
}

#[expect(dead_code, reason = "dropped, not read")]
enum Held {
    Cache(cache::Held),
    Mounted(Mounted),
}

/// A tree that can be written to: what is written goes to a directory of its own.
struct Writable {
    mounted: Mounted,
    scratch: Scratch,
}

const OVERLAY_WORK: &str = "work";

impl Prepared {
    /// Unmounts everything; what was written becomes trees.
    fn finish(self) -> BTreeMap<String, Tree> {
        let Self { outputs, .. } = self;
        outputs
            .into_iter()
            .map(|(target, tree, Writable { mounted, scratch })| {
                drop(mounted);
                super::store::remove(&scratch.path().join(OVERLAY_WORK));
                (target, Tree::new(tree.with_top(scratch)))
            })
            .collect()
    }
}

struct Preparation<'a> {
    machine: &'a Machine,
    step: &'a Step,
    cancel: &'a PipeReader,
    work: &'a Scratch,
}

impl Preparation<'_> {
    fn prepare(&self) -> Result<Option<Prepared>> {
        let root = self.writable(LocalTree::of(&self.step.root)?, &self.work.create("root")?)?;
        let mut prepared = Prepared { root, binds: Vec::new(), outputs: Vec::new(), held: Vec::new() };
        let mut mounts: Vec<_> = self.step.mounts.iter().enumerate().collect();
        // Caches in the order of their names: two steps that want the same ones cannot wait for each other.
        mounts.sort_by_key(|(_, mount)| mount.kind.cache());
        for (index, mount) in mounts {
            let point = self.work.create(&index.to_string())?;
            let Some((source, read_only)) = self.mount(&mount.target, &mount.kind, point, &mut prepared)?
            else {
                return Ok(None);
            };
            prepared.binds.push(Bind { source, target: mount.target.clone(), read_only });
        }
        prepared.binds.sort_by_key(|bind| names(&bind.target).count());
        Ok(Some(prepared))
    }

    /// Provides one mount at `point` or elsewhere. Returns where, and whether nobody may write to it.
    fn mount(
        &self,
        target: &str,
        kind: &MountKind,
        point: PathBuf,
        prepared: &mut Prepared,
    ) -> Result<Option<(PathBuf, bool)>> {
        let owners = self.machine.owners();
        let user = self.step.user;
        match kind {
            MountKind::Cache(id) | MountKind::SharedCache(id) => {
                let shared = matches!(kind, MountKind::SharedCache(_));
                let taking = Taking { caches: &self.machine.caches, user, owners, cancel: self.cancel };
                let Some(held) = (if shared { taking.share(id) } else { taking.take(id) })? else {
                    return Ok(None);
                };
                let path = held.path().to_owned();
                prepared.held.push(Held::Cache(held));
                return Ok(Some((path, false)));
            }
            MountKind::InOut(tree) => {
                let tree = LocalTree::of(tree)?;
                let writable = self.writable(tree, &point)?;
                prepared.outputs.push((target.to_owned(), tree.clone(), writable));
                return Ok(Some((point, false)));
            }
            MountKind::ReadOnly(tree) => {
                let mut lower = LocalTree::of(tree)?.directories()?;
                lower.push(self.machine.session.empty());
                let mounted = overlay::mount(&lower, None, &point, self.machine.mapping.in_user_namespace())?;
                prepared.held.push(Held::Mounted(mounted));
            }
            MountKind::Secrets(files) => {
                prepared.held.push(Held::Mounted(secrets::mount(&point, files, user, owners)?));
            }
            MountKind::Tmpfs => {
                let mounted = overlay::mount_memory(&point)?;
                let inside = Inside::new(&point).map_err(errno_at("open", &point))?;
                inside.set_owner(owners, user).map_err(errno_at("change the owner of", &point))?;
                prepared.held.push(Held::Mounted(mounted));
                return Ok(Some((point, false)));
            }
            _ => {
                let message = format!("cannot mount {kind:?} at {target}");
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        }
        Ok(Some((point, true)))
    }

    fn writable(&self, tree: &LocalTree, point: &Path) -> Result<Writable> {
        let lower = tree.directories()?;
        let scratch = self.machine.session.tree()?;
        let (directory, work) = (scratch.create(FILES)?, scratch.create(OVERLAY_WORK)?);
        // The root of an overlay has the owner and mode of its topmost directory.
        copy_attributes(&lower[0], &directory)?;
        let upper = Upper { directory: &directory, work: &work };
        let mounted = overlay::mount(&lower, Some(upper), point, self.machine.mapping.in_user_namespace())?;
        Ok(Writable { mounted, scratch })
    }
}

/// Makes the directories that are mounted on, with a mode that does not depend on our umask as the runtime's
/// would. What is inside of a read-only mount has to be there.
fn make_mount_points(root: &Path, binds: &[Bind]) -> Result<()> {
    for directory in spec::DIRECTORIES {
        make_directory(root, directory)?;
    }
    for (index, bind) in binds.iter().enumerate() {
        let outer =
            binds[..index].iter().rev().find_map(|outer| Some((outer, below(&bind.target, &outer.target)?)));
        match outer {
            Some((outer, _)) if outer.read_only => {}
            Some((outer, inner)) => make_directory(&outer.source, &inner)?,
            None => make_directory(root, &bind.target)?,
        }
    }
    Ok(())
}

fn make_directory(root: &Path, directory: &str) -> Result<()> {
    let made = Inside::new(root).and_then(|inside| inside.open_or_make_directory(directory));
    made.map(drop).map_err(errno_at("make a mount point in", root))
}

/// The path of `inner` in the mount at `outer`, if it is below that.
fn below(inner: &str, outer: &str) -> Option<String> {
    let mut inner = names(inner);
    for name in names(outer) {
        if inner.next()? != name {
            return None;
        }
    }
    Some(inner.fold(String::new(), |path, name| format!("{path}/{name}")))
}

fn copy_attributes(from: &Path, to: &Path) -> Result<()> {
    let metadata = fs::metadata(from).map_err(at("look at", from))?;
    std::os::unix::fs::chown(to, Some(metadata.uid()), Some(metadata.gid()))
        .map_err(at("change the owner of", to))?;
    fs::set_permissions(to, metadata.permissions()).map_err(at("change the mode of", to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_below_another_by_whole_names() {
        for (inner, outer, expected) in [
            ("/layers/a/b", "/layers", Some("/a/b")),
            ("/layers//a/", "/layers/", Some("/a")),
            ("/layers2", "/layers", None),
            ("/layers", "/layers/a", None),
        ] {
            assert_eq!(below(inner, outer).as_deref(), expected, "{inner} {outer}");
        }
    }
}
