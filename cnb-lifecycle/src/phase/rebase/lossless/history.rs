//! How the layers of an image came to be, when it gets another base.

use serde_json::Map;
use serde_json::Value;

/// A config, and how many layers it has.
type Counted<'a> = (&'a Map<String, Value>, usize);

/// The entries of the base, then those of the image above its `lower` layers; none when neither has history.
///
/// What says nothing of a layer, right above the old base, is of the old base: what a Dockerfile ends with. The layers
/// of one of them whose history does not fit its layers are said to be as old as it.
pub(super) fn history(base: Counted<'_>, app: Counted<'_>, lower: usize) -> Option<Vec<Value>> {
    let (of_base, of_app) = (fitting(base), fitting(app));
    if of_base.is_none() && of_app.is_none() {
        return None;
    }
    let mut entries = of_base.cloned().unwrap_or_else(|| blank(base.0, base.1));
    match of_app {
        Some(own) => entries.extend(own[start(own, lower)..].iter().cloned()),
        None => entries.extend(blank(app.0, app.1 - lower)),
    }
    Some(entries)
}

/// The history, if it has an entry for each layer.
fn fitting((config, layers): Counted<'_>) -> Option<&Vec<Value>> {
    let entries = config.get("history")?.as_array()?;
    (entries.iter().filter(|entry| has_layer(entry)).count() == layers).then_some(entries)
}

/// Where the layer after `lower` layers is told of; the end when there is none.
fn start(entries: &[Value], lower: usize) -> usize {
    let told = entries.iter().enumerate().filter(|(_, entry)| has_layer(entry));
    told.map(|(index, _)| index).nth(lower).unwrap_or(entries.len())
}

fn has_layer(entry: &Value) -> bool {
    entry.get("empty_layer").and_then(Value::as_bool) != Some(true)
}

fn blank(config: &Map<String, Value>, layers: usize) -> Vec<Value> {
    let created = config.get("created").map(|created| ("created".to_owned(), created.clone()));
    vec![Value::Object(created.into_iter().collect()); layers]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_of_both_are_kept_and_missing_ones_are_blank() {
        let base =
            json!([{"created_by": "b1"}, {"created_by": "b2"}, {"empty_layer": true, "created_by": "CMD"}]);
        let app = json!([
            {"created_by": "o"}, {"empty_layer": true, "created_by": "old CMD"}, {"created_by": "a1", "comment": "c"},
            {"empty_layer": true, "created_by": "e"}, {"created_by": "a2"},
        ]);
        let upper = json!([{"created_by": "a1", "comment": "c"}, {"empty_layer": true, "created_by": "e"}, {"created_by": "a2"}]);
        let (blank_base, blank_app) =
            (json!([{"created": "B"}, {"created": "B"}]), json!([{"created": "A"}, {"created": "A"}]));
        let all = |lower: &Value, upper: &Value| {
            Some(
                [lower.as_array().expect("a list").clone(), upper.as_array().expect("a list").clone()]
                    .concat(),
            )
        };
        for (of_base, of_app, expected) in [
            (base.clone(), app.clone(), all(&base, &upper)),
            (json!([{}]), app.clone(), all(&blank_base, &upper)),
            (Value::Null, app, all(&blank_base, &upper)),
            (base.clone(), json!([{}]), all(&base, &blank_app)),
            (json!([]), Value::Null, None),
        ] {
            let config = |created: &str, history: Value| {
                json!({"created": created, "history": history}).as_object().expect("an object").clone()
            };
            let (base, app) = (config("B", of_base), config("A", of_app));
            assert_eq!(history((&base, 2), (&app, 3), 1), expected);
        }
    }
}
