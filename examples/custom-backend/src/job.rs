//! From a step to a job and back.

use std::collections::BTreeMap;
use std::sync::mpsc;

use cnb_core::backend::CacheId;
use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::File;
use cnb_core::backend::Mount;
use cnb_core::backend::MountKind;
use cnb_core::backend::Result;
use cnb_core::backend::SecretFile;
use cnb_core::backend::Step;
use cnb_core::backend::StepOutput;
use cnb_core::backend::Tree;
use cnb_core::backend::User;
use cnb_core::conformance::probe::Program;
use cnb_core::event::EventSink;

use crate::PROGRAM;
use crate::Workshop;
use crate::files::Files;
use crate::machine::Machine;
use crate::pool::Job;
use crate::pool::Message;
use crate::store::unsupported;

/// Runs a step on a worker. Dropping this future drops `waits`, which ends the worker's machine.
pub(crate) async fn run(workshop: &Workshop, step: Step, events: &dyn EventSink) -> Result<StepOutput> {
    step.check()?;
    let mut caches = Vec::new();
    // One order for all steps, so that no two wait for each other.
    for (id, target) in caches_of(&step.mounts) {
        caches.push((target.to_owned(), workshop.cache(id, step.user).lock_arc().await));
    }
    let program = Program::new(step.argv[1..].iter().cloned());
    let in_out = targets(&step.mounts, |kind| matches!(kind, MountKind::InOut(_)));
    let (waits, alive) = mpsc::channel::<()>();
    let (messages, inbox) = async_channel::unbounded();
    let mut machine = Machine::new(&step, Files::behind(&step.root)?.clone(), messages.clone())?;
    let mut mounts = step.mounts;
    mounts.sort_by(|a, b| a.target.cmp(&b.target));
    for Mount { target, kind } in mounts {
        let cache = caches.iter().find(|(at, _)| *at == target).map(|(_, files)| Files::clone(files));
        let (files, writable) = content(kind, cache, step.user)?;
        machine.mount(target, &files, writable)?;
    }
    machine.complete_home();
    expect_program(&machine, &step.argv[0])?;
    workshop.pool.submit(Job { machine, program, caches, alive, messages });
    let (exit_code, mut left) = loop {
        match inbox.recv().await {
            Ok(Message::Event(event)) => events.event(event),
            Ok(Message::Ended { exit_code, left }) => break (exit_code, left),
            Err(_) => return Err(Error::new(ErrorKind::Other, "a worker is gone").with("step", step.name)),
        }
    };
    drop(waits);
    left.retain(|target, _| in_out.contains(target));
    let outputs = left.into_iter().map(|(target, files)| (target, Tree::new(files)));
    Ok(StepOutput::new(exit_code, outputs.collect()))
}

fn content(kind: MountKind, cache: Option<Files>, user: User) -> Result<(Files, bool)> {
    Ok(match kind {
        MountKind::Cache(_) => (cache.expect("every cache was locked before"), true),
        MountKind::InOut(tree) => (Files::behind(&tree)?.clone(), true),
        MountKind::ReadOnly(tree) => (Files::behind(&tree)?.clone(), false),
        MountKind::Secrets(secrets) => (secret_files(&secrets, user)?, false),
        MountKind::Tmpfs => (Files::empty(user), true),
        other => return Err(unsupported(&format!("{other:?}"))),
    })
}

fn secret_files(secrets: &[SecretFile], user: User) -> Result<Files> {
    let mut files = Files::empty(user);
    for secret in secrets {
        let content = secret.content.expose()?.to_vec();
        files.add(File::regular(format!("/{}", secret.path), content).with_mode(0o400).with_owner(user))?;
    }
    Ok(files)
}

fn expect_program(machine: &Machine, path: &str) -> Result<()> {
    if machine.files().read(path).is_ok_and(|content| content == PROGRAM) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidInput, "no program that the machines know").with("program", path))
}

/// The caches of a step, by id, and where they are mounted.
fn caches_of(mounts: &[Mount]) -> BTreeMap<&CacheId, &str> {
    let cache = |mount| match mount {
        &Mount { ref target, kind: MountKind::Cache(ref id) } => Some((id, target.as_str())),
        _ => None,
    };
    mounts.iter().filter_map(cache).collect()
}

fn targets(mounts: &[Mount], chosen: impl Fn(&MountKind) -> bool) -> Vec<String> {
    let mut targets: Vec<String> =
        mounts.iter().filter(|mount| chosen(&mount.kind)).map(|mount| mount.target.clone()).collect();
    targets.sort();
    targets
}
