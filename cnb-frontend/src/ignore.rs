//! `.dockerignore`: what of the context the client does not send.
//!
//! Source: `ignorefile` of `moby/patternmatcher` for the file, `frontend/dockerui` of BuildKit for which file it is.
//! What the patterns mean is the client's business, which sends the files.

use std::path::PathBuf;

/// The file of a context, unless there is one of the descriptor.
pub const FILE: &str = ".dockerignore";

/// The file that takes the place of [`FILE`] for this descriptor.
pub fn file_of(descriptor: &str) -> String {
    format!("{descriptor}{FILE}")
}

/// The patterns in such a file: its lines without comments and space around them, the paths as short as they can be and
/// relative.
///
/// ```
/// use cnb_frontend::ignore::patterns;
///
/// assert_eq!(patterns("# secrets\n/.env\n*.log\n! ./keep//x.log\n"), [".env", "*.log", "!keep/x.log"]);
/// ```
pub fn patterns(text: &str) -> Vec<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().filter(|line| !line.starts_with('#')).map(str::trim);
    lines.filter(|line| !line.is_empty()).map(pattern).collect()
}

fn pattern(line: &str) -> String {
    let (sign, path) = match line.strip_prefix('!') {
        Some(path) => ("!", path.trim()),
        None => ("", line),
    };
    // As for Docker, `/` alone stays what it is, and so does nothing.
    let cleaned = if path.is_empty() { PathBuf::new() } else { path_clean::clean(path) };
    let cleaned = cleaned.to_string_lossy();
    let relative = cleaned.strip_prefix('/').filter(|path| !path.is_empty()).unwrap_or(&cleaned);
    format!("{sign}{relative}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_docker_does() {
        let cases: [(&str, &[&str]); 9] = [
            ("", &[]),
            ("\u{feff}a\r\n\r\n  b  \n", &["a", "b"]),
            ("#x\n #y\n", &["#y"]),
            ("/a/b/\n//c\n", &["a/b", "c"]),
            ("./a\na/../b\n../x\n/../y\n", &["a", "b", "../x", "y"]),
            ("!/a\n!  b\n!\n", &["!a", "!b", "!"]),
            ("/\n.\n", &["/", "."]),
            ("**/*.log\n!**/keep.log\n", &["**/*.log", "!**/keep.log"]),
            ("a b\n\\#c\n", &["a b", "\\#c"]),
        ];
        for (text, expected) in cases {
            assert_eq!(patterns(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_descriptor_can_have_a_file_of_its_own() {
        assert_eq!(file_of("sub/project.toml"), "sub/project.toml.dockerignore");
    }
}
