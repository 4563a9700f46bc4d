//! Several platforms in one build.

use std::fs;

use super::Place;
use super::Pushed;
use super::witness::Witness;
use crate::Result;
use crate::command;
use crate::command::command;
use crate::example::layout;
use crate::test::labels;
use crate::test::step::timed;

/// This machine can run both.
const PLATFORMS: [&str; 2] = ["linux/amd64", "linux/amd64/v2"];

const SCRIPT: &str = r#"
echo "$CNB_TARGET_ARCH" >made
printf '[[processes]]\ntype = "web"\ncommand = ["cat"]\nargs = ["made"]\ndefault = true\n' \
    >"$CNB_LAYERS_DIR/launch.toml"
"#;

/// The result is an index with an image for each, whose labels are complete.
pub(super) fn check(place: &Place<'_>) -> Result<()> {
    let witness = Witness::new(place, "platforms", SCRIPT)?;
    let archive = place.scratch.join("platforms.tar");
    timed("two platforms", || {
        let platforms = format!("--platform={}", PLATFORMS.join(","));
        let output = format!("--output=type=oci,dest={}", archive.display());
        witness.build(place, &[&platforms, &output])?.print().map(drop)
    })?;
    let layout = place.scratch.join("platforms-layout");
    fs::create_dir(&layout)?;
    command::read(
        command("tar").arg("--extract").arg("--file").arg(&archive).arg("--directory").arg(&layout),
    )?;
    let configs = layout::configs(&layout, "latest")?;
    let found: Vec<&str> = configs.iter().map(|(platform, _)| platform.as_str()).collect();
    if found != PLATFORMS {
        return Err(format!("the index has images for {}", found.join(", ")).into());
    }
    for (platform, config) in &configs {
        labels::check_config(config, platform, &Pushed::run_image())?;
    }
    Ok(())
}
