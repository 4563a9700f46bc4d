//! `cnb cache export`.

use std::io::BufWriter;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use cnb_cache::store::CacheStore as _;
use cnb_cache::store::NamespaceInfo;
use cnb_cache::store::archive;
use cnb_cache::store::archive::ArchiveError;
use cnb_cache::store::archive::Carried;
use tempfile::NamedTempFile;

use super::Place;
use super::failed;
use super::of_io;
use super::of_store;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;
use crate::progress;
use crate::progress::print;
use crate::size;

/// Write entries of the store to a tar, for `cnb cache import` elsewhere.
///
/// Layers with `cache = true` of --backend local are not in it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,

    /// The namespaces: IDs of `cnb cache ls`, or as much of their beginnings as is unambiguous.
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    namespaces: Vec<String>,

    /// All namespaces.
    #[arg(long, short = 'a')]
    all: bool,

    /// The tar to write.
    #[arg(long, short = 'o', value_name = "FILE")]
    output: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let store = args.place.store()?;
    let known = store.namespaces().map_err(|error| failed(&error))?;
    let chosen = if args.all { known } else { chosen(known, &args.namespaces)? };
    let parent = args.output.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unwritable = |error: &std::io::Error| {
        Failure::new(of_io(error), format!("failed to write `{}`: {error}", args.output.display()))
    };
    let mut file = NamedTempFile::new_in(parent).map_err(|error| unwritable(&error))?;
    let mut buffer = BufWriter::new(file.as_file_mut());
    let written = archive::export(&store, &chosen, &mut buffer).map_err(|error| match error {
        ArchiveError::Io { source, .. } => unwritable(&source),
        ArchiveError::Store(error) => Failure::caused(of_store(&error), &error),
        other => Failure::caused(Exit::Other, &other),
    })?;
    buffer.flush().map_err(|error| unwritable(&error))?;
    drop(buffer);
    file.persist(&args.output).map_err(|error| unwritable(&error.error))?;
    for reason in &written.left_out {
        progress::warning(&format!("an entry is left out: {reason}"));
    }
    print(&told("Exported", &written))
}

/// One line about what was carried.
pub(super) fn told(what: &str, carried: &Carried) -> String {
    let Carried { namespaces, entries, bytes, .. } = carried;
    format!("{what} {entries} entries of {namespaces} namespaces, {}\n", size::shown(*bytes))
}

fn chosen(known: Vec<NamespaceInfo>, asked: &[String]) -> Result<Vec<NamespaceInfo>> {
    let is_asked_for = |text: &String| {
        let exact: Vec<&NamespaceInfo> = known.iter().filter(|info| info.id.as_str() == text).collect();
        let begins = || known.iter().filter(|info| info.id.as_str().starts_with(text.as_str())).collect();
        match &(if exact.is_empty() { begins() } else { exact })[..] {
            [one] => Ok(one.id.clone()),
            [] => Err(Failure::new(
                Exit::Usage,
                format!("there is no namespace `{text}`\n  help: `cnb cache ls` lists those that there are"),
            )),
            many => {
                let ids: Vec<&str> = many.iter().map(|info| info.id.as_str()).collect();
                Err(Failure::new(Exit::Usage, format!("`{text}` may be any of {}", ids.join(", "))))
            }
        }
    };
    let ids = asked.iter().map(is_asked_for).collect::<Result<Vec<_>>>()?;
    Ok(known.into_iter().filter(|info| ids.contains(&info.id)).collect())
}

#[cfg(test)]
mod tests {
    use cnb_core::backend::CacheId;

    use super::*;

    #[test]
    fn namespaces_are_called_by_what_is_unambiguous() {
        let known = ["shop-1", "shop-12", "web-2"];
        let infos = || known.map(|id| NamespaceInfo::new(CacheId::new(id).expect("a name"), "")).to_vec();
        let found = |asked: &[&str]| {
            let asked: Vec<String> = asked.iter().map(|&text| text.to_owned()).collect();
            let infos = chosen(infos(), &asked).map_err(|failure| failure.message)?;
            Ok(infos.iter().map(|info| info.id.as_str().to_owned()).collect::<Vec<_>>().join(" "))
        };
        let help = "\n  help: `cnb cache ls` lists those that there are";
        assert_eq!(found(&["web"]), Ok("web-2".to_owned()));
        assert_eq!(found(&["shop-1"]), Ok("shop-1".to_owned()), "exactly this one");
        assert_eq!(found(&["web-2", "shop-12", "web"]), Ok("shop-12 web-2".to_owned()));
        assert_eq!(found(&["shop"]), Err("`shop` may be any of shop-1, shop-12".to_owned()));
        assert_eq!(found(&["web", "x"]), Err(format!("there is no namespace `x`{help}")));
    }
}
