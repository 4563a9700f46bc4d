//! Steps become commands.

use std::collections::BTreeMap;

use cnb_core::backend::CacheId;
use cnb_core::backend::ChainOutput;
use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Mount;
use cnb_core::backend::MountKind;
use cnb_core::backend::Network;
use cnb_core::backend::Result;
use cnb_core::backend::Step;
use cnb_core::backend::StepOutput;
use cnb_core::backend::Tree;
use cnb_core::backend::User;
use cnb_core::event::EventSink;
use cnb_core::helper::Owned;
use cnb_core::helper::Process;
use cnb_core::helper::RunPlan;

use super::BuildKit;
use super::files::Contents;
use super::inside::Inside;
use super::told::Told;
use super::tree::Graph;
use crate::Annotate as _;
use crate::Exec;
use crate::ProxyEnv;
use crate::Sharing;

impl BuildKit {
    pub(super) async fn run_step(&self, step: Step, events: &dyn EventSink) -> Result<StepOutput> {
        let told = Told::new(vec![step.name.clone()], false, events);
        let command = self.command(&[step])?;
        let Evaluated { code, reused, .. } = self.evaluate_told(&command.evaluated, told).await?;
        let outputs = if code == 0 { command.outputs } else { BTreeMap::new() };
        let mut output = StepOutput::new(code, outputs);
        output.reused = reused;
        Ok(output)
    }

    pub(super) async fn run_steps(&self, steps: Vec<Step>, events: &dyn EventSink) -> Result<ChainOutput> {
        let Some(last) = steps.iter().rev().find(|step| !step.optional).map(|step| step.name.clone()) else {
            return Err(Error::new(ErrorKind::InvalidInput, "a chain needs a step that is not optional"));
        };
        let told = Told::new(steps.iter().map(|step| step.name.clone()).collect(), true, events);
        let command = self.command(&steps)?;
        let Evaluated { code, ended_by, reused } = self.evaluate_told(&command.evaluated, told).await?;
        if code != 0 {
            return Ok(ChainOutput::ended(ended_by.unwrap_or(last), code));
        }
        let mut output = ChainOutput::new(command.outputs);
        output.reused = reused;
        Ok(output)
    }

    /// Runs a command and tells what it writes, where somebody hears it.
    async fn evaluate_told(&self, output: &Graph, mut told: Told<'_>) -> Result<Evaluated> {
        let code = self.hear(output, &mut told).await?;
        let reused = told.reused();
        Ok(Evaluated { code, ended_by: told.end(code), reused })
    }

    async fn hear(&self, output: &Graph, told: &mut Told<'_>) -> Result<i32> {
        match (&self.settings.client, output.state.digest()) {
            (Some(side), Some(vertex)) => {
                side.listen(vertex.as_str()).during(self.evaluate(output), told).await
            }
            _ => self.evaluate(output).await,
        }
    }

    /// One command that runs steps one after another.
    fn command(&self, steps: &[Step]) -> Result<Command> {
        let mounts = joined(steps)?;
        let inside = Inside::of(steps, &mounts)?;
        let (mut plan, proxy) = self.plan(steps, &mounts);
        inside.plan(&mut plan);
        let mut exec = self.helper("run", &plan, Contents::default()).named(name(steps));
        if proxy != ProxyEnv::default() {
            exec = exec.proxy(proxy);
        }
        if steps.iter().any(|step| step.network == Network::Host) {
            exec = exec.network(self.settings.network);
        }
        exec = self.settings.hosts.iter().fold(exec, |exec, (name, address)| exec.host(name, *address));
        exec = self.secret_variables(exec, steps)?;
        for (mount, user) in mounts.iter().filter(|(mount, _)| !inside.makes(&mount.target)) {
            exec = self.mount(exec, mount, *user)?;
        }
        exec = inside.mount(exec);
        Command::new(root(steps)?, exec, &mounts, &inside)
    }

    /// What the helper has to do, and the proxies that it gets in another way.
    fn plan(&self, steps: &[Step], mounts: &[(Mount, User)]) -> (RunPlan, ProxyEnv) {
        let mut plan = RunPlan::default();
        let mut proxy = ProxyEnv::default();
        if self.settings.clears_caches {
            let caches = mounts.iter().filter(|(mount, _)| matches!(mount.kind, MountKind::Cache(_)));
            plan.emptied = caches.map(|(mount, _)| mount.target.clone()).collect();
        }
        let is_same = steps.iter().all(|step| step.repeatable) && plan.emptied.is_empty();
        plan.nonce = if is_same && !self.settings.runs_all { caches(mounts) } else { self.nonce() };
        plan.processes = steps.iter().map(|step| process(step, mounts, &mut proxy)).collect();
        plan.owned = mounts.iter().filter_map(|(mount, user)| owned(mount, *user)).collect();
        (plan, proxy)
    }

    fn mount(&self, exec: Exec, mount: &Mount, user: User) -> Result<Exec> {
        let target = &mount.target;
        Ok(match &mount.kind {
            MountKind::Agent(id) => Self::mount_agent(exec, target, id, user),
            MountKind::Cache(id) => {
                let id = format!("{}{}", self.settings.cache_prefix, id.as_str());
                exec.mount(crate::Mount::cache(id, target, Sharing::Locked))
            }
            MountKind::SharedCache(id) => {
                let id = format!("{}{}", self.settings.cache_prefix, id.as_str());
                exec.mount(crate::Mount::cache(id, target, Sharing::Shared))
            }
            MountKind::InOut(tree) => exec.mount(Graph::of(tree)?.mount(target)),
            MountKind::ReadOnly(tree) => exec.mount(Graph::of(tree)?.mount(target).read_only()),
            MountKind::Secrets(files) => self.mount_secrets(exec, target, files, user)?,
            MountKind::Tmpfs => exec.mount(crate::Mount::tmpfs(target)),
            _ => return Err(Error::new(ErrorKind::Unsupported, "BuildKit cannot mount that")),
        })
    }
}

/// The names of the caches that a command has. BuildKit leaves them out of what it knows commands by, and would give one
/// project what another left for the same files.
fn caches(mounts: &[(Mount, User)]) -> String {
    let names = mounts.iter().filter_map(|(mount, _)| mount.kind.cache().map(CacheId::as_str));
    names.collect::<Vec<_>>().join(" ")
}

/// How a command ended.
struct Evaluated {
    code: i32,
    /// The step that failed.
    ended_by: Option<String>,
    /// Whether BuildKit had what it leaves, if that was said.
    reused: Option<bool>,
}

/// A command, and the trees that it leaves.
struct Command {
    /// One of what it leaves: that whose files are looked at first.
    evaluated: Graph,
    outputs: BTreeMap<String, Tree>,
}

impl Command {
    fn new(root: &Graph, exec: Exec, mounts: &[(Mount, User)], inside: &Inside) -> Result<Self> {
        let run = root.state.run(exec);
        let mut outputs = BTreeMap::new();
        for (mount, _) in mounts {
            if let MountKind::InOut(tree) = &mount.kind {
                let state = run.output(&mount.target).expect("it is mounted to be written");
                let ahead = inside.made(&run, &mount.target).into();
                let graph = Graph { ahead, ..Graph::new(state, &Graph::of(tree)?.root) };
                outputs.insert(mount.target.clone(), graph);
            }
        }
        // Caches of other machines have what images consist of: these trees, and not what happened to the root.
        let first = outputs.values().next().cloned();
        let evaluated = first.unwrap_or_else(|| Graph::new(run.root(), "/"));
        let outputs = outputs.into_iter().map(|(target, graph)| (target, graph.into_tree()));
        Ok(Self { evaluated, outputs: outputs.collect() })
    }
}

/// The mounts of all steps, each with the user of the first step that has it.
fn joined(steps: &[Step]) -> Result<Vec<(Mount, User)>> {
    let mut mounts = Vec::new();
    for step in steps {
        step.check()?;
        step.mounts.iter().try_for_each(|mount| add(&mut mounts, mount, step))?;
    }
    Ok(mounts)
}

/// The root that all steps have.
fn root(steps: &[Step]) -> Result<&Graph> {
    let unsupported = |message: &str| Err(Error::new(ErrorKind::Unsupported, message));
    let Some(first) = steps.first() else { return unsupported("a chain without steps") };
    let root = Graph::of(&first.root)?;
    if !root.is_whole() {
        return unsupported("the root of a step has to be an image, or composed of trees");
    }
    for step in steps {
        if Graph::of(&step.root)?.state != root.state {
            return unsupported("the steps of a chain have different roots");
        }
    }
    Ok(root)
}

/// Adds a mount of a step to those of the container.
fn add(mounts: &mut Vec<(Mount, User)>, mount: &Mount, step: &Step) -> Result<()> {
    let refused = |kind, message: String| Err(Error::new(kind, message).with("step", &step.name));
    let Some((known, owner)) = mounts.iter().find(|(known, _)| known.target == mount.target) else {
        if matches!(mount.kind, MountKind::Carried) {
            return refused(
                ErrorKind::InvalidInput,
                format!("no step before has a tree at {}", mount.target),
            );
        }
        mounts.push((mount.clone(), step.user));
        return Ok(());
    };
    let is_same = match (&known.kind, &mount.kind) {
        (MountKind::InOut(_), MountKind::Carried) | (MountKind::Tmpfs, MountKind::Tmpfs) => true,
        (MountKind::Agent(one), MountKind::Agent(other)) => one == other && *owner == step.user,
        (MountKind::Secrets(one), MountKind::Secrets(other)) => one == other && *owner == step.user,
        (MountKind::Cache(one), MountKind::Cache(other))
        | (MountKind::SharedCache(one), MountKind::SharedCache(other)) => one == other,
        // A tree that is had again is as it was, whatever steps before did to it.
        (MountKind::InOut(one), MountKind::InOut(other))
        | (MountKind::ReadOnly(one), MountKind::ReadOnly(other)) => {
            Graph::of(one)?.is_same(Graph::of(other)?)
        }
        _ => false,
    };
    if is_same {
        return Ok(());
    }
    refused(ErrorKind::Unsupported, format!("the steps of a chain have different mounts at {}", mount.target))
}

fn owned(mount: &Mount, owner: User) -> Option<Owned> {
    let is_new = mount.kind.cache().is_some() || matches!(mount.kind, MountKind::Tmpfs);
    is_new.then(|| Owned { path: mount.target.clone(), owner })
}

/// What the helper has to know of a step.
pub(super) fn process(step: &Step, mounts: &[(Mount, User)], proxy: &mut ProxyEnv) -> Process {
    let mut env = Vec::new();
    let mut secret_env: Vec<String> = step.secret_env.iter().map(|(name, _)| name.clone()).collect();
    for (name, value) in &step.env {
        match proxy_variable(proxy, name) {
            // BuildKit gives it to the helper, and does not take it for a part of what the step is.
            Some(variable) => {
                variable.clone_from(value);
                secret_env.push(name.clone());
            }
            None => env.push((name.clone(), value.clone())),
        }
    }
    let is_cache = |mount: &&Mount| mount.kind.cache().is_some();
    let has = |target: &String| step.mounts.iter().any(|mount| mount.target == *target);
    let hidden = mounts.iter().map(|(mount, _)| mount).filter(is_cache).map(|mount| mount.target.clone());
    Process {
        name: step.name.clone(),
        argv: step.argv.clone(),
        env,
        secret_env,
        user: step.user,
        cwd: step.cwd.clone(),
        // Nothing can be hidden from user 0.
        hidden: hidden.filter(|target| step.user.uid != 0 && !has(target)).collect(),
        trees: Vec::new(),
        optional: step.optional,
    }
}

/// The field for a variable that says which proxy to use.
fn proxy_variable<'a>(proxy: &'a mut ProxyEnv, name: &str) -> Option<&'a mut String> {
    match name.to_ascii_lowercase().as_str() {
        "http_proxy" => Some(&mut proxy.http_proxy),
        "https_proxy" => Some(&mut proxy.https_proxy),
        "ftp_proxy" => Some(&mut proxy.ftp_proxy),
        "no_proxy" => Some(&mut proxy.no_proxy),
        "all_proxy" => Some(&mut proxy.all_proxy),
        _ => None,
    }
}

/// What a person reads while it runs. A chain goes by the last of its steps that have to succeed, of those that are worth
/// telling.
fn name(steps: &[Step]) -> String {
    let told = || steps.iter().filter(|step| !step.title.is_empty());
    let Some(main) = told().rfind(|step| !step.optional).or_else(|| told().next_back()) else {
        let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
        return format!("[{}]", names.join(", "));
    };
    let titles: Vec<&str> = told().map(|step| step.title.as_str()).collect();
    format!("[{}] {}", main.name, titles.join(", "))
}

#[cfg(test)]
mod tests {
    use cnb_core::backend::Secret;
    use cnb_core::backend::SecretFile;

    use super::*;
    use crate::State;

    fn step(name: &str) -> Step {
        Step::new(name, Graph::new(State::scratch(), "/").into_tree(), ["/bin/true"])
    }

    fn cache() -> MountKind {
        MountKind::Cache(CacheId::new("cache").expect("a plain word"))
    }

    fn shared_cache() -> MountKind {
        MountKind::SharedCache(CacheId::new("cache").expect("a plain word"))
    }

    #[test]
    fn commands_are_named_by_what_is_worth_telling() {
        let steps = [
            step("recall"),
            step("restore").with_title("restore layers"),
            step("build").with_title("run the buildpacks"),
            step("complete"),
            step("cache").with_title("keep layers").optional(),
        ];
        assert_eq!(name(&steps), "[build] restore layers, run the buildpacks, keep layers");
        assert_eq!(name(&steps[..1]), "[recall]");
        assert_eq!(name(&steps[4..]), "[cache] keep layers");
    }

    #[test]
    fn steps_of_a_chain_share_their_mounts() {
        let tree = || Graph::new(State::scratch(), "/").into_tree();
        let steps = [
            step("one").with_mount("/out", MountKind::InOut(tree())).with_mount("/c", cache()),
            step("two").with_user(User::new(1, 2)).with_mount("/out", MountKind::Carried),
            step("three").with_mount("/c", cache()).with_mount("/in", MountKind::ReadOnly(tree())),
            step("four").with_user(User::new(1, 2)).with_mount("/s", shared_cache()),
        ];
        let mounts = joined(&steps).expect("they fit");
        let targets: Vec<&str> = mounts.iter().map(|(mount, _)| mount.target.as_str()).collect();
        assert_eq!(targets, ["/out", "/c", "/in", "/s"]);
        let hidden = |step| process(step, &mounts, &mut ProxyEnv::default()).hidden;
        assert_eq!(hidden(&steps[1]), ["/c", "/s"], "it has none of the caches");
        assert_eq!(hidden(&steps[3]), ["/c"]);
        assert_eq!(hidden(&steps[2]), [""; 0]);

        let secrets = |content: &str| {
            let content = Secret::OfClient { id: content.to_owned() };
            MountKind::Secrets(vec![SecretFile { path: "f".to_owned(), content }])
        };
        let with = |kind| step("a step").with_mount("/c", kind);
        let again = [with(secrets("1")), with(secrets("1"))];
        assert_eq!(joined(&again).expect("they are the same").len(), 1);
        for steps in [
            [with(cache()), with(MountKind::Tmpfs)],
            [with(cache()), with(shared_cache())],
            [with(secrets("1")), with(secrets("2"))],
            [with(secrets("1")), with(secrets("1")).with_user(User::new(1, 2))],
        ] {
            assert_eq!(joined(&steps).err().map(|error| error.kind()), Some(ErrorKind::Unsupported));
        }
        let carried = [step("one").with_mount("/out", MountKind::Carried)];
        assert_eq!(joined(&carried).err().map(|error| error.kind()), Some(ErrorKind::InvalidInput));
    }

    #[test]
    fn proxies_are_no_part_of_a_plan() {
        let step = step("one").with_env("HTTPS_PROXY", "http://user:password@proxy").with_env("A", "1");
        let mut proxy = ProxyEnv::default();
        let process = process(&step, &[], &mut proxy);
        assert_eq!(process.env, [("A".to_owned(), "1".to_owned())]);
        assert_eq!(process.secret_env, ["HTTPS_PROXY"], "it comes from the environment of the helper");
        assert_eq!(proxy.https_proxy, "http://user:password@proxy");
    }
}
