//! Steps.

use std::sync::Arc;

use super::MAGIC;
use super::Memory;
use super::files::FileTree;
use super::files::Node;
use super::process::Process;
use super::process::Program;
use super::view::Held;
use super::view::Mounted;
use super::view::View;
use crate::backend::Error;
use crate::backend::ErrorKind;
use crate::backend::FileKind;
use crate::backend::Mount;
use crate::backend::MountKind;
use crate::backend::Result;
use crate::backend::SecretFile;
use crate::backend::Step;
use crate::backend::StepOutput;
use crate::backend::User;
use crate::event::EventSink;
use crate::passwd;

/// Runs a step. Everything it changes is in its [`View`], so dropping this future undoes all but what it
/// wrote to caches.
pub(super) async fn run(memory: &Memory, step: Step, events: &dyn EventSink) -> Result<StepOutput> {
    step.check()?;
    let mut env = environment(&step)?;
    let outputs: Vec<String> = targets(&step.mounts, |kind| matches!(kind, MountKind::InOut(_)));
    let mut mounts = Vec::new();
    let mut wanted = step.mounts;
    // One order for all steps, so that no two wait for each other.
    wanted.sort_by(|a, b| cache_name(a).cmp(&cache_name(b)));
    for mount in wanted {
        mounts.push(mounted(memory, mount, step.user).await?);
    }
    let view = View::new(FileTree::of(&step.root)?.clone(), mounts);
    let program = program(memory, &view, &step.argv[0])?;
    complete_home(&mut env, &view, step.user);
    let (argv, user, cwd, network) = (step.argv, step.user, step.cwd, step.network);
    let mut process = Process { step: step.name, argv, env, user, cwd, network, view, events };
    let exit_code = program.run(&mut process).await;
    let left = process.view.into_mounts().into_iter().filter_map(|mount| match mount.files {
        Held::Own(files) if outputs.contains(&mount.target) => Some((mount.target, files.into_tree())),
        _ => None,
    });
    Ok(StepOutput::new(exit_code, left.collect()))
}

fn environment(step: &Step) -> Result<Vec<(String, String)>> {
    let mut all = step.env.clone();
    for (name, secret) in &step.secret_env {
        all.push((name.clone(), String::from_utf8_lossy(secret.expose()?).into_owned()));
    }
    let mut env: Vec<(String, String)> = Vec::new();
    for (name, value) in all {
        env.retain(|(earlier, _)| *earlier != name);
        env.push((name, value));
    }
    Ok(env)
}

/// Adds `HOME` where the step has none, or an empty one.
fn complete_home(env: &mut Vec<(String, String)>, view: &View, user: User) {
    if !env.iter().any(|(name, value)| name == "HOME" && !value.is_empty()) {
        env.retain(|(name, _)| name != "HOME");
        env.push(("HOME".to_owned(), passwd::home(&passwd_of(view), user.uid).to_owned()));
    }
}

/// The text of /etc/passwd, empty where there is none.
fn passwd_of(view: &View) -> String {
    let node = view.resolve("/etc/passwd", true).ok().and_then(|path| view.get(&path));
    match node.map(|node| node.kind) {
        Some(FileKind::Regular(content)) => String::from_utf8_lossy(&content).into_owned(),
        _ => String::new(),
    }
}

async fn mounted(memory: &Memory, mount: Mount, user: User) -> Result<Mounted> {
    let target = mount.target;
    let (files, writable) = match mount.kind {
        MountKind::Cache(id) => {
            let cache = memory.cache(&id, FileTree::owned_by(user));
            (Held::Cache(cache.lock_arc().await), true)
        }
        MountKind::InOut(tree) => (Held::Own(FileTree::of(&tree)?.clone()), true),
        MountKind::ReadOnly(tree) => (Held::Own(FileTree::of(&tree)?.clone()), false),
        MountKind::SharedCache(id) => {
            (Held::SharedCache(memory.shared_cache(&id, FileTree::owned_by(user))), true)
        }
        MountKind::Secrets(secrets) => (Held::Own(secret_files(secrets, user)?), false),
        MountKind::Tmpfs => (Held::Own(FileTree::owned_by(user)), true),
        MountKind::Agent(_) | MountKind::Carried => {
            let message = "there is neither a client nor a chain of steps";
            return Err(Error::new(ErrorKind::Unsupported, message).with("mount", target));
        }
    };
    Ok(Mounted { target, files, writable })
}

fn secret_files(secrets: Vec<SecretFile>, owner: User) -> Result<FileTree> {
    let mut files = FileTree::owned_by(owner);
    for secret in secrets {
        let kind = FileKind::Regular(secret.content.expose()?.to_vec().into());
        files.place(&format!("/{}", secret.path), Node { kind, mode: 0o400, owner })?;
    }
    Ok(files)
}

fn program(memory: &Memory, view: &View, path: &str) -> Result<Arc<dyn Program>> {
    let node = view.resolve(path, true).ok().and_then(|path| view.get(&path));
    let content = match node {
        Some(Node { kind: FileKind::Regular(content), mode, .. }) if mode & 0o111 != 0 => content,
        _ => {
            return Err(Error::new(ErrorKind::InvalidInput, "there is no such program").with("program", path));
        }
    };
    let name =
        std::str::from_utf8(&content).ok().and_then(|text| text.strip_prefix(MAGIC)?.strip_suffix('\n'));
    let unknown = || {
        Error::new(ErrorKind::InvalidInput, "the file names no program of the memory backend")
            .with("program", path)
    };
    name.and_then(|name| memory.programs.get(name)).cloned().ok_or_else(unknown)
}

fn targets(mounts: &[Mount], chosen: impl Fn(&MountKind) -> bool) -> Vec<String> {
    mounts.iter().filter(|mount| chosen(&mount.kind)).map(|mount| mount.target.clone()).collect()
}

fn cache_name(mount: &Mount) -> Option<&str> {
    match &mount.kind {
        MountKind::Cache(id) => Some(id.as_str()),
        _ => None,
    }
}
