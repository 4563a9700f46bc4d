//! `cnb build`.

use std::future::Future;
use std::process::ExitCode;

use cnb_core::diagnostic::Diagnostic;
use cnb_core::diagnostic::Diagnostics;
use cnb_core::event::Event;
use cnb_lifecycle::platform;
use cnb_lifecycle::platform::Built;
use tokio::runtime::Builder;
use tokio::runtime::Runtime;

mod args;
mod backend;
mod bindings;
mod buildkit;
mod docker_context;
mod failure;
mod local;
mod own_files;
mod request;
mod selection;
mod signal;
mod writable;

pub(crate) use args::Args;
pub(crate) use failure::of_backend;
pub(crate) use writable::in_files;
pub(crate) use writable::in_registries;
pub(crate) use writable::writable;

use request::Asked;

use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;
use crate::progress;
use crate::progress::Progress;
use crate::progress::Style;

/// Runs the command.
pub(crate) fn run(args: &Args) -> ExitCode {
    let prepared = Prepared::new(args);
    let progress = progress::start(style(args), args.explain);
    if let Err(failure) = &prepared {
        warn(&*progress, &failure.warnings);
    }
    let built = prepared.and_then(|prepared| prepared.build(args, &*progress));
    progress.finish(built.as_ref().err());
    match built {
        Ok(built) => match progress.is_told().and_then(|()| progress::results(style(args), &built.images)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                progress::failure(&failure);
                failure.exit.into()
            }
        },
        Err(failure) => failure.exit.into(),
    }
}

fn style(args: &Args) -> Style {
    match (args.quiet, args.json) {
        (true, _) => Style::Quiet,
        (_, true) => Style::Json,
        _ => Style::Lines,
    }
}

/// What a build needs, read while the process has a single thread.
enum Prepared {
    Local(Box<local::Prepared>),
    BuildKit(Box<buildkit::Prepared>),
}

impl Prepared {
    fn new(args: &Args) -> Result<Self> {
        match args.backend.place(request::own)? {
            None if args.buildkit_tls.is_some() => {
                Err(Failure::new(Exit::Usage, "--buildkit-tls is for --backend buildkit"))
            }
            None => Ok(Self::Local(Box::new(local::Prepared::new(args)?))),
            Some(place) => Ok(Self::BuildKit(Box::new(buildkit::Prepared::new(args, place)?))),
        }
    }

    fn build(self, args: &Args, progress: &dyn Progress) -> Result<Built> {
        match self {
            Self::Local(prepared) => prepared.build(args, progress),
            Self::BuildKit(prepared) => prepared.build(args, progress),
        }
    }
}

/// Builds with any backend.
async fn build_with(
    backend: &dyn cnb_core::backend::Backend,
    asked: &mut Asked,
    args: &Args,
    progress: &dyn Progress,
) -> Result<Built> {
    let warnings = selection::select(backend, &mut asked.request, args, asked.descriptor.as_ref()).await?;
    warn(progress, &warnings);
    platform::build(backend, &asked.request, progress).await.map_err(|error| failure::failure(&error))
}

/// Does work until it is done or somebody wants the program to end. Then the work is dropped.
pub(crate) fn until_stopped<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    runtime(&mut Builder::new_multi_thread())?.block_on(or_stopped(work))
}

/// Does work in another thread, for which nobody waits when the program is to end.
pub(crate) fn in_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let runtime = runtime(&mut Builder::new_current_thread())?;
    let done = runtime
        .block_on(or_stopped(async { tokio::task::spawn_blocking(work).await.expect("it does not panic") }));
    runtime.shutdown_background();
    done
}

fn runtime(builder: &mut Builder) -> Result<Runtime> {
    let runtime = builder.enable_all().build();
    runtime.map_err(|error| Failure::new(Exit::Machine, format!("failed to start threads: {error}")))
}

async fn or_stopped<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        // First, so that no signal is missed once the work has begun.
        biased;
        failure = signal::received() => Err(failure),
        done = work => done,
    }
}

fn warn(progress: &dyn Progress, warnings: &Diagnostics) {
    for warning in warnings {
        progress.event(Event::Warning { message: told(warning) });
    }
}

/// What is suspect, and what could be done about it.
fn told(warning: &Diagnostic) -> String {
    let help = warning.help.iter().map(|help| format!("\n  help: {help}"));
    std::iter::once(warning.to_string()).chain(help).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_says_what_to_do() {
        let warning = Diagnostic::warning("unknown-key", "unknown key `naem`");
        assert_eq!(told(&warning), "unknown key `naem`");
        let helped = warning.with_help("did you mean `name`?");
        assert_eq!(told(&helped), "unknown key `naem`\n  help: did you mean `name`?");
    }
}
