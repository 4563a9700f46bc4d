//! Trees become layers.

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Layer;
use cnb_core::backend::LayerContent;
use cnb_core::backend::LayerSource;
use cnb_core::backend::Result;
use cnb_core::backend::check_path;
use cnb_core::digest::DiffId;
use cnb_core::helper::LayerPlan;
use cnb_core::helper::LayerPlanContent;
use cnb_core::helper::LayersPlan;
use futures_util::future;

use super::BuildKit;
use super::exec::PLANS;
use super::files::Contents;
use super::tree::Graph;
use super::tree::LayerFiles;
use crate::Annotate as _;
use crate::Mount;
use crate::State;

const IN: &str = "/in";
const REPORT: &str = "/report";
const DIFF_IDS: &str = "/diff-ids.json";

/// Layers that one helper makes.
struct Work {
    /// Which of all layers they are.
    numbers: Vec<usize>,
    name: String,
    plan: LayersPlan,
    contents: Contents,
    input: Option<Mount>,
}

impl BuildKit {
    /// Each tree is a piece of work, so that a layer stays the same as long as its files do; files given as values are
    /// one together, as they are small and many.
    pub(super) async fn make_layers(&self, sources: Vec<LayerSource>) -> Result<Vec<Layer>> {
        let ids: Vec<String> = sources.iter().map(|source| source.id.clone()).collect();
        let mut all = Vec::new();
        let mut files = Work::new("[export] make the layers of the launcher");
        for (number, LayerSource { id, content, .. }) in sources.into_iter().enumerate() {
            match content {
                LayerContent::Tree { tree, from, to, select, ownership } => {
                    check_path(&from)?;
                    check_path(&to)?;
                    let mut work = Work::new(&format!("[export] make the layer {id}"));
                    let graph = Graph::of(&tree)?;
                    let mount =
                        Mount::bind(&graph.state, IN).selector(graph.path(from.trim_end_matches('/')));
                    work.input = Some(mount.read_only());
                    let (root, from) = (IN.to_owned(), "/".to_owned());
                    let (owner, parents) =
                        (ownership.owner, ownership.parents.into_iter().map(Into::into).collect());
                    let select = select.into();
                    work.add(number, LayerPlanContent::Tree { root, from, at: to, select, owner, parents });
                    all.push(work);
                }
                LayerContent::Files(list) => {
                    list.iter().try_for_each(|file| check_path(&file.path))?;
                    let list = files.contents.plan(list, &self.known(), PLANS);
                    files.add(number, LayerPlanContent::Files(list));
                }
                LayerContent::Existing { .. } => {
                    let message = "BuildKit cannot take a single layer of an image";
                    return Err(Error::new(ErrorKind::Unsupported, message).with("layer", id));
                }
                _ => return Err(Error::new(ErrorKind::Unsupported, "BuildKit cannot make a layer of that")),
            }
        }
        if !files.numbers.is_empty() {
            all.push(files);
        }
        let made = future::try_join_all(all.into_iter().map(|work| self.make(work, &ids))).await?;
        let mut layers: Vec<(usize, Layer)> = made.into_iter().flatten().collect();
        layers.sort_by_key(|(number, _)| *number);
        Ok(layers.into_iter().map(|(_, layer)| layer).collect())
    }

    async fn make(&self, work: Work, ids: &[String]) -> Result<Vec<(usize, Layer)>> {
        let Work { numbers, name, plan, contents, input } = work;
        let mut exec = self.renewed(self.helper("layers", &plan, contents).named(name));
        exec = exec.mount(Mount::bind(&State::scratch(), REPORT));
        exec = input.into_iter().fold(exec, crate::Exec::mount);
        exec = plan
            .layers
            .iter()
            .fold(exec, |exec, layer| exec.mount(Mount::bind(&State::scratch(), &layer.to)));
        let run = State::scratch().run(exec);
        let output = |target: &str| run.output(target).expect("it is mounted to be written");
        let report = Graph::new(output(REPORT), "/");
        self.execute(&report).await?;
        let report = self.read_file(&report, DIFF_IDS).await?;
        let corrupt =
            |error| Error::new(ErrorKind::Corrupt, "the helper reports no diffIDs").with_source(error);
        let diff_ids: Vec<DiffId> = serde_json::from_slice(&report).map_err(corrupt)?;
        if diff_ids.len() != numbers.len() {
            return Err(Error::new(
                ErrorKind::Corrupt,
                "the helper reports other layers than it was to make",
            ));
        }
        let layers = plan.layers.iter().zip(diff_ids).zip(numbers).map(|((layer, diff_id), number)| {
            (number, Layer::new(&ids[number], diff_id, false, LayerFiles(output(&layer.to))))
        });
        Ok(layers.collect())
    }
}

impl Work {
    fn new(name: &str) -> Self {
        let plan = LayersPlan { report: format!("{REPORT}{DIFF_IDS}"), ..LayersPlan::default() };
        Self { numbers: Vec::new(), name: name.to_owned(), plan, contents: Contents::default(), input: None }
    }

    fn add(&mut self, number: usize, content: LayerPlanContent) {
        let to = format!("/out/{}", self.plan.layers.len());
        self.plan.layers.push(LayerPlan { to, content });
        self.numbers.push(number);
    }
}
