//! Whether configs are the same, byte for byte.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::Result;

/// How much of both configs an error shows around the first difference, in bytes.
const CONTEXT: usize = 200;

/// Fails unless the two are equal, and then keeps them in files.
pub(super) fn expect(directory: &Path, what: &str, one: (&str, &str), other: (&str, &str)) -> Result<()> {
    if one.1 == other.1 {
        return Ok(());
    }
    let at = one.1.bytes().zip(other.1.bytes()).take_while(|(a, b)| a == b).count();
    let mut lines = vec![format!("{what}: the configs differ at byte {at}")];
    for (name, config) in [one, other] {
        let file = directory.join(format!("{what} {name}.json").replace(' ', "-"));
        fs::write(&file, config)?;
        let bytes = &config.as_bytes()[at.saturating_sub(CONTEXT)..config.len().min(at + CONTEXT)];
        lines.push(format!("  {name}, {}: {}", file.display(), String::from_utf8_lossy(bytes)));
    }
    Err(lines.join("\n").into())
}

/// A config without the two things that are those of a platform or a build of the lifecycle: where the run image
/// is, and the version of the launcher.
///
/// # Errors
/// When one of them is not there exactly once.
pub(super) fn without_own_words(config: &str) -> Result<String> {
    let json: Value = serde_json::from_str(config)?;
    let label = json["config"]["Labels"]["io.buildpacks.lifecycle.metadata"].as_str();
    let label: Value = serde_json::from_str(label.ok_or("the config lacks the label of the lifecycle")?)?;
    let reference = label["runImage"]["reference"].as_str().unwrap_or_default();
    let config = replace_once(config, &format!(r#"\"reference\":\"{reference}\""#), r#"\"reference\":\"\""#)?;
    let launcher = launcher(&config).ok_or("the config lacks the version of the launcher")?.to_owned();
    replace_once(&config, &launcher, r#"\"launcher\":{}"#)
}

/// The key `launcher` of the label of the build with its value, as it is in the config: JSON in a text of JSON.
fn launcher(config: &str) -> Option<&str> {
    let start = config.find(r#"\"launcher\":{\"version\":"#)?;
    let mut depth = 0;
    let end = config[start..].char_indices().find_map(|(index, character)| {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        (character == '}' && depth == 0).then_some(index)
    })?;
    Some(&config[start..=start + end])
}

fn replace_once(text: &str, from: &str, to: &str) -> Result<String> {
    match text.matches(from).count() {
        1 => Ok(text.replacen(from, to, 1)),
        count => Err(format!("the config has {count} times `{from}`").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_words_of_a_platform_is_replaced() {
        let config = |reference: &str, version: &str| {
            let build = format!(
                r#"{{"launcher":{{"version":"{version}","source":{{"git":{{"commit":"c"}}}}}},"processes":[]}}"#
            );
            let lifecycle = format!(
                r#"{{"launcher":{{"sha":"sha256:1"}},"runImage":{{"topLayer":"sha256:2","reference":"{reference}"}}}}"#
            );
            let labels = serde_json::json!({
                "io.buildpacks.build.metadata": build,
                "io.buildpacks.lifecycle.metadata": lifecycle,
            });
            serde_json::json!({ "config": { "Labels": labels } }).to_string()
        };
        let plain = without_own_words(&config("a/b@sha256:3", "1.2")).expect("both are there");
        assert_eq!(plain, without_own_words(&config("/layout/a", "0.21.17")).expect("both are there"));
        for kept in [r#"\"launcher\":{},\"processes\""#, "sha256:1", "sha256:2", r#"\"reference\":\"\""#] {
            assert!(plain.contains(kept), "{plain}");
        }
        assert!(without_own_words("{}").is_err());
    }

    #[test]
    fn a_difference_is_shown_and_kept() {
        let directory = std::env::temp_dir().join(format!("cnb-equal-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory");
        assert!(expect(&directory, "app 0.12", ("a", "same"), ("b", "same")).is_ok());
        let error = expect(&directory, "app 0.12", ("a", "same"), ("b", "some")).expect_err("they differ");
        assert!(error.to_string().contains("at byte 1"), "{error}");
        assert_eq!(fs::read_to_string(directory.join("app-0.12-b.json")).expect("a file"), "some");
        fs::remove_dir_all(&directory).expect("it is ours");
    }
}
