//! The layers of a builder. Paths are those of a stock builder.

use cnb_core::backend::File;
use cnb_core::backend::LayerContent;
use cnb_core::backend::LayerSource;
use cnb_core::backend::Ownership;
use cnb_core::backend::Parent;
use cnb_core::backend::Select;
use cnb_core::backend::Tree;
use cnb_core::backend::User;
use cnb_core::buildpack::order::Order;
use cnb_core::buildpack::order::OrderGroup;
use cnb_core::encode::go_toml;
use cnb_core::labels::lifecycle::RunImageNames;
use serde::Serialize;

use super::buildpack::Buildpack;
use super::lifecycle::Lifecycle;

/// Directories that builds write to belong to their user, all others to root.
pub(super) fn directories(user: User) -> LayerSource {
    let written = ["/workspace", "/layers"].map(|path| File::directory(path).with_owner(user));
    let read = [
        "/cnb",
        "/cnb/buildpacks",
        "/cnb/extensions",
        "/platform",
        "/platform/env",
        "/cnb/build-config",
        "/cnb/build-config/env",
    ];
    let files = written.into_iter().chain(read.map(File::directory)).collect();
    LayerSource::new("directories", LayerContent::Files(files))
}

pub(super) fn lifecycle(lifecycle: &Lifecycle) -> LayerSource {
    tree("lifecycle".to_owned(), &lifecycle.tree, "/cnb/lifecycle".to_owned(), &["/cnb"])
}

pub(super) fn buildpack(buildpack: &Buildpack) -> LayerSource {
    let directory = format!("/cnb/buildpacks/{}", buildpack.id.escape());
    let to = format!("{directory}/{}", buildpack.descriptor.buildpack.version);
    tree(buildpack.name(), &buildpack.tree, to, &["/cnb", "/cnb/buildpacks", &directory])
}

/// order.toml, run.toml, the older stack.toml, and the variables of all builds.
pub(super) fn configuration(
    order: &[OrderGroup],
    run_images: &[RunImageNames],
    build_env: &[(String, String)],
) -> LayerSource {
    let order = Order { order: order.to_vec(), order_extensions: Vec::new() };
    let stack = Stack { run_image: run_images.first().cloned().unwrap_or_default() };
    let mut files = vec![
        File::regular("/cnb/order.toml", text(&order)),
        File::regular("/cnb/run.toml", text(&Run { images: run_images })),
        File::regular("/cnb/stack.toml", text(&stack)),
    ];
    let variable = |(name, value): &(String, String)| {
        File::regular(format!("/cnb/build-config/env/{name}"), value.clone())
    };
    files.extend(build_env.iter().map(variable));
    files.sort_by(|one, other| one.path.cmp(&other.path));
    LayerSource::new("configuration", LayerContent::Files(files))
}

#[derive(Serialize)]
struct Run<'a> {
    images: &'a [RunImageNames],
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Stack {
    run_image: RunImageNames,
}

fn text(document: &impl Serialize) -> String {
    go_toml::to_string(document).expect("texts, lists and tables can be written")
}

fn tree(id: String, tree: &Tree, to: String, parents: &[&str]) -> LayerSource {
    let parent = |path: &&str| Parent { path: (*path).to_owned(), owner: User::ROOT, mode: 0o755 };
    let ownership = Ownership { owner: User::ROOT, parents: parents.iter().map(parent).collect() };
    let (tree, from) = (tree.clone(), "/".to_owned());
    LayerSource::new(id, LayerContent::Tree { tree, from, to, select: Select::Walk, ownership })
}
