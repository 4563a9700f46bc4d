//! The Go lifecycle in the builder: everything works as with ours.
//!
//! Nothing of it is here: who has its programs names their directory, as for the stage `lifecycle`.

use super::Place;
use super::application::Application;
use super::application::EXPRESS;
use super::application::FLASK;
use super::rebuild;
use super::works;
use crate::Result;
use crate::test::lifecycle::VARIABLE;

/// Versions of the Platform API: the oldest that there is, the first with SBOM files of the lifecycle and the root that
/// images are restored to, the newest.
const APIS: [&str; 3] = ["0.7", "0.12", "0.15"];

/// Builds both applications for the first time, again and changed, with several versions of the Platform API.
pub(super) fn check(place: &Place<'_>) -> Result<()> {
    let Some(builder) = &place.pushed.stock else {
        println!("  nothing was built with the Go lifecycle: {VARIABLE} is not set");
        return Ok(());
    };
    for api in APIS {
        println!("  the Go lifecycle, Platform API {api}:");
        let more = vec![("builder", builder.as_str()), ("CNB_PLATFORM_API", api), ("CNB_CACHE_KEY", api)];
        let scratch = place.scratch.join(format!("stock-{api}"));
        let place = Place { more, scratch, ..*place };
        let flask = Application::copy(FLASK, &place.scratch, "flask")?;
        flask.describe(&place.pushed.syntax(), "")?;
        let express = Application::copy(EXPRESS, &place.scratch, "express")?;
        works(&place, &flask)?;
        works(&place, &express)?;
        rebuild::check(&place, &flask, &express)?;
    }
    Ok(())
}
