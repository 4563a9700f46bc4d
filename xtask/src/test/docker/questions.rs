//! Questions that are answered instead of building: `docker buildx build --call`, which was `--print`.

use super::Place;
use super::witness::Witness;
use super::witness::says;
use crate::Result;
use crate::command;
use crate::test::step::timed;

const DESCRIPTOR: &str = "[_]\nschema-version = '0.2'\n[[io.buildpacks.build.env]]\nname = 'OF_DESCRIPTOR'\n\
                          value = 'planted'\n[[io.buildpacks.build.bindings]]\nname = 'db'\ntype = 'x'\n\
                          secrets = { key = 'db-key' }\n";

/// The questions, and what the answers have.
const QUESTIONS: [(&str, &[&str]); 3] = [
    ("outline", &["CNB_CLEAR_CACHE", "OF_DESCRIPTOR", "planted", "db-key", "TARGET", "image"]),
    ("targets", &["detect", "build", "image", "(default)"]),
    ("subrequests.describe", &["outline", "targets", "subrequests.describe"]),
];

pub(super) fn check(place: &Place<'_>) -> Result<()> {
    let witness = Witness::described(place, "questions", DESCRIPTOR)?;
    for (question, expected) in QUESTIONS {
        timed(&format!("the question {question}"), || {
            let mut buildx = place.engine.buildx();
            buildx.env("BUILDX_EXPERIMENTAL", "1");
            buildx.arg("build").arg(format!("--print={question}")).arg("--file=project.toml").arg(".");
            says(&command::read(buildx.current_dir(witness.path("")))?, expected)
        })?;
    }
    Ok(())
}
