//! Images that a backend writes, found again by their names.

use bytes::Bytes;
use futures_lite::future;
use serde_json::Value;
use sha2::Digest as _;
use sha2::Sha256;

use crate::backend::EntryKind;
use crate::backend::ErrorKind;
use crate::backend::Exported;
use crate::backend::File;
use crate::backend::Image;
use crate::backend::ImagePlan;
use crate::backend::ImageRequest;
use crate::backend::Layer;
use crate::backend::LayerContent;
use crate::backend::LayerSource;
use crate::backend::Ownership;
use crate::backend::Parent;
use crate::backend::Select;
use crate::backend::Source;
use crate::backend::Tree;
use crate::backend::User;
use crate::conformance::Failure;
use crate::conformance::Outcome;
use crate::conformance::Target;
use crate::conformance::bench::USER;
use crate::conformance::cases::image::diff_ids;
use crate::conformance::failure::ensure;
use crate::conformance::failure::equal;
use crate::conformance::failure::refused;
use crate::digest::Digest;
use crate::image_name::ImageName;

cases! { export:
    gives_the_digests_that_are_found_again [Export],
    keeps_the_config_byte_for_byte [Export, ExactConfig],
    has_the_files_of_the_base_and_the_layers [Export],
    lets_a_later_layer_replace_what_an_earlier_one_has [Export],
    keeps_owners_modes_and_links [Export, Users],
    without_layers_has_those_of_the_base [Export],
    to_several_outputs_gives_one_image [Export],
    of_one_plan_twice_gives_one_image [Export],
    replaces_the_image_of_the_same_name [Export],
    lets_an_image_be_the_base_of_the_next [Export],
    lets_layers_be_used_again [Export, ExistingLayers],
    of_a_config_with_other_layers_is_refused [Export],
    to_an_unknown_transport_is_unsupported [Export],
    that_is_dropped_leaves_an_old_or_a_new_image [Export, ExactConfig],
}

async fn gives_the_digests_that_are_found_again(target: &Target) -> Outcome {
    let plan = plan(target, vec![file("/f", "1")]).await?;
    let exported = write_plan(target, "digests", &plan).await?;
    ensure(exported.manifest_size > 0, "the manifest has no bytes")?;
    let image = found(target, &exported).await?;
    equal("the image ID", sha256(&image.config), exported.image_id)?;
    equal("the digest of the manifest", image.digest, exported.digest)
}

async fn keeps_the_config_byte_for_byte(target: &Target) -> Outcome {
    let mut plan = plan(target, vec![file("/f", "1")]).await?;
    let config = String::from_utf8_lossy(&plan.config).into_owned();
    let odd = config.replacen('{', "{ \"org.example.unknown\" : [1.50, null, \"\\u003c\"],\n\t", 1);
    plan.config = Bytes::from(odd);
    let exported = write_plan(target, "config", &plan).await?;
    equal("the image ID", &exported.image_id, &sha256(&plan.config))?;
    equal("the config", found(target, &exported).await?.config, plan.config)
}

async fn has_the_files_of_the_base_and_the_layers(target: &Target) -> Outcome {
    let tree = target.tree(vec![File::regular("/d/f", "tree")]).await?;
    let exported = write(target, "files", vec![file("/x/f", "file"), layer(&tree, "/y")]).await?;
    let root = found(target, &exported).await?.root;
    equal("a layer of files", target.text(&root, "/x/f").await?, "file")?;
    equal("a layer of a tree", target.text(&root, "/y/d/f").await?, "tree")?;
    let probe = target.entry(&root, "/", Target::PROBE.trim_start_matches('/')).await?;
    equal("the file of the base", probe.kind, EntryKind::Regular)
}

async fn lets_a_later_layer_replace_what_an_earlier_one_has(target: &Target) -> Outcome {
    let exported =
        write(target, "replace", vec![file("/x/f", "1"), file("/x/g", "1"), file("/x/f", "2")]).await?;
    let root = found(target, &exported).await?.root;
    equal("the file of both", target.text(&root, "/x/f").await?, "2")?;
    equal("the file of one", target.text(&root, "/x/g").await?, "1")
}

async fn keeps_owners_modes_and_links(target: &Target) -> Outcome {
    let files = vec![File::regular("/bin/f", "1").with_mode(0o750), File::symlink("/bin/l", "f")];
    let tree = target.tree(files).await?;
    let above = Parent { path: "/above".to_owned(), owner: User::new(7, 8), mode: 0o711 };
    let content = LayerContent::Tree {
        tree,
        from: "/bin".to_owned(),
        to: "/above/bin".to_owned(),
        select: Select::Walk,
        ownership: Ownership { owner: USER, parents: vec![above] },
    };
    let exported = write(target, "owners", vec![content]).await?;
    let root = found(target, &exported).await?.root;
    let link = EntryKind::Symlink("f".to_owned());
    let expected = [
        ("/", "above", EntryKind::Directory, 0o711, User::new(7, 8)),
        ("/above", "bin", EntryKind::Directory, 0o755, USER),
        ("/above/bin", "f", EntryKind::Regular, 0o750, USER),
        ("/above/bin", "l", link, 0o777, USER),
    ];
    for (directory, name, kind, mode, owner) in expected {
        let entry = target.entry(&root, directory, name).await?;
        equal(name, (entry.kind, entry.mode, entry.owner), (kind, mode, owner))?;
    }
    Ok(())
}

async fn without_layers_has_those_of_the_base(target: &Target) -> Outcome {
    let base = target.image().await?;
    let exported = write(target, "bare", Vec::new()).await?;
    let image = found(target, &exported).await?;
    equal("the layers", diff_ids(&image.config)?, diff_ids(&base.config)?)?;
    equal("names", target.names(&image.root, "/").await?, target.names(&base.root, "/").await?)
}

async fn to_several_outputs_gives_one_image(target: &Target) -> Outcome {
    let plan = plan(target, vec![file("/f", "1")]).await?;
    let outputs = [output(target, "several-one")?, output(target, "several-two")?];
    let exported = target.backend.export(plan, &outputs).await?;
    let names: Vec<&ImageName> = exported.iter().map(|exported| &exported.output).collect();
    equal("outputs", names, outputs.iter().collect::<Vec<_>>())?;
    equal("the image IDs", &exported[0].image_id, &exported[1].image_id)?;
    for exported in &exported {
        equal("the digest", &found(target, exported).await?.digest, &exported.digest)?;
    }
    Ok(())
}

async fn of_one_plan_twice_gives_one_image(target: &Target) -> Outcome {
    let plan = plan(target, vec![file("/f", "1")]).await?;
    let one = write_plan(target, "twice", &plan).await?;
    equal("the image", write_plan(target, "twice", &plan).await?, one)
}

async fn replaces_the_image_of_the_same_name(target: &Target) -> Outcome {
    let old = write(target, "name", vec![file("/f", "old"), file("/only-old", "1")]).await?;
    let other = write(target, "other-name", vec![file("/f", "other")]).await?;
    let new = write(target, "name", vec![file("/f", "new")]).await?;
    ensure(old.digest != new.digest, "two images have one digest")?;
    let image = found(target, &new).await?;
    equal("the digest", &image.digest, &new.digest)?;
    equal("the file", target.text(&image.root, "/f").await?, "new")?;
    let names = target.names(&image.root, "/").await?;
    ensure(!names.contains(&"only-old".to_owned()), "a file of the old image is still there")?;
    equal("the digest of the other", found(target, &other).await?.digest, other.digest)
}

async fn lets_an_image_be_the_base_of_the_next(target: &Target) -> Outcome {
    let first = write(target, "first", vec![file("/f", "1")]).await?;
    let base = found(target, &first).await?;
    let plan = plan_on(target, base, vec![file("/g", "2")]).await?;
    let second = write_plan(target, "second", &plan).await?;
    let root = found(target, &second).await?.root;
    equal("the file of the first", target.text(&root, "/f").await?, "1")?;
    equal("the file of the second", target.text(&root, "/g").await?, "2")
}

async fn lets_layers_be_used_again(target: &Target) -> Outcome {
    let first = write(target, "reused", vec![file("/f", "unlike any other")]).await?;
    let image = found(target, &first).await?;
    let diff_id = diff_ids(&image.config)?.pop().ok_or_else(|| Failure::new("the image has no layers"))?;
    let source = Source::Layer { diff_id: diff_id.clone(), image: Some(image.clone()) };
    let tree = target.backend.load(source).await?;
    equal("names in the layer", target.names(&tree, "/").await?, ["f"])?;
    for image in [Some(image), None] {
        let existing = LayerContent::Existing { diff_id: diff_id.clone(), image };
        let second = write(target, "reusing", vec![existing]).await?;
        let root = found(target, &second).await?.root;
        equal("the file", target.text(&root, "/f").await?, "unlike any other")?;
    }
    Ok(())
}

async fn of_a_config_with_other_layers_is_refused(target: &Target) -> Outcome {
    let right = plan(target, vec![file("/f", "1")]).await?;
    let wrong = [
        target.image().await?.config,
        config(&right.base, &[])?,
        config(&right.base, &[right.layers[0].clone(), right.layers[0].clone()])?,
        Bytes::from_static(b"{}"),
        Bytes::from_static(b"not json"),
    ];
    let name = output(target, "refused")?;
    for config in wrong {
        let plan = ImagePlan { config, ..right.clone() };
        let result = target.backend.export(plan, std::slice::from_ref(&name)).await;
        refused("the image", result, ErrorKind::InvalidInput)?;
    }
    let result = target.backend.resolve(ImageRequest::new(name)).await;
    refused("an image that was refused", result, ErrorKind::NotFound)
}

async fn to_an_unknown_transport_is_unsupported(target: &Target) -> Outcome {
    let plan = plan(target, Vec::new()).await?;
    let name = ImageName::Other { transport: "no-such-transport".to_owned(), rest: "x".to_owned() };
    refused("the image", target.backend.export(plan, &[name]).await, ErrorKind::Unsupported)
}

async fn that_is_dropped_leaves_an_old_or_a_new_image(target: &Target) -> Outcome {
    let old = write(target, "dropped", vec![file("/f", "old")]).await?;
    let plan = plan(target, vec![file("/f", "new")]).await?;
    let name = std::slice::from_ref(&old.output);
    let new = sha256(&plan.config);
    drop(future::poll_once(target.backend.export(plan, name)).await);
    let image = found(target, &old).await?;
    let id = sha256(&image.config);
    ensure(id == old.image_id || id == new, "the config is neither the old nor the new one")?;
    let expected = if id == new { "new" } else { "old" };
    equal("the file", target.text(&image.root, "/f").await?, expected)
}

/// Writes an image of these layers on the root image.
pub(super) async fn write(
    target: &Target,
    name: &str,
    layers: Vec<LayerContent>,
) -> Result<Exported, Failure> {
    write_plan(target, name, &plan(target, layers).await?).await
}

/// A layer with all of a tree, which root owns.
pub(super) fn layer(tree: &Tree, to: &str) -> LayerContent {
    LayerContent::Tree {
        tree: tree.clone(),
        from: "/".to_owned(),
        to: to.to_owned(),
        select: Select::Walk,
        ownership: Ownership { owner: User::ROOT, parents: Vec::new() },
    }
}

fn file(path: &str, content: &str) -> LayerContent {
    LayerContent::Files(vec![File::regular(path, content.to_owned())])
}

async fn write_plan(target: &Target, name: &str, plan: &ImagePlan) -> Result<Exported, Failure> {
    let name = output(target, name)?;
    let mut exported = target.backend.export(plan.clone(), std::slice::from_ref(&name)).await?;
    equal("how many images", exported.len(), 1)?;
    let exported = exported.remove(0);
    equal("the output", &exported.output, &name)?;
    Ok(exported)
}

async fn plan(target: &Target, layers: Vec<LayerContent>) -> Result<ImagePlan, Failure> {
    plan_on(target, target.image().await?, layers).await
}

async fn plan_on(target: &Target, base: Image, layers: Vec<LayerContent>) -> Result<ImagePlan, Failure> {
    let sources = layers.into_iter().enumerate();
    let sources = sources.map(|(index, content)| LayerSource::new(format!("layer {index}"), content));
    let layers = target.backend.finalize(sources.collect()).await?;
    let config = config(&base, &layers)?;
    Ok(ImagePlan::new(base, layers, config))
}

/// The config of the base with more layers.
fn config(base: &Image, layers: &[Layer]) -> Result<Bytes, Failure> {
    let invalid = |error| Failure::new(format!("the config of the base cannot be read: {error}"));
    let mut config: Value = serde_json::from_slice(&base.config).map_err(invalid)?;
    let named = diff_ids(&base.config)?.into_iter().chain(layers.iter().map(|layer| layer.diff_id.clone()));
    config["rootfs"]["diff_ids"] = named.map(|diff_id| Value::String(diff_id.into())).collect();
    // It has an entry per layer; without any it is optional.
    config.as_object_mut().map(|fields| fields.shift_remove("history"));
    Ok(config.to_string().into())
}

fn output(target: &Target, name: &str) -> Result<ImageName, Failure> {
    let output = target.output.as_ref().ok_or_else(|| Failure::new("the target names no outputs"))?;
    Ok(output(name))
}

/// The image, found by its name.
async fn found(target: &Target, exported: &Exported) -> Result<Image, Failure> {
    Ok(target.backend.resolve(ImageRequest::new(exported.output.clone())).await?)
}

fn sha256(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}
