//! What comes between detection and the phases after it when all of them have one container: they read what they would
//! read in a container of their own.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

/// What is in `<layers>` when the phases after detection begin: documents of phases, and the SBOM of the last image.
const KEPT: [&str; 4] = ["analyzed.toml", "group.toml", "plan.toml", "sbom"];

/// What `lifecycle detect-finish` ends with when the group has extensions: platform specification, "Lifecycle exit codes", a
/// failure to extend.
pub const EXTENSIONS: u8 = 102;

/// Removes from `<layers>` what detection used or left besides, and puts the entries of a plan in a fixed order.
///
/// # Errors
/// When something cannot be read, written or removed; [`io::ErrorKind::InvalidData`] when the plan is not TOML.
pub fn finish_detection(layers: &Path, plan: &Path) -> Result<(), FinishError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| FinishError { path, source }
    };
    for entry in fs::read_dir(layers).map_err(failed(layers))? {
        let entry = entry.map_err(failed(layers))?;
        let is_kept = entry.file_name().to_str().is_some_and(|name| KEPT.contains(&name));
        if !is_kept {
            remove(&entry).map_err(failed(&entry.path()))?;
        }
    }
    let sorted = fs::read_to_string(plan).and_then(|text| {
        sorted_plan(&text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    });
    sorted.and_then(|text| fs::write(plan, text)).map_err(failed(plan))
}

/// A plan with its entries in a fixed order. The Go detector writes them in random order; what a build reads must not
/// depend on chance.
///
/// # Errors
/// When it is not TOML.
pub fn sorted_plan(plan: &str) -> Result<String, toml::de::Error> {
    let mut plan: toml::Table = toml::from_str(plan)?;
    if let Some(toml::Value::Array(entries)) = plan.get_mut("entries") {
        entries.sort_by_cached_key(ToString::to_string);
    }
    Ok(toml::to_string(&plan).expect("what was TOML can be written as TOML"))
}

/// Why detection could not be finished.
#[derive(Debug, thiserror::Error)]
#[error("{}", path.display())]
pub struct FinishError {
    path: PathBuf,
    source: io::Error,
}

fn remove(entry: &fs::DirEntry) -> io::Result<()> {
    if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn the_order_of_plan_entries_is_no_input() {
        let one = "[[entries]]\n[[entries.requires]]\nname = \"a\"\n";
        let other = "[[entries]]\n[[entries.requires]]\nname = \"b\"\n";
        let sorted = sorted_plan(&format!("{one}{other}")).expect("a plan");
        assert_eq!(sorted, sorted_plan(&format!("{other}{one}")).expect("a plan"));
        assert_eq!(sorted.matches("[[entries]]").count(), 2);
        assert_eq!(sorted_plan("").expect("an empty plan"), "");
    }

    #[test]
    fn only_what_phases_tell_each_other_stays() {
        let layers = TempDir::new().expect("a temporary directory");
        let path = |name: &str| layers.path().join(name);
        for name in ["analyzed.toml", "group.toml", "order.toml", "plan.toml"] {
            fs::write(path(name), "").expect("a file");
        }
        fs::create_dir_all(path("sbom/launch")).expect("directories");
        fs::create_dir_all(path("example_a/layer")).expect("directories");
        symlink(path("sbom"), path("link")).expect("a link");
        finish_detection(layers.path(), &path("plan.toml")).expect("it can be finished");
        let names = fs::read_dir(layers.path()).expect("a directory");
        let mut names: Vec<_> =
            names.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
        names.sort_unstable();
        assert_eq!(names, KEPT);
        assert!(path("sbom/launch").exists(), "it is behind a link");

        fs::write(path("plan.toml"), "[[").expect("a file");
        let error = finish_detection(layers.path(), &path("plan.toml")).expect_err("it is not TOML");
        assert_eq!((error.path, error.source.kind()), (path("plan.toml"), io::ErrorKind::InvalidData));
    }
}
