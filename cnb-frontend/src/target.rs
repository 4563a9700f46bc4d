//! `--target`: how far a build goes.

/// How far a build goes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// Up to the phase that finds out which buildpacks take part.
    Detect,
    /// Up to the phase in which the buildpacks build.
    Build,
    /// To the image.
    #[default]
    Image,
}

/// There is no such target.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no target `{0}`: there are `detect`, `build` and `image`")]
pub struct UnknownTarget(String);

impl Target {
    /// All of them, in the order of their work.
    pub const ALL: [Self; 3] = [Self::Detect, Self::Build, Self::Image];

    /// The target of an option; the image without one. As for stages of Dockerfiles, upper and lower case are the same.
    ///
    /// # Errors
    /// When there is no such target.
    pub fn read(name: Option<&str>) -> Result<Self, UnknownTarget> {
        let Some(name) = name else { return Ok(Self::default()) };
        let found = Self::ALL.into_iter().find(|target| target.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| UnknownTarget(name.to_owned()))
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Detect => "detect",
            Self::Build => "build",
            Self::Image => "image",
        }
    }

    /// What it makes, in words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Detect => "group.toml and plan.toml: which buildpacks take part, and what they need",
            Self::Build => "the directories /layers and /workspace as the buildpacks left them",
            Self::Image => "the image of the application",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_names() {
        assert_eq!(Target::read(None), Ok(Target::Image));
        for target in Target::ALL {
            assert_eq!(Target::read(Some(target.name())), Ok(target));
        }
        assert_eq!(Target::read(Some("Build")), Ok(Target::Build));
        let error = Target::read(Some("test")).expect_err("unknown");
        assert_eq!(error.to_string(), "there is no target `test`: there are `detect`, `build` and `image`");
    }
}
