//! Which rule came with which version: the only place that compares versions.
//!
//! Source: every place where the Go lifecycle asks for a version.

use super::BuildpackApi;
use super::PlatformApi;

/// Makes a method for each row.
macro_rules! gates {
    ($api:ident { $($since:literal $name:ident $doc:literal,)* }) => {
        impl $api {
            $(
                #[doc = $doc]
                #[doc = concat!("\n\nSince 0.", stringify!($since), ".")]
                pub fn $name(self) -> bool {
                    self >= Self::v0($since)
                }
            )*

            /// Every gate with the minor version that opened it.
            #[cfg(test)]
            pub(crate) const GATES: &[(&str, u32, fn(Self) -> bool)] =
                &[$((stringify!($name), $since, Self::$name),)*];
        }
    };
}

gates! { PlatformApi {
    8 has_sboms "SBOM files of buildpacks are collected, exported, cached and restored.",
    9 has_sboms_only "The older bill of materials leaves labels and report; it becomes an SBOM file.",
    9 honours_source_date_epoch "`SOURCE_DATE_EPOCH` says when the image was made.",
    10 has_command_lists "The command of a process is a list, and its first entries cannot be replaced by the user.",
    10 has_extensions "There are image extensions: detector and restorer know of images that they change.",
    10 restores_without_layers "A creator that restores no layers restores the stores of buildpacks.",
    11 has_lifecycle_sboms "The SBOMs of lifecycle and launcher go into the image.",
    12 has_targets "Images say what they run on, in place of stacks: run.toml, targets, names of the run image in labels.",
    12 keeps_history "The history of the base is kept, and layers say what they are in it.",
    12 extends_run_images "Extensions may put layers on the run image.",
    12 builder_takes_analyzed "The builder takes analyzed.toml.",
    13 has_stable_extensions "Extensions are no experiment, and each has a directory of its own for what it generates.",
    13 keeps_old_cache_images "A cache image that was replaced stays in its registry.",
    14 checks_run_image_again "The restorer makes sure that the run image can be read.",
    14 restores_metadata_from_cache "Layers that the previous image lacks get their metadata from the cache.",
    15 has_exec_env "Images are built for an execution environment.",
    15 has_system_buildpacks "The platform may add buildpacks to every group.",
}}

gates! { BuildpackApi {
    8 has_directory_variables "Buildpacks find their directories in variables, too.",
    8 has_working_directories "Processes say where they start.",
    9 has_command_lists "The command of a process is a list, it starts without a shell, and arguments of the user replace its own.",
    10 has_targets "Buildpacks say what they run on, and know what they build for.",
    12 has_exec_env "Buildpacks and processes may be for some execution environments only.",
}}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_stays_open() {
        for (name, since, is_open) in PlatformApi::GATES {
            for api in PlatformApi::supported() {
                assert_eq!(is_open(api), api >= PlatformApi::v0(*since), "{name} at {api}");
            }
        }
        for (name, since, is_open) in BuildpackApi::GATES {
            for api in BuildpackApi::supported() {
                assert_eq!(is_open(api), api >= BuildpackApi::v0(*since), "{name} at {api}");
            }
        }
    }
}
