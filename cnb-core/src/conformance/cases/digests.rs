//! What is in trees, by digest.

use crate::backend::Digested;
use crate::backend::EntryKind;
use crate::backend::File;
use crate::backend::User;
use crate::conformance::Outcome;
use crate::conformance::Target;
use crate::conformance::failure::ensure;
use crate::conformance::failure::equal;

cases! { digests:
    of_a_tree_name_everything_in_it [Digests],
    of_equal_trees_are_equal [Digests],
    tell_contents_apart [Digests],
    tell_modes_names_and_links_apart [Digests],
    tell_owners_apart [Digests, Users],
}

/// SHA-256 of `abc`: FIPS 180-2, appendix B.1.
const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

async fn of_a_tree_name_everything_in_it(target: &Target) -> Outcome {
    let found = digests(target, sample()).await?;
    let paths: Vec<&str> = found.iter().map(|found| found.path.as_str()).collect();
    equal("paths", paths, ["/", "/a", "/a-b", "/a/c", "/l"])?;
    let names: Vec<&str> = found.iter().map(|found| found.entry.name.as_str()).collect();
    equal("names", names, ["", "a", "a-b", "c", "l"])?;
    let digests: Vec<Option<&str>> =
        found.iter().map(|found| found.digest.as_ref().map(crate::digest::Digest::as_str)).collect();
    equal("digests", digests, [None, None, Some(ABC), Some(ABC), None])?;
    equal("the link", found[4].entry.kind.clone(), EntryKind::Symlink("a/c".to_owned()))
}

async fn of_equal_trees_are_equal(target: &Target) -> Outcome {
    equal("digests", digests(target, sample()).await?, digests(target, sample()).await?)
}

async fn tell_contents_apart(target: &Target) -> Outcome {
    // The same size, and written at about the same time.
    differ(target, vec![File::regular("/f", "one")], vec![File::regular("/f", "two")]).await
}

async fn tell_modes_names_and_links_apart(target: &Target) -> Outcome {
    let file = || File::regular("/f", "1");
    differ(target, vec![file()], vec![file().with_mode(0o755)]).await?;
    differ(target, vec![file()], vec![File::regular("/g", "1")]).await?;
    differ(target, vec![file()], vec![file(), File::directory("/d")]).await?;
    differ(target, vec![File::symlink("/l", "a")], vec![File::symlink("/l", "b")]).await
}

async fn tell_owners_apart(target: &Target) -> Outcome {
    let owned = |owner| vec![File::regular("/f", "1").with_owner(owner)];
    differ(target, owned(User::ROOT), owned(User::new(1001, 1002))).await
}

async fn differ(target: &Target, one: Vec<File>, other: Vec<File>) -> Outcome {
    let shown = format!("{one:?} and {other:?} are told apart");
    ensure(digests(target, one).await? != digests(target, other).await?, shown)
}

async fn digests(target: &Target, files: Vec<File>) -> Result<Vec<Digested>, crate::conformance::Failure> {
    let tree = target.tree(files).await?;
    Ok(target.backend.digests(&tree).await?)
}

fn sample() -> Vec<File> {
    vec![File::regular("/a/c", "abc"), File::regular("/a-b", "abc"), File::symlink("/l", "a/c")]
}
