//! What the label of an image says about its run image.

use cnb_core::encode::go_json;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_core::labels::lifecycle::RunImageNames;
use cnb_core::labels::lifecycle::Stack;
use serde::Serialize;

use super::Objection;

/// The names of the run image of an image: those for the versions of the platform from 0.12 on if `has_names`,
/// else those of its stack.
///
/// Source: `GetRunImageFromMetadata` in `platform/run_image.go`.
pub fn names(label: &LifecycleMetadata, has_names: bool) -> Option<RunImageNames> {
    let names = Some(label.run_image.names()).filter(|_| has_names);
    let stack = label.stack.as_ref().map(|stack| stack.run_image.clone());
    [names, stack].into_iter().flatten().find(|names| !names.image.is_empty())
}

/// Makes the label say that the run image is the one with this name. When it was not among the names before, that
/// speaks against the rebase.
pub fn rename(label: &mut LifecycleMetadata, name: &str) -> Option<Objection> {
    let stack = label.stack.as_ref().map(|stack| &stack.run_image);
    if label.run_image.names().contains(name) || stack.is_some_and(|stack| stack.contains(name)) {
        return None;
    }
    let known = match stack {
        _ if !label.run_image.image.is_empty() => json(&label.run_image),
        Some(stack) => json(stack),
        None => "not found".to_owned(),
    };
    name.clone_into(&mut label.run_image.image);
    label.run_image.mirrors.clear();
    label.stack = Some(Stack { run_image: label.run_image.names() });
    Some(Objection::UnknownRunImage { name: name.to_owned(), known })
}

fn json(value: &impl Serialize) -> String {
    go_json::to_string(value).expect("all keys of labels are strings")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str =
        r#"{"topLayer":"t","reference":"r","image":"example.com/new","mirrors":["mirror/new"]}"#;
    const OLD: &str = r#"{"runImage":{"image":"example.com/old"}}"#;

    fn label(run_image: &str, stack: &str) -> LifecycleMetadata {
        let text = format!(r#"{{"runImage":{run_image},"stack":{stack}}}"#);
        serde_json::from_str(&text).expect("a label")
    }

    #[test]
    fn names_are_those_that_the_platform_knows() {
        for (run_image, stack, has_names, expected) in [
            (NEW, OLD, true, Some("example.com/new")),
            (NEW, OLD, false, Some("example.com/old")),
            ("{}", OLD, true, Some("example.com/old")),
            (NEW, "null", false, None),
            (NEW, "{}", false, None),
        ] {
            let names = names(&label(run_image, stack), has_names);
            assert_eq!(
                names.map(|names| names.image).as_deref(),
                expected,
                "{run_image} {stack} {has_names}"
            );
        }
    }

    #[test]
    fn a_name_that_is_known_changes_nothing() {
        for name in
            ["example.com/new", "example.com/new:latest", "index.docker.io/mirror/new", "example.com/old"]
        {
            let mut label = label(NEW, OLD);
            assert!(rename(&mut label, name).is_none(), "{name}");
            assert_eq!(label.run_image.image, "example.com/new");
        }
    }

    #[test]
    fn another_name_takes_the_place_of_all() {
        for (run_image, stack, known) in
            [(NEW, OLD, NEW), ("{}", OLD, r#"{"image":"example.com/old"}"#), ("{}", "null", "not found")]
        {
            let mut label = label(run_image, stack);
            let objection = rename(&mut label, "example.com/new:2").expect("an objection");
            assert_eq!(
                objection.to_string(),
                format!(
                    "rebase app image: new base image 'example.com/new:2' not found in existing run image metadata: {known}"
                )
            );
            let names = RunImageNames { image: "example.com/new:2".to_owned(), mirrors: Vec::new() };
            assert_eq!(label.run_image.names(), names);
            assert_eq!(label.stack, Some(Stack { run_image: names }));
        }
    }
}
