//! `cnb cache import`.

use std::fs;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use cnb_cache::store::archive;
use cnb_cache::store::archive::ArchiveError;

use super::Place;
use super::export::told;
use super::failed;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;
use crate::progress::print;

/// Put the entries of a tar of `cnb cache export` into the store, in place of those with the same names.
///
/// Everything in it is verified before anything is put. It says itself who wrote what: import only what comes from
/// somebody you trust.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,

    /// The tar to read.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let store = args.place.store()?;
    let name = args.file.display();
    let unreadable = |error: &std::io::Error| {
        let message = format!("failed to read `{name}`: {error}");
        Failure::new(Exit::InvalidInput, message)
    };
    // A pipe can be read once, and this is read twice.
    if !fs::metadata(&args.file).map_err(|error| unreadable(&error))?.is_file() {
        return Err(Failure::new(Exit::InvalidInput, format!("`{name}` is no file")));
    }
    let file = File::open(&args.file).map_err(|error| unreadable(&error))?;
    let imported = archive::import(&store, &mut BufReader::new(file)).map_err(|error| match error {
        ArchiveError::Io { source, .. } => unreadable(&source),
        ArchiveError::Store(error) => failed(&error),
        ArchiveError::Invalid(reason) => {
            let message = format!("`{name}` is no archive of a cache, or it was changed: {reason}");
            let failure = Failure::new(Exit::InvalidInput, message);
            failure.with_help(Some("nothing was imported; make it again with `cnb cache export`"))
        }
        other => Failure::caused(Exit::Other, &other),
    })?;
    print(&told("Imported", &imported))
}
