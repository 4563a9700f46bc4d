//! build.Dockerfile and run.Dockerfile of image extensions: what the lifecycle has to know about them.
//!
//! Source: platform specification, "Image Extension", the Go lifecycle's `buildpack/dockerfile.go`, and the
//! Dockerfile reference for the syntax.

use std::path::Path;

use crate::document::InvalidDocument;

mod lines;

use lines::Instruction;

/// What the base image is called in a Dockerfile of an extension.
const BASE: &str = "${base_image}";
const BASE_ARGUMENT: &str = "base_image";

/// Every instruction of a Dockerfile.
const KNOWN: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// The instructions that make sense in an extension.
const RECOMMENDED: [&str; 10] =
    ["FROM", "ADD", "ARG", "COPY", "ENV", "LABEL", "RUN", "SHELL", "USER", "WORKDIR"];

/// A Dockerfile of an extension.
///
/// ```
/// use cnb_core::buildpack::dockerfile::Dockerfile;
///
/// let text = "ARG base_image\nFROM ${base_image}\nRUN apt-get update\n";
/// let dockerfile = Dockerfile::read("run.Dockerfile".as_ref(), text).unwrap();
/// let change = dockerfile.as_run().unwrap();
/// assert!(change.extends && change.new_base.is_none());
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dockerfile {
    /// The names of the arguments before the first `FROM`: one for each `ARG`.
    arguments: Vec<String>,
    stages: Vec<Stage>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Stage {
    base: String,
    instructions: Vec<(String, usize)>,
}

/// What a run.Dockerfile does to the run image.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RunChange {
    /// The image that it is replaced by.
    pub new_base: Option<String>,
    /// Whether something is done on top of it.
    pub extends: bool,
}

/// A Dockerfile that an extension may not write.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UnusableDockerfile {
    /// Several `FROM`.
    #[error("{0} is not permitted to use multistage build")]
    SeveralStages(&'static str),
    /// No `FROM`.
    #[error("{0} should have at least one stage")]
    NoStage(&'static str),
    /// It does not begin with `ARG base_image`.
    #[error("build.Dockerfile did not start with required ARG command")]
    NoArgument,
    /// It does not go on with `FROM ${base_image}`.
    #[error("build.Dockerfile did not contain required FROM ${{base_image}} command")]
    OtherBase,
}

impl Dockerfile {
    /// Reads the text of `file`.
    pub fn read(file: &Path, text: &str) -> Result<Self, InvalidDocument> {
        let instructions = lines::instructions(text);
        if instructions.is_empty() {
            return Err(InvalidDocument::new(file, "file with no instructions"));
        }
        let mut dockerfile = Self { arguments: Vec::new(), stages: Vec::new() };
        for instruction in &instructions {
            dockerfile
                .add(instruction)
                .map_err(|message| InvalidDocument::at(file, text, instruction.span.clone(), message))?;
        }
        Ok(dockerfile)
    }

    /// Whether the Dockerfile may be a build.Dockerfile.
    pub fn as_build(&self) -> Result<(), UnusableDockerfile> {
        const NAME: &str = "build.Dockerfile";
        if self.stages.len() > 1 {
            return Err(UnusableDockerfile::SeveralStages(NAME));
        }
        if self.arguments != [BASE_ARGUMENT] {
            return Err(UnusableDockerfile::NoArgument);
        }
        match self.stages.first() {
            None => Err(UnusableDockerfile::NoStage(NAME)),
            Some(stage) if stage.base == BASE => Ok(()),
            Some(_) => Err(UnusableDockerfile::OtherBase),
        }
    }

    /// What the Dockerfile does as a run.Dockerfile.
    pub fn as_run(&self) -> Result<RunChange, UnusableDockerfile> {
        const NAME: &str = "run.Dockerfile";
        match self.stages.as_slice() {
            [] => Err(UnusableDockerfile::NoStage(NAME)),
            [stage] => Ok(RunChange {
                new_base: Some(stage.base.clone()).filter(|base| base != BASE),
                extends: !stage.instructions.is_empty(),
            }),
            _ => Err(UnusableDockerfile::SeveralStages(NAME)),
        }
    }

    /// Instructions that make no sense in an extension, with their lines.
    pub fn not_recommended(&self) -> impl Iterator<Item = (&str, usize)> {
        let instructions = self.stages.iter().flat_map(|stage| &stage.instructions);
        instructions
            .map(|(name, line)| (name.as_str(), *line))
            .filter(|(name, _)| !RECOMMENDED.contains(name))
    }

    fn add(&mut self, instruction: &Instruction) -> Result<(), String> {
        let name = instruction.name.as_str();
        let mut words = instruction.arguments.split_whitespace().filter(|word| !word.starts_with("--"));
        match (name, self.stages.last_mut()) {
            (name, _) if !KNOWN.contains(&name) => Err(format!("unknown instruction: {name}")),
            ("FROM", _) => {
                let base = words.next().ok_or("FROM requires either one or three arguments")?.to_owned();
                self.stages.push(Stage { base, instructions: Vec::new() });
                Ok(())
            }
            (_, Some(stage)) => {
                stage.instructions.push((name.to_owned(), instruction.line));
                Ok(())
            }
            ("ARG", None) => {
                let argument = words.next().ok_or("ARG requires at least one argument")?;
                let name = argument.split('=').next().unwrap_or(argument);
                self.arguments.push(name.to_owned());
                Ok(())
            }
            _ => Err("no build stage in current context".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Dockerfile {
        Dockerfile::read(Path::new("Dockerfile"), text).expect(text)
    }

    #[test]
    fn a_build_dockerfile_keeps_its_base() {
        let table = [
            ("ARG base_image\nFROM ${base_image}\nRUN x", Ok(())),
            ("arg base_image=x\nfrom ${base_image}", Ok(())),
            ("ARG other\nFROM ${base_image}", Err(UnusableDockerfile::NoArgument)),
            ("FROM ${base_image}", Err(UnusableDockerfile::NoArgument)),
            ("ARG base_image\nARG x\nFROM ${base_image}", Err(UnusableDockerfile::NoArgument)),
            ("ARG base_image\nFROM debian", Err(UnusableDockerfile::OtherBase)),
            ("ARG base_image", Err(UnusableDockerfile::NoStage("build.Dockerfile"))),
            (
                "ARG base_image\nFROM ${base_image}\nFROM x",
                Err(UnusableDockerfile::SeveralStages("build.Dockerfile")),
            ),
        ];
        for (text, expected) in table {
            assert_eq!(read(text).as_build(), expected, "{text}");
        }
    }

    #[test]
    fn a_run_dockerfile_switches_or_extends() {
        let table = [
            ("ARG base_image\nFROM ${base_image}", (None, false)),
            ("FROM ${base_image}\nRUN x", (None, true)),
            ("FROM --platform=linux/amd64 debian:12 AS base", (Some("debian:12"), false)),
            ("FROM debian\nUSER 1", (Some("debian"), true)),
        ];
        for (text, (new_base, extends)) in table {
            let expected = RunChange { new_base: new_base.map(str::to_owned), extends };
            assert_eq!(read(text).as_run(), Ok(expected), "{text}");
        }
        assert!(read("FROM a\nFROM b").as_run().is_err());
    }

    #[test]
    fn instructions_are_checked() {
        let dockerfile = read("FROM x\nRUN a\nVOLUME /x\nEXPOSE 1");
        assert_eq!(dockerfile.not_recommended().collect::<Vec<_>>(), [("VOLUME", 3), ("EXPOSE", 4)]);
        let table = [
            ("", "Dockerfile: file with no instructions"),
            ("FROM x\nNOPE y", "Dockerfile:2:1: unknown instruction: NOPE"),
            ("RUN x", "Dockerfile:1:1: no build stage in current context"),
            ("FROM", "Dockerfile:1:1: FROM requires either one or three arguments"),
        ];
        for (text, expected) in table {
            let error = Dockerfile::read(Path::new("Dockerfile"), text).expect_err(text);
            assert_eq!(error.to_string(), expected);
        }
    }
}
