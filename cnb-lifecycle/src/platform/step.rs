//! The containers that the phases of a build run in.

use cnb_core::backend::Backend;
use cnb_core::backend::ChainOutput;
use cnb_core::backend::File;
use cnb_core::backend::MountKind;
use cnb_core::backend::Network;
use cnb_core::backend::Part;
use cnb_core::backend::SecretFile;
use cnb_core::backend::Skipped;
use cnb_core::backend::Source;
use cnb_core::backend::Step;
use cnb_core::backend::StepOutput;
use cnb_core::backend::Tree;
use cnb_core::event::Event;
use cnb_core::event::EventSink;
use cnb_core::event::Reason;

use super::BuildRequest;
use super::builder::Builder;
use super::builder::LIFECYCLE_DIR;
use super::error::During as _;
use super::error::Error;
use super::request::ExtraBuildpack;
use crate::causes::with_causes;

/// Where the application is in a container.
pub(super) const APP_DIR: &str = "/workspace";
/// Where layers and the documents of the phases are.
pub(super) const LAYERS_DIR: &str = "/layers";
const PLATFORM_DIR: &str = "/platform";
const SECRETS_DIR: &str = "/run/secrets";
const AGENTS_DIR: &str = "/run/ssh-agents";
const SSH_AUTH_SOCK: &str = "SSH_AUTH_SOCK";

/// What every phase that runs in a container sees.
#[derive(Debug)]
pub(super) struct Containers<'a> {
    backend: &'a dyn Backend,
    events: &'a dyn EventSink,
    request: &'a BuildRequest,
    builder: &'a Builder,
    /// Environment given to the buildpacks, as files.
    platform: Tree,
    bindings: Vec<SecretFile>,
    /// Whether layers that buildpacks kept may be left as archives.
    pub(super) archives: bool,
    /// Buildpacks beside those of the builder, with where they are mounted.
    buildpacks: Vec<(String, Tree)>,
}

impl<'a> Containers<'a> {
    /// Brings everything into trees that does not change from phase to phase.
    pub(super) async fn prepare(
        backend: &'a dyn Backend,
        events: &'a dyn EventSink,
        request: &'a BuildRequest,
        builder: &'a Builder,
    ) -> Result<Self, Error> {
        let mut files = vec![File::directory("/env"), File::directory("/bindings")];
        let variable = |name: &str, value: String| File::regular(format!("/env/{name}"), value);
        // The lifecycle gives buildpacks variables of this directory, and hardly any of its own.
        if !request.agents.is_empty() && request.env.iter().all(|(name, _)| name != SSH_AUTH_SOCK) {
            files.push(variable(SSH_AUTH_SOCK, agent_socket(0)));
        }
        // A later value of a name wins.
        files.extend(request.env.iter().map(|(name, value)| variable(name, value.clone())));
        let platform = backend.load(Source::Files(files)).await.during("lay out the platform directory")?;
        let mut buildpacks = Vec::new();
        for buildpack in &request.buildpacks {
            let target = format!("/cnb/buildpacks/{}/{}", buildpack.id.replace('/', "_"), buildpack.version);
            buildpacks.push((target, load_buildpack(backend, buildpack).await?));
        }
        let bindings = request.bindings.iter().flat_map(|binding| {
            binding.files.iter().map(|file| SecretFile {
                path: format!("{}/{}", binding.name, file.path),
                content: file.content.clone(),
            })
        });
        let bindings = bindings.collect();
        let archives = backend.capabilities().archived_layers;
        Ok(Self { backend, events, request, builder, platform, bindings, archives, buildpacks })
    }

    /// A container in which the lifecycle runs buildpacks: they see the platform directory with the bindings,
    /// the buildpacks beside those of the builder, and the network of the request.
    pub(super) fn of_buildpacks(&self, phase: &'static str, program: &str, args: &[&str]) -> Step {
        let mut step = self
            .of_lifecycle(phase, program, args)
            .with_network(self.request.network)
            .with_mount(PLATFORM_DIR, MountKind::ReadOnly(self.platform.clone()));
        if !self.bindings.is_empty() {
            step = step
                .with_mount(format!("{PLATFORM_DIR}/bindings"), MountKind::Secrets(self.bindings.clone()));
        }
        if !self.request.secrets.is_empty() {
            step = step.with_mount(SECRETS_DIR, MountKind::Secrets(self.request.secrets.clone()));
        }
        for (number, agent) in self.request.agents.iter().enumerate() {
            step = step.with_mount(agent_socket(number), MountKind::Agent(agent.clone()));
        }
        for (target, tree) in &self.buildpacks {
            step = step.with_mount(target.clone(), MountKind::ReadOnly(tree.clone()));
        }
        step
    }

    /// A container of the builder in which `program` of the lifecycle runs as the build user. It reaches no
    /// network and none of what is secret.
    pub(super) fn of_lifecycle(&self, phase: &'static str, program: &str, args: &[&str]) -> Step {
        let program = format!("{LIFECYCLE_DIR}/{program}");
        let command = std::iter::once(program).chain(args.iter().map(ToString::to_string));
        let mut step = Step::new(phase, self.builder.image.root.clone(), command)
            .with_user(self.builder.user)
            .with_network(Network::None);
        step.repeatable = true;
        step.env.clone_from(&self.builder.env);
        step.env.extend(self.request.container_env.iter().cloned());
        step = step.with_env("CNB_PLATFORM_API", self.builder.platform_api.to_string());
        if self.builder.platform_api.has_exec_env() {
            step = step.with_env("CNB_EXEC_ENV", self.request.exec_env.clone());
        }
        if let Some(lifecycle) = &self.builder.lifecycle {
            step = step.with_mount(LIFECYCLE_DIR, MountKind::ReadOnly(lifecycle.clone()));
        }
        step
    }

    /// Runs a phase; its exit code decides whether the build goes on.
    pub(super) async fn run(&self, phase: &'static str, step: Step) -> Result<StepOutput, Error> {
        let output = self.backend.run(step, self.events).await.during(format!("run the {phase} phase"))?;
        match output.exit_code {
            0 => {
                self.decided(phase, output.reused);
                Ok(output)
            }
            code => Err(Error::Phase { phase: phase.to_owned(), code }),
        }
    }

    /// Tells what a backend found out by itself.
    fn decided(&self, phase: &str, reused: Option<bool>) {
        let Some(reused) = reused else { return };
        let because = if reused { Vec::new() } else { vec![Reason::Unknown] };
        self.events.event(Event::Decided { phase: phase.to_owned(), reused, because });
    }

    /// Runs phases as one piece of work.
    pub(super) async fn run_chain(&self, steps: Vec<Step>) -> Result<ChainOutput, Error> {
        let action = "run the phases that build";
        let has_detection = steps.iter().any(|step| step.name == "detect");
        let left = self.backend.run_chain(steps, self.events).await.during(action)?;
        for Skipped { step, error, .. } in &left.skipped {
            self.warn(format!("the {step} phase was skipped: {}", with_causes(error)));
        }
        match left.ended_by {
            None => {
                if has_detection {
                    self.decided("detect", left.reused);
                }
                self.decided("build", left.reused);
                Ok(left)
            }
            Some(reported) => Err(Error::Phase {
                phase: phase_of(left.exit_code).unwrap_or(reported),
                code: left.exit_code,
            }),
        }
    }

    /// Tells what a person should know.
    pub(super) fn warn(&self, message: impl Into<String>) {
        self.events.event(Event::Warning { message: message.into() });
    }

    /// Tells when the work of a phase begins and ends.
    pub(super) async fn during<T>(
        &self,
        phase: &'static str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        announced(self.events, phase, work).await
    }
}

/// The phase that an exit code is of, if it is one of the platform specification, "Lifecycle exit codes": a backend need not
/// know which step of a chain failed.
fn phase_of(code: i32) -> Option<String> {
    let phase = match code {
        20..=29 => "detect",
        40..=49 => "restore",
        50..=59 => "build",
        _ => return None,
    };
    Some(phase.to_owned())
}

/// Tells when the work of a phase begins and ends.
pub(super) async fn announced<T>(
    events: &dyn EventSink,
    phase: &'static str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    events.event(Event::PhaseStarted { phase: phase.to_owned() });
    let result = work.await;
    events.event(Event::PhaseFinished { phase: phase.to_owned(), success: result.is_ok() });
    result
}

/// The tree that a step left at a mount.
pub(super) fn output(mut output: StepOutput, target: &str) -> Tree {
    output.outputs.remove(target).expect("a backend returns a tree for each in-out mount")
}

fn agent_socket(number: usize) -> String {
    format!("{AGENTS_DIR}/{number}.sock")
}

async fn load_buildpack(backend: &dyn Backend, buildpack: &ExtraBuildpack) -> Result<Tree, Error> {
    backend.load(buildpack.source.clone()).await.during(format!("load the buildpack `{}`", buildpack.id))
}

/// The layers directory before a phase: empty but for these files, all owned by the build user.
pub(super) async fn layers_tree(
    backend: &dyn Backend,
    builder: &Builder,
    parts: Vec<Part>,
    files: Vec<File>,
) -> Result<Tree, Error> {
    let own = |file: File| file.with_owner(builder.user);
    let mut all = vec![Part::Files(vec![own(File::directory("/"))])];
    all.extend(parts);
    all.push(Part::Files(files.into_iter().map(own).collect()));
    backend.compose(all).await.during("lay out the layers directory")
}
