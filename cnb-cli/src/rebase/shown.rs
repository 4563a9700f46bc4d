//! What is said of a rebase.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use cnb_core::event::Event;
use cnb_core::event::EventSink;
use cnb_lifecycle::rebase::Rebased;
use serde_json::json;

/// Keeps warnings until they are told.
#[derive(Clone, Debug, Default)]
pub(super) struct Warnings {
    messages: Arc<Mutex<Vec<String>>>,
}

impl Warnings {
    /// Those that were not taken before.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.messages.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl EventSink for Warnings {
    fn event(&self, event: Event) {
        if let Event::Warning { message } = event {
            self.messages.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        }
    }
}

/// Lines for people, with those of a build.
pub(super) fn text(rebased: &Rebased) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: &dyn std::fmt::Display| {
        writeln!(text, "{key:<9} {value}").expect("writing to a string cannot fail");
    };
    for image in &rebased.images {
        if let [_, _, ..] = rebased.images[..] {
            line("Platform", &image.platform);
        }
        line("Run image", &image.run_image);
        line("Image ID", &image.image_id);
    }
    line("Digest", &rebased.digest);
    for output in &rebased.outputs {
        line(if output.is_written { "Saved" } else { "Unchanged" }, &output.name);
    }
    text
}

/// One object for programs.
pub(super) fn json(rebased: &Rebased, warnings: &[String]) -> String {
    let images: Vec<_> = rebased
        .images
        .iter()
        .map(|image| {
            json!({
                "platform": image.platform,
                "image_id": image.image_id,
                "digest": image.digest,
                "run_image": image.run_image,
                "changed": image.is_changed,
            })
        })
        .collect();
    let outputs = rebased.outputs.iter();
    let outputs: Vec<_> = outputs
        .map(|output| json!({ "output": output.name.to_string(), "saved": output.is_written }))
        .collect();
    let object = json!({
        "digest": rebased.digest,
        "images": images,
        "outputs": outputs,
        "warnings": warnings,
    });
    format!("{object:#}\n")
}
