//! Trees become layers.

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Layer;
use cnb_core::backend::LayerContent;
use cnb_core::backend::LayerPart;
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
use super::inside::planned;
use super::tree::Ahead;
use super::tree::Graph;
use super::tree::LayerFiles;
use crate::Annotate as _;
use crate::Mount;
use crate::Run;
use crate::State;

const IN: &str = "/in";
const REPORT: &str = "/report";
pub(super) const DIFF_IDS: &str = "/diff-ids.json";

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
        let mut ahead = Vec::new();
        let mut files = Work::new("[export] make the layers of the launcher");
        for (number, LayerSource { id, content, .. }) in sources.into_iter().enumerate() {
            match content {
                LayerContent::Tree { tree, from, to, select, ownership } => {
                    check_path(&from)?;
                    check_path(&to)?;
                    let graph = Graph::of(&tree)?;
                    let part = LayerPart { from, to, select, ownership };
                    let known = planned("", part.clone());
                    if let Some(layer) = graph.ahead.iter().find(|layer| layer.content == known) {
                        ahead.push(self.made_ahead(number, id, layer.clone()));
                        continue;
                    }
                    let mut work = Work::new(&format!("[export] make the layer {id}"));
                    let below = graph.path(part.from.trim_end_matches('/'));
                    work.input = Some(Mount::bind(&graph.state, IN).selector(below).read_only());
                    work.add(number, planned(IN, LayerPart { from: "/".to_owned(), ..part }));
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
        let made = all.into_iter().map(|work| self.make(work, &ids));
        let (made, ahead) = future::try_join(future::try_join_all(made), future::try_join_all(ahead)).await?;
        let mut layers: Vec<(usize, Layer)> = made.into_iter().flatten().chain(ahead).collect();
        layers.sort_by_key(|(number, _)| *number);
        Ok(layers.into_iter().map(|(_, layer)| layer).collect())
    }

    async fn make(&self, work: Work, ids: &[String]) -> Result<Vec<(usize, Layer)>> {
        let outputs: Vec<String> = work.plan.layers.iter().map(|layer| layer.to.clone()).collect();
        let Work { numbers, name, plan, contents, input } = work;
        let exec = self.helper("layers", &plan, contents).named(name);
        let exec = input.into_iter().fold(exec, crate::Exec::mount);
        let exec = outputs.iter().fold(exec, |exec, to| exec.mount(Mount::bind(&State::scratch(), to)));
        let (run, diff_ids) = self.reported(exec, numbers.len()).await?;
        let files = |to: &String| LayerFiles(run.output(to).expect("it is mounted to be written"));
        let layers = outputs.iter().zip(diff_ids).zip(numbers);
        Ok(layers
            .map(|((to, diff_id), number)| (number, Layer::new(&ids[number], diff_id, false, files(to))))
            .collect())
    }

    /// A layer that was made together with its tree.
    async fn made_ahead(&self, number: usize, id: String, layer: Ahead) -> Result<(usize, Layer)> {
        let diff_id = if self.settings.cache_imports.is_empty() {
            self.diff_ids(&layer.report).await?.get(layer.number).cloned().ok_or_else(incomplete)?
        } else {
            // The command may have run elsewhere. A cache has the layer then, but what no image has is in none.
            let layers = vec![LayerPlan { to: IN.to_owned(), content: LayerPlanContent::Made }];
            let plan = LayersPlan { layers, report: format!("{REPORT}{DIFF_IDS}") };
            let name = format!("[export] find the digest of the layer {id}");
            let exec = self.helper("layers", &plan, Contents::default()).named(name);
            let exec = exec.mount(Mount::bind(&layer.files, IN).read_only());
            let (_, mut diff_ids) = self.reported(exec, 1).await?;
            diff_ids.remove(0)
        };
        Ok((number, Layer::new(id, diff_id, false, LayerFiles(layer.files))))
    }

    /// Runs a command that reports the diffIDs of so many layers.
    async fn reported(&self, exec: crate::Exec, layers: usize) -> Result<(Run, Vec<DiffId>)> {
        let run = State::scratch().run(self.renewed(exec.mount(Mount::bind(&State::scratch(), REPORT))));
        let report = Graph::new(run.output(REPORT).expect("it is mounted to be written"), "/");
        self.execute(&report).await?;
        let diff_ids = self.diff_ids(&report).await?;
        if diff_ids.len() == layers { Ok((run, diff_ids)) } else { Err(incomplete()) }
    }

    async fn diff_ids(&self, report: &Graph) -> Result<Vec<DiffId>> {
        let report = self.read_file(report, DIFF_IDS).await?;
        let corrupt =
            |error| Error::new(ErrorKind::Corrupt, "the helper reports no diffIDs").with_source(error);
        serde_json::from_slice(&report).map_err(corrupt)
    }
}

fn incomplete() -> Error {
    Error::new(ErrorKind::Corrupt, "the helper reports other layers than it was to make")
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
