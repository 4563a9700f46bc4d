//! Commands of the helper.

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Result;
use cnb_core::helper;
use serde::Serialize;

use super::BuildKit;
use super::error::from_build;
use super::files::Contents;
use super::files::preparations;
use super::files::time;
use super::tree::Graph;
use crate::Annotate as _;
use crate::Exec;
use crate::FileOp;
use crate::MakeFile;
use crate::Mount;
use crate::Network;
use crate::State;
use crate::errdefs::BuildError;

/// Where plans are in containers, with what belongs to them.
pub(super) const PLANS: &str = "/.cnb/plan";
const PLAN: &str = "plan.json";
const HELPER: &str = "/.cnb/helper";

impl BuildKit {
    /// A command of the helper that does what a plan says, without network.
    pub(super) fn helper(&self, command: &str, plan: &impl Serialize, contents: Contents) -> Exec {
        let json = serde_json::to_vec(plan).expect("a plan has strings, numbers and lists of them");
        let file =
            |name: &str, content: Vec<u8>| MakeFile::new(format!("/{name}"), 0o644, content).created(time());
        let plan = contents
            .values
            .iter()
            .fold(FileOp::new(file(PLAN, json)), |op, (name, content)| op.then(file(name, content.to_vec())));
        let plan =
            State::scratch().file(plan.in_progress_group(preparations()).named("[internal] say what to do"));
        let exec = Exec::new([format!("{HELPER}/cnb-helper"), command.to_owned(), format!("{PLANS}/{PLAN}")])
            .platform(self.platform())
            .network(Network::None)
            .mount(Mount::bind(&plan, PLANS).read_only())
            .mount(Mount::bind(&self.helper, HELPER).read_only());
        let exec = self.settings.location.iter().cloned().fold(exec, Exec::at);
        let mount = |exec: Exec, (state, target): (State, String)| {
            exec.mount(Mount::bind(&state, target).read_only())
        };
        contents.states.into_iter().fold(exec, mount)
    }

    /// A command without caches of its own, which runs again when nothing is to be taken from the last time.
    pub(super) fn renewed(&self, exec: Exec) -> Exec {
        // BuildKit would empty caches that are mounted, too.
        if self.settings.runs_all { exec.ignore_cache() } else { exec }
    }

    /// Runs a command of the helper, one of whose outputs this is.
    pub(super) async fn execute(&self, output: &Graph) -> Result<()> {
        match self.evaluate(output).await? {
            0 => Ok(()),
            code => Err(Error::new(ErrorKind::Other, format!("the helper ended with exit code {code}"))),
        }
    }

    /// Runs a command, one of whose outputs this is: its files are there then. Gives its exit code.
    pub(super) async fn evaluate(&self, output: &Graph) -> Result<i32> {
        let error = match self.try_solve(&output.state).await {
            Ok(reference) => {
                output.seen.found(reference);
                return Ok(0);
            }
            Err(error) => error,
        };
        let Some(code) = error.exit_code().and_then(|code| i32::try_from(code).ok()) else {
            return Err(from_build(error));
        };
        match helper::failure(code) {
            Some(kind) => Err(failed(kind, error)),
            None => Ok(code),
        }
    }
}

fn failed(kind: ErrorKind, error: BuildError) -> Error {
    Error::new(kind, "the helper cannot do it: its output says why").with_source(error)
}
