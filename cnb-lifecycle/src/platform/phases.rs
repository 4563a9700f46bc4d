//! The phases that run in containers of the builder.

use cnb_core::backend::Backend;
use cnb_core::backend::CacheId;
use cnb_core::backend::File;
use cnb_core::backend::MountKind;
use cnb_core::backend::Part;
use cnb_core::backend::Select;
use cnb_core::backend::Source;
use cnb_core::backend::Step;
use cnb_core::backend::Tree;
use cnb_core::backend::User;

use cnb_core::buildpack::group::Group;

use super::BuildRequest;
use super::SharedCache;
use super::builder::Builder;
use super::error::During as _;
use super::error::Error;
use super::export::app_layer;
use super::previous::Previous;
use super::previous::SBOM_DIR;
use super::step::APP_DIR;
use super::step::Containers;
use super::step::LAYERS_DIR;
use super::step::layers_tree;
use super::step::output;
use crate::phase::finish_detection::EXTENSIONS;
use crate::phase::finish_detection::sorted_plan;

pub(super) const ANALYZED: &str = "/layers/analyzed.toml";
const GROUP: &str = "/layers/group.toml";
const ORDER: &str = "/layers/order.toml";
const PLAN: &str = "/layers/plan.toml";
const CACHE_DIR: &str = "/cache";
const SHARED_CACHE_DIR: &str = "/shared-cache";
const LAUNCH_CACHE_DIR: &str = "/launch-cache";
const PREVIOUS_DIR: &str = "/previous-image";
/// A run.toml that declares nothing.
const NO_RUN_IMAGES: &str = "/dev/null";
const TOOL_DIR: &str = "/cnb-tool";
/// The step that keeps layers for the next build.
pub(super) const SAVE_CACHE: &str = "cache";

/// What detection found out, as the files that the next phases read.
#[derive(Clone, Debug)]
pub(super) struct Detected {
    /// group.toml.
    pub(super) group: Group,
    /// plan.toml, its entries in a fixed order.
    pub(super) plan: String,
}

impl Detected {
    /// The files, where the phases have them.
    pub(super) async fn tree(&self, backend: &dyn Backend) -> Result<Tree, Error> {
        let files = vec![File::regular(GROUP, self.group.to_toml()), File::regular(PLAN, self.plan.clone())];
        backend.load(Source::Files(files)).await.during("lay out what detection found")
    }
}

/// Trees of a build on its way.
#[derive(Clone, Debug)]
pub(super) struct Trees {
    /// `<app>`.
    pub(super) app: Tree,
    /// `<layers>`.
    pub(super) layers: Tree,
}

impl Trees {
    /// Both, where the phases have them.
    pub(super) async fn whole(self, backend: &dyn Backend) -> Result<Tree, Error> {
        let part = |tree, to: &str| Part::Copy { tree, from: "/".to_owned(), to: to.to_owned() };
        let parts = vec![part(self.app, APP_DIR), part(self.layers, LAYERS_DIR)];
        backend.compose(parts).await.during("lay out what the buildpacks left")
    }
}

/// Brings the application in, as the build user will see it.
pub(super) async fn load_app(
    backend: &dyn Backend,
    request: &BuildRequest,
    builder: &Builder,
) -> Result<Tree, Error> {
    let source = match request.app.clone() {
        Source::Directory { path, filter, .. } => Source::Directory { path, filter, owner: builder.user },
        Source::Context { name, files, .. } => Source::Context { name, files, owner: builder.user },
        Source::Files(files) => Source::Files(owned(files, builder.user)),
        other => other,
    };
    backend.load(source).await.during("load the application")
}

/// The files of the application, its directory included, as those of `user`.
fn owned(files: Vec<File>, user: User) -> Vec<File> {
    let root = File::directory("/");
    std::iter::once(root).chain(files).map(|file| file.with_owner(user)).collect()
}

/// `<layers>` before detection.
pub(super) async fn layers_to_detect(
    backend: &dyn Backend,
    builder: &Builder,
    analyzed: &str,
    order: Option<&str>,
    sbom: Option<Tree>,
) -> Result<Tree, Error> {
    let mut files = vec![File::regular("/analyzed.toml", analyzed.to_owned())];
    files.extend(order.map(|order| File::regular("/order.toml", order.to_owned())));
    layers_tree(backend, builder, sbom.map(sbom_part).into_iter().collect(), files).await
}

/// The step that asks the buildpacks which of them take part.
pub(super) fn detector(
    containers: &Containers<'_>,
    request: &BuildRequest,
    builder: &Builder,
    trees: Trees,
) -> Step {
    let mut args = vec!["-app", APP_DIR, "-layers", LAYERS_DIR, "-platform", "/platform"];
    args.extend(["-group", GROUP, "-plan", PLAN]);
    if request.order.is_some() {
        args.extend(["-order", ORDER]);
    }
    if builder.platform_api.has_extensions() {
        args.extend(["-analyzed", ANALYZED]);
    }
    // What bin/detect writes to the application is forgotten: detection finds out, building changes.
    containers
        .of_buildpacks("detect", "detector", &args)
        .with_title("find out which buildpacks take part")
        .with_cwd(APP_DIR)
        .with_mount(APP_DIR, MountKind::InOut(trees.app))
        .with_mount(LAYERS_DIR, MountKind::InOut(trees.layers))
}

/// Runs that step.
pub(super) async fn detect(
    backend: &dyn Backend,
    containers: &Containers<'_>,
    detector: Step,
) -> Result<Detected, Error> {
    let layers = output(containers.run("detect", detector).await?, LAYERS_DIR);
    let group = group(backend, &layers).await?;
    let plan = text(backend, &layers, "/plan.toml", "detect").await?;
    let plan = sorted_plan(&plan).map_err(|source| Error::Document {
        path: "/layers/plan.toml",
        phase: "detect",
        source: Box::new(source),
    })?;
    Ok(Detected { group, plan })
}

/// The steps that detect and then do the work of [`builders`], all in one container.
pub(super) async fn detect_and_build(
    backend: &dyn Backend,
    containers: &Containers<'_>,
    request: &BuildRequest,
    builder: &Builder,
    previous: &Previous,
    trees: Trees,
) -> Result<Vec<Step>, Error> {
    let tool = load_tool(backend, request).await?;
    let finish = Tools { containers, tool: tool.clone() }
        .step("detect-finish", "detect-finish", &["-plan", PLAN])
        .with_mount(LAYERS_DIR, MountKind::Carried);
    let mut steps = vec![detector(containers, request, builder, trees.clone()), finish];
    let mut builders = builders(backend, containers, request, builder, previous, trees, Some(tool)).await?;
    for step in &mut builders {
        carry(step, LAYERS_DIR);
    }
    steps.append(&mut builders);
    Ok(steps)
}

/// Whether a chain of those steps ended because a group has extensions.
pub(super) fn has_extensions(error: &Error) -> bool {
    matches!(error, Error::Phase { code, .. } if *code == i32::from(EXTENSIONS))
}

/// The steps that give the layers back that the buildpacks may use again, lets the buildpacks build, and keeps what the next build
/// may use again: one piece of work, as what a backend keeps of a step must not depend on what was in a cache.
///
/// A backend that has layers by their diffIDs takes those that buildpacks keep without contents from the last image
/// when it exports. Any other needs their contents here: out of the root of the previous image, or of a cache of their
/// own.
pub(super) async fn builders(
    backend: &dyn Backend,
    containers: &Containers<'_>,
    request: &BuildRequest,
    builder: &Builder,
    previous: &Previous,
    trees: Trees,
    tool: Option<Tree>,
) -> Result<Vec<Step>, Error> {
    let needs_contents = !backend.capabilities().existing_layers;
    let is_first = previous.image.is_none();
    let saves = request.cache.as_ref().filter(|_| !request.cache_read_only);
    let completes = needs_contents && (request.cache.is_some() || !is_first);
    let can_share = backend.capabilities().shared_cache_mounts;
    let shared = request.shared_cache.as_ref().filter(|_| can_share);
    if request.shared_cache.is_some() && !can_share {
        containers.warn("this backend cannot share caches: layers stay with the project");
    }
    let fills = request.cache.as_ref().zip(shared).filter(|_| !request.skip_layers);
    if saves.is_none() && !completes && fills.is_none() {
        return Ok(vec![
            restore(containers, request, builder, trees.layers),
            run_buildpacks(containers, builder, trees.app),
        ]);
    }
    let tool = match tool {
        Some(tool) => tool,
        None => load_tool(backend, request).await?,
    };
    let tools = Tools { containers, tool };
    let mut steps = Vec::new();
    if let Some((cache, shared)) = fills {
        steps.push(tools.fill(cache, shared, trees.layers.clone()));
    }
    let launch = request.cache.as_ref().filter(|_| needs_contents).map(launch_cache);
    if let (Some(cache), Some(launch)) = (&request.cache, &launch)
        && is_first
        && !request.skip_layers
    {
        steps.push(tools.recall(cache, launch, trees.layers.clone()));
    }
    steps.push(restore(containers, request, builder, trees.layers));
    for step in steps.iter_mut().skip(1) {
        carry(step, LAYERS_DIR);
    }
    steps.push(run_buildpacks(containers, builder, trees.app));
    if needs_contents {
        steps.push(tools.complete(launch.as_ref(), previous));
    }
    if let Some(cache) = saves {
        steps.push(tools.save(cache, launch, shared, builder));
    }
    Ok(steps)
}

/// Runs those steps. Gives what they left, and whether that was there before.
pub(super) async fn build(containers: &Containers<'_>, steps: Vec<Step>) -> Result<(Trees, bool), Error> {
    let mut left = containers.run_chain(steps).await?;
    let mut take =
        |target| left.outputs.remove(target).expect("a backend returns a tree for each in-out mount");
    Ok((Trees { app: take(APP_DIR), layers: take(LAYERS_DIR) }, left.reused.unwrap_or(false)))
}

async fn load_tool(backend: &dyn Backend, request: &BuildRequest) -> Result<Tree, Error> {
    backend.load(request.tool.clone()).await.during("load the program that keeps layers")
}

/// Takes the tree that the step before left.
fn carry(step: &mut Step, target: &str) {
    for mount in step.mounts.iter_mut().filter(|mount| mount.target == target) {
        mount.kind = MountKind::Carried;
    }
}

/// The cache for the launch layers of a project.
fn launch_cache(cache: &CacheId) -> MountKind {
    let id = CacheId::new(format!("{}.launch", cache.as_str()));
    MountKind::Cache(id.expect("what is added is of the letters that names have"))
}

/// `<layers>` before layers are restored.
pub(super) async fn initial_layers(
    backend: &dyn Backend,
    builder: &Builder,
    detected: &Detected,
    analyzed: &str,
    sbom: Option<Tree>,
) -> Result<Tree, Error> {
    let files = vec![
        File::regular("/analyzed.toml", analyzed.to_owned()),
        File::regular("/group.toml", detected.group.to_toml()),
        File::regular("/plan.toml", detected.plan.clone()),
    ];
    layers_tree(backend, builder, sbom.map(sbom_part).into_iter().collect(), files).await
}

/// The SBOM of the last image, where `<layers>` has it.
fn sbom_part(tree: Tree) -> Part {
    Part::Copy { tree, from: SBOM_DIR.to_owned(), to: "/sbom".to_owned() }
}

fn restore(containers: &Containers<'_>, request: &BuildRequest, builder: &Builder, layers: Tree) -> Step {
    let (uid, gid) = (builder.user.uid.to_string(), builder.user.gid.to_string());
    let mut args = vec!["-layers", LAYERS_DIR, "-group", GROUP, "-analyzed", ANALYZED];
    args.extend(["-uid", &uid, "-gid", &gid]);
    if request.cache.is_some() {
        args.extend(["-cache-dir", CACHE_DIR]);
    }
    // A restorer that knows the builder's run.toml asks a registry for the run image, which is ours to find.
    if builder.platform_api.checks_run_image_again() {
        args.extend(["-run", NO_RUN_IMAGES]);
    }
    let step = containers
        .of_lifecycle("restore", "restorer", &args)
        .with_title("restore layers")
        .with_mount(LAYERS_DIR, MountKind::InOut(layers));
    match &request.cache {
        Some(cache) => step.with_mount(CACHE_DIR, MountKind::Cache(cache.clone())),
        None => step,
    }
}

fn run_buildpacks(containers: &Containers<'_>, builder: &Builder, app: Tree) -> Step {
    let mut args = vec!["-app", APP_DIR, "-layers", LAYERS_DIR, "-platform", "/platform"];
    args.extend(["-group", GROUP, "-plan", PLAN]);
    if builder.platform_api.builder_takes_analyzed() {
        args.extend(["-analyzed", ANALYZED]);
    }
    containers
        .of_buildpacks("build", "builder", &args)
        .with_title("run the buildpacks")
        .with_cwd(APP_DIR)
        .with_mount(APP_DIR, MountKind::InOut(app))
        .with_mount(LAYERS_DIR, MountKind::Carried)
        // So it will be if no buildpack asks for slices.
        .with_layer(APP_DIR, app_layer(builder.user, Select::Sorted))
}

/// Steps that run our own program in a container of the builder.
struct Tools<'a> {
    containers: &'a Containers<'a>,
    tool: Tree,
}

impl Tools<'_> {
    /// Takes layers of other projects. Without them, the build has more to do.
    fn fill(&self, cache: &CacheId, shared: &SharedCache, layers: Tree) -> Step {
        let args = ["-cache-dir", CACHE_DIR, "-shared-cache", SHARED_CACHE_DIR];
        self.step("fill", "cache-fill", &args)
            .with_mount(LAYERS_DIR, MountKind::InOut(layers))
            .with_mount(CACHE_DIR, MountKind::Cache(cache.clone()))
            .with_mount(SHARED_CACHE_DIR, MountKind::SharedCache(shared.id.clone()))
            .optional()
    }

    /// Says what the last build left.
    fn recall(&self, cache: &CacheId, launch: &MountKind, layers: Tree) -> Step {
        let args = ["-analyzed", ANALYZED, "-cache-dir", CACHE_DIR, "-launch-cache", LAUNCH_CACHE_DIR];
        self.step("recall", "cache-recall", &args)
            .with_mount(LAYERS_DIR, MountKind::InOut(layers))
            .with_mount(CACHE_DIR, MountKind::Cache(cache.clone()))
            .with_mount(LAUNCH_CACHE_DIR, launch.clone())
            .optional()
    }

    /// Gives contents to launch layers that buildpacks kept without any.
    fn complete(&self, launch: Option<&MountKind>, previous: &Previous) -> Step {
        let mut args = Vec::new();
        let mut mounts = vec![(LAYERS_DIR, MountKind::Carried)];
        if let Some(launch) = launch {
            args.extend(["-launch-cache", LAUNCH_CACHE_DIR]);
            mounts.push((LAUNCH_CACHE_DIR, launch.clone()));
        }
        if self.containers.archives {
            args.push("-archives");
        }
        if let Some(image) = &previous.image {
            args.extend(["-previous-dir", PREVIOUS_DIR]);
            mounts.push((PREVIOUS_DIR, MountKind::ReadOnly(image.root.clone())));
        }
        let step = self.step("complete", "cache-complete", &args);
        mounts.into_iter().fold(step, |step, (target, kind)| step.with_mount(target, kind))
    }

    /// Puts the layers with `cache = true` into the cache of the project. The image is what counts: without a cache
    /// the next build takes longer.
    fn save(
        &self,
        cache: &CacheId,
        launch: Option<MountKind>,
        shared: Option<&SharedCache>,
        builder: &Builder,
    ) -> Step {
        let mut args = vec!["-cache-dir", CACHE_DIR];
        let mut mounts = vec![(LAYERS_DIR, MountKind::Carried), (CACHE_DIR, MountKind::Cache(cache.clone()))];
        if let Some(launch) = launch {
            args.extend(["-launch-cache", LAUNCH_CACHE_DIR]);
            mounts.push((LAUNCH_CACHE_DIR, launch));
        }
        if let Some(shared) = shared {
            args.extend(["-shared-cache", SHARED_CACHE_DIR, "-cache-writer", &shared.writer]);
            args.extend(["-builder-digest", builder.image.digest.as_str()]);
            mounts.push((SHARED_CACHE_DIR, MountKind::SharedCache(shared.id.clone())));
        }
        let step = self.step(SAVE_CACHE, "cache-save", &args).with_title("keep layers").optional();
        mounts.into_iter().fold(step, |step, (target, kind)| step.with_mount(target, kind))
    }

    fn step(&self, phase: &'static str, command: &str, args: &[&str]) -> Step {
        let mut all = vec![command, "-layers", LAYERS_DIR, "-group", GROUP];
        all.extend(args);
        let mut step = self
            .containers
            .of_lifecycle(phase, "lifecycle", &all)
            .with_mount(TOOL_DIR, MountKind::ReadOnly(self.tool.clone()));
        step.argv[0] = format!("{TOOL_DIR}/lifecycle");
        step
    }
}

/// The group that detection found.
pub(super) async fn group(backend: &dyn Backend, layers: &Tree) -> Result<Group, Error> {
    read_group(&text(backend, layers, "/group.toml", "detect").await?)
}

async fn text(
    backend: &dyn Backend,
    tree: &Tree,
    path: &'static str,
    phase: &'static str,
) -> Result<String, Error> {
    let bytes =
        backend.read(tree, path).await.during(format!("read `{path}`, which the {phase} phase wrote"))?;
    String::from_utf8(bytes.into()).map_err(|source| Error::Document {
        path,
        phase,
        source: Box::new(source),
    })
}

fn read_group(text: &str) -> Result<Group, Error> {
    let path = "/layers/group.toml";
    let group = Group::read(path.as_ref(), text).map_err(|source| Error::Document {
        path,
        phase: "detect",
        source: Box::new(source),
    })?;
    match group.extensions.first() {
        Some(extension) => Err(Error::Extensions(extension.to_string())),
        None => Ok(group),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_with_extensions_are_refused_by_name() {
        let group = "[[group]]\nid = \"a\"\nversion = \"1\"\napi = \"0.10\"\n";
        assert!(read_group(group).is_ok());
        let extension = "[[group-extensions]]\nid = \"tools\"\nversion = \"2\"\napi = \"0.10\"\n";
        let error = read_group(&format!("{group}{extension}")).expect_err("it has an extension").to_string();
        assert!(error.ends_with("the group that passed detection has tools@2"), "{error}");
    }
}
