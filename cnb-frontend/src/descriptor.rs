//! The descriptor as a build gives it: what it is called, and what is in it.

use cnb_core::diagnostic::Diagnostic;
use cnb_core::diagnostic::Diagnostics;
use cnb_core::diagnostic::SourceFile;
use cnb_core::diagnostic::Span;
use cnb_core::project::Descriptor;
use cnb_core::project::Schema;
use cnb_llb::gateway::Options;

/// The descriptor of a build that names none.
pub const FILE: &str = "project.toml";

/// Where `docker build` looks for a `# syntax=` line of a build that names no file.
const DOCKERFILE: &str = "Dockerfile";

/// Instructions that a Dockerfile begins with.
const INSTRUCTIONS: [&str; 7] = ["ADD", "ARG", "COPY", "ENV", "FROM", "LABEL", "RUN"];

/// Files that the descriptor may be, the best first.
pub fn candidates(options: &Options) -> Vec<String> {
    match &options.filename {
        Some(filename) => vec![filename.clone()],
        // The file with that line was not named, so it is the one that is read without a name.
        None if options.by_syntax => vec![DOCKERFILE.to_owned(), FILE.to_owned()],
        None => vec![FILE.to_owned(), DOCKERFILE.to_owned()],
    }
}

/// Takes the bytes of a file for a text, without a byte order mark.
///
/// # Errors
/// When it is not UTF-8.
pub fn source(name: &str, bytes: &[u8]) -> Result<SourceFile, Diagnostics> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(SourceFile::new(name, text)),
        Err(error) => {
            let file = SourceFile::new(name, String::from_utf8_lossy(bytes));
            let span = Span { start: error.valid_up_to(), end: error.valid_up_to() };
            Err(Diagnostic::error("not-utf-8", "this is not UTF-8").at(&file, span, "").into())
        }
    }
}

/// Reads a descriptor. The diagnostics with it are warnings.
///
/// `frontend` is the image that the frontend came from. The tag `0.1`, `0.2` or `0.3` of it is the schema of a file that
/// does not say its own.
///
/// # Errors
/// Whatever is wrong in the file.
pub fn read(file: &SourceFile, frontend: Option<&str>) -> Result<(Descriptor, Diagnostics), Diagnostics> {
    let tag = frontend.and_then(schema_of);
    let (descriptor, mut warnings) =
        Descriptor::read_as(file, tag).map_err(|errors| dockerfile(file).map_or(errors, Into::into))?;
    if let Some(tag) = tag.filter(|tag| *tag != descriptor.schema) {
        let message = format!(
            "this is read as schema {}, as the file says, and not as schema {tag}, as the tag of the frontend does",
            descriptor.schema
        );
        warnings.push(Diagnostic::warning("other-schema-version", message).at(file, 0..0, ""));
    }
    Ok((descriptor, warnings))
}

/// The schema that the tag of a reference names.
fn schema_of(reference: &str) -> Option<Schema> {
    let name = reference.split_once('@').map_or(reference, |(name, _)| name);
    let (_, tag) = name.rsplit_once(':')?;
    Schema::named(tag)
}

/// An error for a file that is no TOML because it is a Dockerfile.
fn dockerfile(file: &SourceFile) -> Option<Diagnostic> {
    let mut offset = 0;
    for line in file.text().split_inclusive('\n') {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            offset += line.len();
            continue;
        }
        let (word, rest) = trimmed.split_once(char::is_whitespace)?;
        let is_instruction = INSTRUCTIONS.iter().any(|known| known.eq_ignore_ascii_case(word));
        if !is_instruction || rest.trim_start().starts_with('=') {
            return None;
        }
        let message = "this frontend builds project descriptors (project.toml), and this is a Dockerfile";
        let error = Diagnostic::error("dockerfile", message).at(file, offset..offset + trimmed.len(), "");
        return Some(error.with_help("take the `# syntax=` line out, or name the descriptor with `-f`"));
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(text: &str, frontend: &str) -> Result<(Descriptor, Diagnostics), Diagnostics> {
        super::read(&SourceFile::new("project.toml", text), Some(frontend))
    }

    #[test]
    fn a_build_without_a_file_is_of_the_descriptor() {
        let names = |options: &[(&str, &str)]| {
            let options: BTreeMap<_, _> =
                options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            candidates(&Options::read(&options).expect("valid"))
        };
        assert_eq!(names(&[]), ["project.toml", "Dockerfile"]);
        assert_eq!(names(&[("cmdline", "f")]), ["Dockerfile", "project.toml"]);
        assert_eq!(names(&[("filename", "a.toml"), ("cmdline", "f")]), ["a.toml"]);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        let file = source("f", b"\xef\xbb\xbfa = 1\n").expect("it is UTF-8");
        assert_eq!(file.text(), "a = 1\n");
        let error = source("f", b"a = 1\nb = '\xff'\n").expect_err("it is not UTF-8");
        assert_eq!(error.to_string(), "f:2:6: this is not UTF-8");
    }

    #[test]
    fn the_tag_of_the_frontend_is_the_schema_of_a_file_that_says_none() {
        let digest = format!("@sha256:{}", "0".repeat(64));
        for (frontend, schema) in [
            ("example.com:5000/f:0.3".to_owned(), Schema::V0_3),
            (format!("example.com/f:0.2{digest}"), Schema::V0_2),
            ("f:1".to_owned(), Schema::V0_1),
            ("example.com:0.2/f".to_owned(), Schema::V0_1),
        ] {
            let (descriptor, _) = read("", &frontend).expect("valid");
            assert_eq!(descriptor.schema, schema, "{frontend}");
        }
        let (descriptor, warnings) =
            read("# syntax=f:0.2\n[_]\nschema-version = '0.3'\n", "f:0.2").expect("valid");
        assert_eq!(descriptor.schema, Schema::V0_3);
        let expected = "project.toml:1:1: this is read as schema 0.3, as the file says, and not as schema 0.2, as the \
                        tag of the frontend does";
        assert_eq!(warnings.to_string(), expected);
    }

    #[test]
    fn a_dockerfile_is_told_from_broken_toml() {
        let error = |text| read(text, "f").expect_err(text).to_string();
        let dockerfile = "project.toml:3:1: this frontend builds project descriptors (project.toml), and this is a Dockerfile";
        assert_eq!(error("# syntax=f\n\nFROM alpine\n"), dockerfile);
        assert_eq!(error("# syntax=f\n\n  from alpine\n").replace(":3:3:", ":3:1:"), dockerfile);
        for text in ["[_\n", "from = \n", "FROM\n"] {
            assert!(!error(text).contains("Dockerfile"), "{text}");
        }
        let (_, warnings) = read("FROM = 'x'\n", "f:0.2").expect("it is TOML");
        assert!(warnings.to_string().contains("unknown key `FROM`"), "{warnings}");
    }
}
