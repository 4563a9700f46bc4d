//! Trees out of parts, and out of files given as values.

use crate::backend::EntryKind;
use crate::backend::ErrorKind;
use crate::backend::File;
use crate::backend::Part;
use crate::backend::Source;
use crate::backend::Tree;
use crate::conformance::Outcome;
use crate::conformance::Target;
use crate::conformance::bench::USER;
use crate::conformance::failure::equal;
use crate::conformance::failure::refused;

cases! { compose:
    of_nothing_is_an_empty_directory,
    makes_the_directories_above_a_file,
    replaces_what_an_earlier_part_wrote,
    replaces_a_link_and_not_what_it_points_to,
    merges_directories,
    copies_a_part_of_a_tree_to_another_place,
    copies_a_link_as_a_link,
    keeps_owners_and_modes [Users],
    leaves_its_parts_as_they_were,
    stays_inside_the_tree_through_links,
    of_what_is_not_there_is_not_found,
    of_a_path_that_climbs_is_refused,
}

async fn of_nothing_is_an_empty_directory(target: &Target) -> Outcome {
    let tree = target.backend.compose(Vec::new()).await?;
    equal("names", target.names(&tree, "/").await?, [""; 0])
}

async fn makes_the_directories_above_a_file(target: &Target) -> Outcome {
    let file = File::regular("/a/b/c", "1").with_mode(0o600);
    let tree = target.backend.compose(vec![Part::Files(vec![file])]).await?;
    let directory = target.entry(&tree, "/a", "b").await?;
    equal("the directory", (directory.kind, directory.mode), (EntryKind::Directory, 0o755))?;
    equal("the file", target.text(&tree, "/a/b/c").await?, "1")
}

async fn replaces_what_an_earlier_part_wrote(target: &Target) -> Outcome {
    let old = vec![File::regular("/f", "old"), File::regular("/d/x", "old"), File::regular("/g", "old")];
    let new =
        vec![File::regular("/f", "new").with_mode(0o600), File::regular("/d", "new"), File::directory("/g")];
    let tree = target.backend.compose(vec![Part::Files(old), Part::Files(new)]).await?;
    equal("a file", target.text(&tree, "/f").await?, "new")?;
    equal("its mode", target.entry(&tree, "/", "f").await?.mode, 0o600)?;
    equal("a file over a directory", target.text(&tree, "/d").await?, "new")?;
    equal("a directory over a file", target.names(&tree, "/g").await?, [""; 0])
}

async fn replaces_a_link_and_not_what_it_points_to(target: &Target) -> Outcome {
    let old = vec![File::regular("/f", "old"), File::symlink("/l", "f")];
    let tree = target.backend.compose(vec![Part::Files(old), files("/l")]).await?;
    equal("the file", target.text(&tree, "/f").await?, "old")?;
    equal("the place of the link", target.text(&tree, "/l").await?, "/l")
}

async fn merges_directories(target: &Target) -> Outcome {
    let one = target.tree(vec![File::regular("/d/both", "1"), File::regular("/d/one", "1")]).await?;
    let files = vec![
        File::directory("/d").with_mode(0o700),
        File::regular("/d/both", "2"),
        File::regular("/d/two", "2"),
    ];
    let two = target.tree(files).await?;
    let tree = target.backend.compose(vec![copy(&one, "/", "/"), copy(&two, "/", "/")]).await?;
    equal("names", target.names(&tree, "/d").await?, ["both", "one", "two"])?;
    equal("the file of both", target.text(&tree, "/d/both").await?, "2")?;
    equal("the mode", target.entry(&tree, "/", "d").await?.mode, 0o700)
}

async fn copies_a_part_of_a_tree_to_another_place(target: &Target) -> Outcome {
    let from = target.tree(vec![File::regular("/a/b/f", "1"), File::regular("/a/c", "2")]).await?;
    let parts = vec![copy(&from, "/a/b", "/x/y"), copy(&from, "/a/c", "/x/c")];
    let tree = target.backend.compose(parts).await?;
    equal("names", target.names(&tree, "/").await?, ["x"])?;
    equal("a file of a directory", target.text(&tree, "/x/y/f").await?, "1")?;
    equal("a file", target.text(&tree, "/x/c").await?, "2")
}

async fn copies_a_link_as_a_link(target: &Target) -> Outcome {
    let from = target.tree(vec![File::regular("/f", "1"), File::symlink("/l", "f")]).await?;
    let tree = target.backend.compose(vec![copy(&from, "/l", "/copy")]).await?;
    let kind = target.entry(&tree, "/", "copy").await?.kind;
    equal("the copy", kind, EntryKind::Symlink("f".to_owned()))
}

async fn keeps_owners_and_modes(target: &Target) -> Outcome {
    let files = vec![
        File::directory("/d").with_owner(USER).with_mode(0o2770),
        File::regular("/d/f", "1").with_owner(USER).with_mode(0o4711),
        File::symlink("/d/l", "f").with_owner(USER),
    ];
    let from = target.tree(files).await?;
    let tree = target.backend.compose(vec![copy(&from, "/d", "/e")]).await?;
    for (directory, name, mode) in [("/", "e", 0o2770), ("/e", "f", 0o4711), ("/e", "l", 0o777)] {
        let entry = target.entry(&tree, directory, name).await?;
        equal(name, (entry.owner, entry.mode), (USER, mode))?;
    }
    Ok(())
}

async fn leaves_its_parts_as_they_were(target: &Target) -> Outcome {
    let part = target.tree(vec![File::regular("/f", "old")]).await?;
    let whole = target.backend.compose(vec![copy(&part, "/", "/"), files("/f"), files("/new")]).await?;
    equal("the file", target.text(&whole, "/f").await?, "/f")?;
    equal("names in the part", target.names(&part, "/").await?, ["f"])?;
    equal("the file of the part", target.text(&part, "/f").await?, "old")
}

async fn stays_inside_the_tree_through_links(target: &Target) -> Outcome {
    let links = vec![
        File::directory("/d"),
        File::symlink("/up", "../../../../../../d"),
        File::symlink("/absolute", "/d"),
    ];
    let part = target.tree(vec![File::regular("/f", "copied")]).await?;
    let parts = vec![Part::Files(links), files("/up/file"), copy(&part, "/f", "/absolute/copy")];
    let tree = target.backend.compose(parts).await?;
    equal("names", target.names(&tree, "/d").await?, ["copy", "file"])?;
    let outside = target.tree(vec![File::symlink("/l", "/etc")]).await?;
    let result = target.backend.compose(vec![copy(&outside, "/l/passwd", "/p")]).await;
    refused("a copy from outside", result, ErrorKind::NotFound)
}

async fn of_what_is_not_there_is_not_found(target: &Target) -> Outcome {
    let part = target.tree(vec![File::regular("/f", "1")]).await?;
    let result = target.backend.compose(vec![copy(&part, "/missing", "/")]).await;
    refused("the tree", result, ErrorKind::NotFound)
}

async fn of_a_path_that_climbs_is_refused(target: &Target) -> Outcome {
    let part = target.tree(vec![File::regular("/f", "1")]).await?;
    for path in ["f", "../f", "/../f", "/d/../../f"] {
        let loaded = target.backend.load(Source::Files(vec![File::regular(path, "1")])).await;
        refused(&format!("a file at `{path}`"), loaded, ErrorKind::InvalidInput)?;
        for part in [copy(&part, path, "/x"), copy(&part, "/f", path), files(path)] {
            let result = target.backend.compose(vec![part]).await;
            refused(&format!("a part with `{path}`"), result, ErrorKind::InvalidInput)?;
        }
    }
    Ok(())
}

fn copy(tree: &Tree, from: &str, to: &str) -> Part {
    Part::Copy { tree: tree.clone(), from: from.to_owned(), to: to.to_owned() }
}

/// One file whose content is its path.
fn files(path: &str) -> Part {
    Part::Files(vec![File::regular(path, path.to_owned())])
}
