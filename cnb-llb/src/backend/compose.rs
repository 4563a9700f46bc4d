//! Trees out of parts.

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::File;
use cnb_core::backend::Part;
use cnb_core::backend::Result;
use cnb_core::backend::Tree;
use cnb_core::backend::check_path;
use cnb_core::helper::TreePart;
use cnb_core::helper::TreePlan;

use super::BuildKit;
use super::exec::PLANS;
use super::files;
use super::files::Contents;
use super::files::preparations;
use super::files::time;
use super::tree::BELOW;
use super::tree::Graph;
use crate::Annotate as _;
use crate::FileOp;
use crate::MakeDir;
use crate::Mount;
use crate::State;

/// Where the helper makes a tree.
const OUT: &str = "/out";

impl BuildKit {
    pub(super) async fn compose_parts(&self, parts: Vec<Part>) -> Result<Tree> {
        if let [Part::Copy { tree, from, to }] = parts.as_slice()
            && from == "/"
            && to == "/"
        {
            return Graph::of(tree).map(|graph| graph.clone().into_tree());
        }
        if let Some(files) = only_files(&parts)
            && let Some(graph) = files::tree(&files, &self.known())?
        {
            return Ok(graph.into_tree());
        }
        let root = if parts.first().is_some_and(is_root) { "/" } else { BELOW };
        let mut composing = Composing::default();
        for part in parts {
            composing.add(self, part)?;
        }
        let Composing { parts, contents, mounts } = composing;
        let graph = self.tree("[compose] put files together", root, parts, contents, mounts);
        self.execute(&graph).await?;
        Ok(graph.into_tree())
    }

    /// The tree that the helper makes of parts, at the root of a state or below.
    pub(super) fn tree(
        &self,
        name: &str,
        root: &str,
        parts: Vec<TreePart>,
        contents: Contents,
        mounts: Vec<Mount>,
    ) -> Graph {
        let plan = TreePlan { to: format!("{OUT}{}", root.trim_end_matches('/')), parts };
        let exec = self.helper("tree", &plan, contents).named(name).mount(Mount::bind(&empty(root), OUT));
        let exec = self.renewed(exec);
        let run =
            State::scratch().run(mounts.into_iter().fold(exec, |exec, mount| exec.mount(mount.read_only())));
        Graph::new(run.output(OUT).expect("it is mounted to be written"), root)
    }
}

/// A state in which there is nothing but a directory.
pub(super) fn empty(root: &str) -> State {
    if root == "/" {
        return State::scratch();
    }
    let make = FileOp::new(MakeDir::new(root, 0o755).created(time()));
    State::scratch().file(make.in_progress_group(preparations()).named("[internal] make a directory"))
}

/// Whether what follows goes into a root file system, so that the result has to be one.
fn is_root(part: &Part) -> bool {
    match part {
        Part::Copy { tree, from, to } => {
            from == "/" && to == "/" && Graph::of(tree).is_ok_and(Graph::is_whole)
        }
        _ => false,
    }
}

fn only_files(parts: &[Part]) -> Option<Vec<File>> {
    let mut all = Vec::new();
    for part in parts {
        let Part::Files(files) = part else { return None };
        all.extend(files.iter().cloned());
    }
    Some(all)
}

/// A plan that grows.
#[derive(Default)]
struct Composing {
    parts: Vec<TreePart>,
    contents: Contents,
    mounts: Vec<Mount>,
}

impl Composing {
    fn add(&mut self, backend: &BuildKit, part: Part) -> Result<()> {
        match part {
            Part::Copy { tree, from, to } => {
                check_path(&from)?;
                check_path(&to)?;
                let root = format!("/in/{}", self.mounts.len());
                self.mounts.push(Graph::of(&tree)?.mount(&root));
                self.parts.push(TreePart::Copy { root, from, to });
            }
            Part::Files(files) => {
                files.iter().try_for_each(|file| check_path(&file.path))?;
                self.parts.push(TreePart::Files(self.contents.plan(files, &backend.known(), PLANS)));
            }
            _ => return Err(Error::new(ErrorKind::Unsupported, "cannot compose that part")),
        }
        Ok(())
    }
}
