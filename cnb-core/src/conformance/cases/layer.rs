//! Image layers out of trees and files.

use crate::backend::ErrorKind;
use crate::backend::File;
use crate::backend::LayerContent;
use crate::backend::LayerPart;
use crate::backend::LayerSource;
use crate::backend::MountKind;
use crate::backend::Ownership;
use crate::backend::Parent;
use crate::backend::Select;
use crate::backend::Tree;
use crate::backend::User;
use crate::conformance::Failure;
use crate::conformance::Outcome;
use crate::conformance::Target;
use crate::conformance::bench::USER;
use crate::conformance::failure::ensure;
use crate::conformance::failure::equal;
use crate::conformance::failure::refused;
use crate::digest::DiffId;
use crate::event::NoEvents;

cases! { layer:
    come_in_order_with_their_ids,
    has_the_same_digest_every_time,
    has_the_digest_of_its_content_however_it_was_made,
    has_another_digest_when_anything_differs,
    has_the_owners_it_is_told [Users],
    has_another_digest_for_another_owner,
    has_its_place_in_its_digest,
    of_a_walk_goes_depth_first,
    of_sorted_paths_goes_by_whole_paths,
    of_paths_has_these_in_this_order [OrderedLayers],
    of_paths_does_not_enter_directories,
    of_files_has_these_in_this_order [OrderedLayers],
    with_the_expected_digest_is_the_same_layer,
    that_a_step_foretells_is_that_of_the_tree_it_leaves,
    that_a_chain_foretells_is_that_of_the_tree_all_of_it_leaves,
    of_an_archive_is_that_of_its_directory [ArchivedLayers],
    that_exists_is_used_as_it_is [ExistingLayers],
    that_does_not_exist_is_not_found [ExistingLayers],
    of_a_path_that_does_not_exist_is_not_found,
}

async fn come_in_order_with_their_ids(target: &Target) -> Outcome {
    let sources = ["b", "a", "c"].map(|id| LayerSource::new(id, file_content("/f", id)));
    let layers = target.backend.finalize(sources.to_vec()).await?;
    let ids: Vec<&str> = layers.iter().map(|layer| layer.id.as_str()).collect();
    equal("ids", ids, ["b", "a", "c"])?;
    let single = diff_id(target, file_content("/f", "a")).await?;
    equal("the digest of the second", &layers[1].diff_id, &single)
}

async fn has_the_same_digest_every_time(target: &Target) -> Outcome {
    let tree = sample(target).await?;
    let one = diff_id(target, walk(&tree)).await?;
    let two = diff_id(target, walk(&sample(target).await?)).await?;
    equal("the digest", one, two)
}

async fn has_the_digest_of_its_content_however_it_was_made(target: &Target) -> Outcome {
    let tree = target.tree(Vec::new()).await?;
    let commands = "write /out/a-b 2 -- sleep 20 -- mkdir /out/a -- write /out/a/f 1 -- symlink a/f /out/l";
    let ran = target.succeed(target.step(commands).await?.with_mount("/out", MountKind::InOut(tree))).await?;
    let by_step = diff_id(target, walk(ran.tree("/out")?)).await?;
    equal("the digest", by_step, diff_id(target, walk(&sample(target).await?)).await?)
}

async fn has_another_digest_when_anything_differs(target: &Target) -> Outcome {
    let variants = [
        vec![File::regular("/f", "1")],
        vec![File::regular("/f", "2")],
        vec![File::regular("/g", "1")],
        vec![File::regular("/f", "1").with_mode(0o755)],
        vec![File::symlink("/f", "1")],
        vec![File::symlink("/f", "2")],
        vec![File::directory("/f")],
        vec![File::directory("/f").with_mode(0o700)],
        vec![],
    ];
    let mut digests = Vec::new();
    for files in variants {
        let digest = diff_id(target, walk(&target.tree(files).await?)).await?;
        ensure(!digests.contains(&digest), format!("variant {} has a digest of before", digests.len()))?;
        digests.push(digest);
    }
    Ok(())
}

async fn has_the_owners_it_is_told(target: &Target) -> Outcome {
    let owned = |owner: User| vec![File::regular("/f", "1").with_owner(owner)];
    let one = target.tree(owned(User::ROOT)).await?;
    let two = target.tree(owned(USER)).await?;
    equal("the digest", diff_id(target, walk(&one)).await?, diff_id(target, walk(&two)).await?)
}

async fn has_another_digest_for_another_owner(target: &Target) -> Outcome {
    let tree = sample(target).await?;
    let parent = |owner, mode| vec![Parent { path: "/layers".to_owned(), owner, mode }];
    let variants = [
        Ownership { owner: USER, parents: Vec::new() },
        Ownership { owner: User::new(1001, 7), parents: Vec::new() },
        Ownership { owner: USER, parents: parent(USER, 0o755) },
        Ownership { owner: USER, parents: parent(USER, 0o700) },
    ];
    let mut digests = Vec::new();
    for ownership in variants {
        let content = content(&tree, "/", "/layers/l", Select::Walk, ownership);
        let digest = diff_id(target, content).await?;
        ensure(!digests.contains(&digest), format!("variant {} has a digest of before", digests.len()))?;
        digests.push(digest);
    }
    Ok(())
}

async fn has_its_place_in_its_digest(target: &Target) -> Outcome {
    let tree = target.tree(vec![File::regular("/d/f", "1"), File::regular("/e/f", "1")]).await?;
    let at = |from, to| content(&tree, from, to, Select::Walk, owned());
    let one = diff_id(target, at("/d", "/x")).await?;
    equal("the same files from elsewhere", &diff_id(target, at("/e", "/x")).await?, &one)?;
    ensure(diff_id(target, at("/d", "/y")).await? != one, "the digest does not depend on the place")
}

async fn of_a_walk_goes_depth_first(target: &Target) -> Outcome {
    let tree = sample(target).await?;
    let listed = paths(&tree, &[".", "a", "a/f", "a-b", "l"]);
    equal("the digest", diff_id(target, walk(&tree)).await?, diff_id(target, listed).await?)
}

async fn of_sorted_paths_goes_by_whole_paths(target: &Target) -> Outcome {
    let tree = sample(target).await?;
    let sorted = content(&tree, "/", "/x", Select::Sorted, owned());
    let listed = paths(&tree, &[".", "a", "a-b", "a/f", "l"]);
    equal("the digest", diff_id(target, sorted).await?, diff_id(target, listed).await?)
}

async fn of_paths_has_these_in_this_order(target: &Target) -> Outcome {
    let tree = sample(target).await?;
    let forward = diff_id(target, paths(&tree, &["a", "a-b"])).await?;
    let backward = diff_id(target, paths(&tree, &["a-b", "a"])).await?;
    ensure(forward != backward, "the order of the paths does not show")
}

async fn of_paths_does_not_enter_directories(target: &Target) -> Outcome {
    let tree = sample(target).await?;
    let named = diff_id(target, paths(&tree, &["a", "a-b"])).await?;
    let other = vec![File::directory("/a"), File::regular("/a-b", "2")];
    let other = target.tree(other).await?;
    equal("a directory is not entered", diff_id(target, paths(&other, &["a", "a-b"])).await?, named)
}

async fn of_files_has_these_in_this_order(target: &Target) -> Outcome {
    let (a, b) = (File::regular("/a", "1"), File::regular("/b", "2"));
    let forward = diff_id(target, LayerContent::Files(vec![a.clone(), b.clone()])).await?;
    let backward = diff_id(target, LayerContent::Files(vec![b.clone(), a.clone()])).await?;
    ensure(forward != backward, "the order of the files does not show")?;
    let with_root = vec![File::directory("/"), a, b];
    let with_root = diff_id(target, LayerContent::Files(with_root)).await?;
    ensure(forward != with_root, "there are entries that were not given")
}

async fn with_the_expected_digest_is_the_same_layer(target: &Target) -> Outcome {
    let tree = sample(target).await?;
    let expected = diff_id(target, walk(&tree)).await?;
    for wrong in [expected.clone(), DiffId::from_bytes([9; 32])] {
        let source = LayerSource::new("again", walk(&tree)).with_expected(wrong);
        let layers = target.backend.finalize(vec![source]).await?;
        equal("the digest", &layers[0].diff_id, &expected)?;
    }
    Ok(())
}

async fn that_a_step_foretells_is_that_of_the_tree_it_leaves(target: &Target) -> Outcome {
    let tree = target.tree(Vec::new()).await?;
    let commands = "write /out/a-b 2 -- mkdir /out/a -- write /out/a/f 1 -- symlink a/f /out/l";
    let step = target.step(commands).await?.with_mount("/out", MountKind::InOut(tree));
    let ran = target.succeed(step.with_layer("/out", whole()).with_layer("/nowhere", whole())).await?;
    let (left, same) = (ran.tree("/out")?, sample(target).await?);
    equal("the digest", diff_id(target, walk(left)).await?, diff_id(target, walk(&same)).await?)?;
    let part = |tree: &Tree| content(tree, "/a", "/x", Select::Walk, owned());
    let digest = diff_id(target, part(left)).await?;
    equal("the digest of another part", digest, diff_id(target, part(&same)).await?)
}

async fn that_a_chain_foretells_is_that_of_the_tree_all_of_it_leaves(target: &Target) -> Outcome {
    let tree = target.tree(Vec::new()).await?;
    let one = target.step("write /out/a-b 2 -- mkdir /out/a").await?;
    let one = one.with_mount("/out", MountKind::InOut(tree)).with_layer("/out", whole());
    let two = target.step("write /out/a/f 1 -- symlink a/f /out/l").await?;
    let two = two.with_mount("/out", MountKind::Carried);
    let left = target.backend.run_chain(vec![one, two], &NoEvents).await?;
    let tree = left.outputs.get("/out").ok_or_else(|| Failure::new("the chain left no tree".to_owned()))?;
    let expected = diff_id(target, walk(&sample(target).await?)).await?;
    equal("the digest", diff_id(target, walk(tree)).await?, expected)
}

async fn of_an_archive_is_that_of_its_directory(target: &Target) -> Outcome {
    let archive = [
        header("x/", b'5', 0o755, "", 0),
        header("x/a/", b'5', 0o755, "", 0),
        header("x/a/f", b'0', 0o644, "", 1),
        block(b"1"),
        header("x/a-b", b'0', 0o644, "", 1),
        block(b"2"),
        header("x/l", b'2', 0o777, "a/f", 0),
        [0; 1024].to_vec(),
    ];
    let tree = target.tree(vec![File::regular("/d/archive", archive.concat())]).await?;
    let layer = content(&tree, "/d/archive", "/x", Select::Walk, owned());
    let digest = diff_id(target, layer).await?;
    equal("the digest", digest, diff_id(target, walk(&sample(target).await?)).await?)?;
    let broken = target.tree(vec![File::regular("/archive", "no tar")]).await?;
    let layer = content(&broken, "/archive", "/x", Select::Walk, owned());
    ensure(diff_id(target, layer).await.is_err(), "what is no archive became a layer")
}

async fn that_exists_is_used_as_it_is(target: &Target) -> Outcome {
    let image = target.image().await?;
    for diff_id in super::image::diff_ids(&image.config)? {
        let content = LayerContent::Existing { diff_id: diff_id.clone(), image: Some(image.clone()) };
        let layers = target.backend.finalize(vec![LayerSource::new("old", content)]).await?;
        equal("the digest", &layers[0].diff_id, &diff_id)?;
        ensure(layers[0].reused, "the layer was not reused")?;
    }
    Ok(())
}

async fn that_does_not_exist_is_not_found(target: &Target) -> Outcome {
    for image in [None, Some(target.image().await?)] {
        let content = LayerContent::Existing { diff_id: DiffId::from_bytes([8; 32]), image };
        let result = target.backend.finalize(vec![LayerSource::new("missing", content)]).await;
        refused("the layer", result, ErrorKind::NotFound)?;
    }
    Ok(())
}

async fn of_a_path_that_does_not_exist_is_not_found(target: &Target) -> Outcome {
    let tree = sample(target).await?;
    let missing = content(&tree, "/missing", "/x", Select::Walk, owned());
    for content in [missing, paths(&tree, &[".", "missing"])] {
        let result = target.backend.finalize(vec![LayerSource::new("missing", content)]).await;
        refused("the layer", result, ErrorKind::NotFound)?;
    }
    Ok(())
}

/// Files whose order differs between a walk and their sorted paths.
async fn sample(target: &Target) -> Result<Tree, Failure> {
    let files = vec![
        File::regular("/a/f", "1").with_mode(0o644),
        File::regular("/a-b", "2").with_mode(0o644),
        File::symlink("/l", "a/f"),
    ];
    target.tree(files).await
}

/// The diffID that a layer gets.
pub(super) async fn diff_id(target: &Target, content: LayerContent) -> Result<DiffId, Failure> {
    let mut layers = target.backend.finalize(vec![LayerSource::new("layer", content)]).await?;
    equal("how many layers", layers.len(), 1)?;
    Ok(layers.remove(0).diff_id)
}

/// A part of a tree.
pub(super) fn content(
    tree: &Tree,
    from: &str,
    to: &str,
    select: Select,
    ownership: Ownership,
) -> LayerContent {
    LayerContent::Tree { tree: tree.clone(), from: from.to_owned(), to: to.to_owned(), select, ownership }
}

/// The header of an entry of a tar.
fn header(name: &str, kind: u8, mode: u32, link: &str, size: usize) -> Vec<u8> {
    let mut header = vec![0; 512];
    let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    put(0, name.as_bytes());
    put(100, format!("{mode:07o}").as_bytes());
    put(108, b"0000000");
    put(116, b"0000000");
    put(124, format!("{size:011o}").as_bytes());
    put(136, b"00000000001");
    put(148, b"        ");
    put(156, &[kind]);
    put(157, link.as_bytes());
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().copied().map(u32::from).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header
}

/// A content of at most 512 bytes.
fn block(content: &[u8]) -> Vec<u8> {
    let mut block = content.to_vec();
    block.resize(512, 0);
    block
}

fn walk(tree: &Tree) -> LayerContent {
    whole().of(tree.clone())
}

fn whole() -> LayerPart {
    LayerPart { from: "/".to_owned(), to: "/x".to_owned(), select: Select::Walk, ownership: owned() }
}

fn paths(tree: &Tree, paths: &[&str]) -> LayerContent {
    let paths = paths.iter().map(|&path| path.to_owned()).collect();
    content(tree, "/", "/x", Select::Paths(paths), owned())
}

fn file_content(path: &str, content: &str) -> LayerContent {
    LayerContent::Files(vec![File::regular(path, content.to_owned())])
}

/// All belongs to [`USER`], without directories above.
pub(super) fn owned() -> Ownership {
    Ownership { owner: USER, parents: Vec::new() }
}
