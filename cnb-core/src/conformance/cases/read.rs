//! Looking into trees.

use crate::backend::Entry;
use crate::backend::EntryKind;
use crate::backend::ErrorKind;
use crate::backend::File;
use crate::backend::Tree;
use crate::conformance::Failure;
use crate::conformance::Outcome;
use crate::conformance::Target;
use crate::conformance::bench::USER;
use crate::conformance::failure::ensure;
use crate::conformance::failure::equal;
use crate::conformance::failure::refused;

cases! { read:
    gives_the_bytes_of_a_file,
    follows_links_inside_the_tree,
    does_not_leave_the_tree_through_links,
    of_a_circle_of_links_is_an_error,
    of_what_is_not_there_is_not_found,
    of_a_directory_is_refused,
    of_a_path_that_climbs_is_refused,
    lists_names_in_byte_order,
    lists_kinds_modes_and_sizes,
    lists_owners [Users],
    lists_behind_a_link,
    lists_only_directories,
}

async fn gives_the_bytes_of_a_file(target: &Target) -> Outcome {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let tree = target.tree(vec![File::regular("/d/bin", bytes.clone()), File::regular("/empty", "")]).await?;
    let read = target.backend.read(&tree, "/d/bin").await?;
    ensure(read == bytes, "the bytes are not those of the file")?;
    equal("an empty file", target.text(&tree, "/empty").await?, "")
}

async fn follows_links_inside_the_tree(target: &Target) -> Outcome {
    let tree = linked(target).await?;
    for path in ["/relative", "/absolute", "/chain", "/directory/f"] {
        equal(path, target.text(&tree, path).await?, "inside")?;
    }
    Ok(())
}

async fn does_not_leave_the_tree_through_links(target: &Target) -> Outcome {
    let tree = linked(target).await?;
    // `..` at the root stays there, as in a container.
    equal("a link above the root", target.text(&tree, "/above").await?, "inside")?;
    equal("a directory above the root", target.text(&tree, "/up/d/f").await?, "inside")?;
    for path in ["/passwd", "/up/etc/passwd", "/up/proc/version"] {
        refused(path, target.backend.read(&tree, path).await, ErrorKind::NotFound)?;
    }
    refused("a list", target.backend.list(&tree, "/up/proc").await, ErrorKind::NotFound)
}

async fn of_a_circle_of_links_is_an_error(target: &Target) -> Outcome {
    let files = vec![File::symlink("/a", "b"), File::symlink("/b", "/a"), File::symlink("/self", "self/x")];
    let tree = target.tree(files).await?;
    for path in ["/a", "/b/c", "/self"] {
        let result = target.backend.read(&tree, path).await;
        ensure(result.is_err(), format!("{path} was read: {result:?}"))?;
    }
    Ok(())
}

async fn of_what_is_not_there_is_not_found(target: &Target) -> Outcome {
    let tree = target.tree(vec![File::symlink("/dangling", "nowhere")]).await?;
    for path in ["/missing", "/missing/file", "/dangling"] {
        refused(path, target.backend.read(&tree, path).await, ErrorKind::NotFound)?;
        refused(path, target.backend.list(&tree, path).await, ErrorKind::NotFound)?;
    }
    Ok(())
}

async fn of_a_directory_is_refused(target: &Target) -> Outcome {
    let tree = target.tree(vec![File::directory("/d"), File::symlink("/l", "d")]).await?;
    for path in ["/", "/d", "/l"] {
        refused(path, target.backend.read(&tree, path).await, ErrorKind::InvalidInput)?;
    }
    Ok(())
}

async fn of_a_path_that_climbs_is_refused(target: &Target) -> Outcome {
    let tree = linked(target).await?;
    for path in ["d/f", "", "../d/f", "/d/../d/f", "/../d/f", "/d/./f"] {
        refused(path, target.backend.read(&tree, path).await, ErrorKind::InvalidInput)?;
        refused(path, target.backend.list(&tree, path).await, ErrorKind::InvalidInput)?;
    }
    Ok(())
}

async fn lists_names_in_byte_order(target: &Target) -> Outcome {
    let names = [".hidden", "A", "a", "a b", "a-b", "a.b", "aa", "é"];
    let files = names.iter().rev().map(|name| File::regular(format!("/{name}"), "")).collect();
    let tree = target.tree(files).await?;
    equal("names", target.names(&tree, "/").await?, names)
}

async fn lists_kinds_modes_and_sizes(target: &Target) -> Outcome {
    let files = vec![
        File::directory("/d").with_mode(0o1770),
        File::regular("/f", "12345").with_mode(0o4751),
        File::regular("/g", "").with_mode(0o600),
        File::symlink("/l", "../f"),
    ];
    let tree = target.tree(files).await?;
    let expected = [
        ("d", EntryKind::Directory, 0o1770, 0),
        ("f", EntryKind::Regular, 0o4751, 5),
        ("g", EntryKind::Regular, 0o600, 0),
        ("l", EntryKind::Symlink("../f".to_owned()), 0o777, 0),
    ];
    let entries = target.backend.list(&tree, "/").await?;
    let entries: Vec<_> =
        entries.into_iter().map(|Entry { name, kind, mode, size, .. }| (name, kind, mode, size)).collect();
    let expected: Vec<_> =
        expected.into_iter().map(|(name, kind, mode, size)| (name.to_owned(), kind, mode, size)).collect();
    equal("entries", entries, expected)
}

async fn lists_owners(target: &Target) -> Outcome {
    let files = vec![
        File::regular("/above/f", "").with_owner(USER),
        File::symlink("/l", "f").with_owner(USER),
        File::directory("/roots"),
    ];
    let tree = target.tree(files).await?;
    for (directory, name, uid) in
        [("/", "above", 0), ("/above", "f", 1001), ("/", "l", 1001), ("/", "roots", 0)]
    {
        equal(name, target.entry(&tree, directory, name).await?.owner.uid, uid)?;
    }
    Ok(())
}

async fn lists_behind_a_link(target: &Target) -> Outcome {
    equal("names", target.names(&linked(target).await?, "/directory").await?, ["f"])
}

async fn lists_only_directories(target: &Target) -> Outcome {
    let tree = target.tree(vec![File::regular("/f", "1"), File::directory("/empty")]).await?;
    equal("names in an empty directory", target.names(&tree, "/empty").await?, [""; 0])?;
    refused("a file", target.backend.list(&tree, "/f").await, ErrorKind::InvalidInput)
}

/// A file `/d/f` and links of all kinds, some of which would leave the tree if it were not a root.
async fn linked(target: &Target) -> Result<Tree, Failure> {
    let files = vec![
        File::regular("/d/f", "inside"),
        File::symlink("/relative", "d/f"),
        File::symlink("/absolute", "/d/f"),
        File::symlink("/chain", "relative"),
        File::symlink("/directory", "./d"),
        File::symlink("/above", "../../../d/f"),
        File::symlink("/up", "../../../../../../../.."),
        File::symlink("/passwd", "/etc/passwd"),
    ];
    target.tree(files).await
}
