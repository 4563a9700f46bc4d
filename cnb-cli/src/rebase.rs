//! `cnb rebase`.

use std::process::ExitCode;

use cnb_core::backend::ErrorKind;
use cnb_core::event::Event;
use cnb_core::event::EventSink;
use cnb_core::image_name::ImageName;
use cnb_lifecycle::phase::rebase::Manner;
use cnb_lifecycle::rebase;
use cnb_lifecycle::rebase::Error;
use cnb_lifecycle::rebase::RebaseRequest;
use cnb_lifecycle::rebase::Rebased;

mod shown;

use shown::Warnings;

use crate::build::in_files;
use crate::build::in_thread;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;
use crate::progress;
use crate::progress::Style;
use crate::progress::print;
use crate::registry;

/// Put an image on another run image, without a build.
///
/// Layers of the application stay what they are, and only what is missing at the output is written there: where the
/// image stays in its place, config and manifest. All platforms of an index are rebased.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The image.
    #[arg(value_name = "IMAGE")]
    image: ImageName,

    /// The run image; the one that the image names, or a mirror of it, when not given.
    #[arg(long, value_name = "IMAGE")]
    run_image: Option<ImageName>,

    /// Where the image goes; where it is when not given; may be given several times.
    #[arg(long, short = 'o', value_name = "IMAGE")]
    output: Vec<ImageName>,

    /// Rebase although the image must not be, the run image is for something else, or the image does not know it.
    #[arg(long)]
    force: bool,

    /// Write the image as another program would.
    #[arg(long, value_enum, value_name = "PROGRAM")]
    compat: Option<Compat>,

    #[command(flatten)]
    registry: registry::Registries,

    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// A program that writes rebased images in its own way.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum Compat {
    /// The Go lifecycle: byte for byte; history is lost, and media types become Docker's.
    Lifecycle,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> ExitCode {
    let warnings = Warnings::default();
    let done = rebased(args, &warnings).and_then(|rebased| {
        let text = if args.json { shown::json(&rebased, &warnings.take()) } else { shown::text(&rebased) };
        print(&text)
    });
    if !args.json {
        warnings.take().iter().for_each(|warning| progress::warning(warning));
    }
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if args.json {
                let progress = progress::start(Style::Json, false);
                warnings.take().into_iter().for_each(|message| progress.event(Event::Warning { message }));
                progress.finish(Some(&failure));
            } else {
                progress::failure(&failure);
            }
            failure.exit.into()
        }
    }
}

/// Works in another thread, so that this one can be told to end.
fn rebased(args: &Args, warnings: &Warnings) -> Result<Rebased> {
    args.output.iter().try_for_each(in_files)?;
    if args.output.is_empty() && is_pipe(&args.image) {
        let message = format!("`{}` cannot be rebased in its place: it is no file", args.image);
        return Err(
            Failure::new(Exit::Usage, message).with_help(Some("say with --output where the image goes"))
        );
    }
    let mut request = RebaseRequest::new(args.image.clone());
    request.run_image.clone_from(&args.run_image);
    request.outputs.clone_from(&args.output);
    request.force = args.force;
    request.manner = match args.compat {
        Some(Compat::Lifecycle) => Manner::Lifecycle,
        None => Manner::Lossless,
    };
    let registry = registry::client(&args.registry)?;
    // It goes with this function, also when the work does not end.
    let scratch = tempfile::tempdir().map_err(|error| {
        Failure::new(Exit::Machine, format!("failed to make a temporary directory: {error}"))
    })?;
    let (directory, events) = (scratch.path().to_owned(), warnings.clone());
    in_thread(move || {
        let events: &dyn EventSink = &events;
        rebase::rebase(&request, &registry, &directory, events).map_err(|error| failure(&error))
    })
}

/// Whether it is an archive that comes through a pipe: a name such as /dev/stdin shall not be replaced by a file.
fn is_pipe(image: &ImageName) -> bool {
    let ImageName::OciArchive { file, .. } = image else { return false };
    file.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

fn failure(error: &Error) -> Failure {
    Failure::caused(exit(error), error).with_help(help(error))
}

fn exit(error: &Error) -> Exit {
    match error {
        Error::Read { kind: ErrorKind::InvalidInput, .. } | Error::Unsupported(_) => Exit::Usage,
        Error::Read { kind, .. } => Exit::of_kind(*kind).unwrap_or(Exit::Other),
        Error::Write { kind, .. } => Exit::of_kind(*kind).unwrap_or(Exit::Export),
        Error::RunImage(_) => Exit::Image,
        Error::Rebase { .. } | Error::Refused { .. } => Exit::Rebase,
        _ => Exit::Other,
    }
}

fn help(error: &Error) -> Option<&'static str> {
    match error {
        Error::Refused { .. } => Some("pass --force to rebase all the same, or another --run-image IMAGE"),
        Error::Rebase { .. } => Some("build it anew with `cnb build`"),
        Error::RunImage(_) => Some("pass --run-image IMAGE"),
        Error::Write { kind: ErrorKind::Exhausted, .. } | Error::Read { kind: ErrorKind::Exhausted, .. } => {
            Some("make room, also in the directory for temporary files, which TMPDIR names")
        }
        Error::Write { .. } => Some("pass --output IMAGE to write somewhere else"),
        _ => None,
    }
}
