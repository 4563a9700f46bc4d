//! The processes of all buildpacks together.

use std::collections::BTreeMap;

use cnb_core::api::PlatformApi;
use cnb_core::build_metadata::Process;
use cnb_core::buildpack::launch::LaunchProcess;
use cnb_core::id::BuildpackId;
use cnb_core::id::ProcessType;

/// Processes by type: a later one replaces an earlier one of the same type.
#[derive(Debug, Default)]
pub(super) struct Processes {
    by_type: BTreeMap<ProcessType, Process>,
    /// Empty when there is none, which is also the type of a process that has none, as in Go.
    default: ProcessType,
}

impl Processes {
    /// Adds the processes of a buildpack. Returns the type of the default process if it is no default any more,
    /// because a process that is not called the default replaced it.
    pub(super) fn add(
        &mut self,
        buildpack: &BuildpackId,
        processes: Vec<LaunchProcess>,
    ) -> Option<ProcessType> {
        let mut redefined = None;
        for process in processes {
            if process.default {
                self.default = process.process_type.clone();
                redefined = None;
            } else if self.default == process.process_type {
                redefined = Some(std::mem::take(&mut self.default));
            }
            self.by_type.insert(process.process_type.clone(), from(buildpack, process));
        }
        redefined
    }

    /// All processes by type, as a platform of this version knows them, and the type of the default one.
    pub(super) fn finish(self, api: PlatformApi) -> (Vec<Process>, Option<ProcessType>) {
        let default = Some(self.default).filter(|name| !name.as_str().is_empty());
        (self.by_type.into_values().map(|process| process.for_platform(api)).collect(), default)
    }
}

fn from(buildpack: &BuildpackId, process: LaunchProcess) -> Process {
    Process {
        r#type: process.process_type,
        command: process.command,
        args: process.args,
        direct: process.direct,
        default: false,
        buildpack_id: buildpack.to_string(),
        working_dir: process.working_dir,
        exec_env: process.exec_env,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(name: &str, default: bool) -> LaunchProcess {
        LaunchProcess {
            process_type: name.parse().expect("a process type"),
            command: vec!["run".to_owned()],
            args: None,
            direct: true,
            default,
            working_dir: String::new(),
            exec_env: Vec::new(),
        }
    }

    #[test]
    fn the_last_default_counts() {
        // (processes of each of two buildpacks, default in the end, redefined by the second buildpack)
        type Group = &'static [(&'static str, bool)];
        let cases: [(Group, Group, Option<&str>, Option<&str>); 7] = [
            (&[("web", true)], &[("worker", false)], Some("web"), None),
            (&[("web", true)], &[("worker", true)], Some("worker"), None),
            (&[("web", true)], &[("web", false)], None, Some("web")),
            (&[("web", true)], &[("web", false), ("worker", true)], Some("worker"), None),
            (&[("web", false)], &[("web", false)], None, None),
            (&[("web", true)], &[("", true)], None, None),
            (&[("web", false)], &[("", false)], None, Some("")),
        ];
        for (first, second, default, redefined) in cases {
            let mut processes = Processes::default();
            let id = "a".parse().expect("an ID");
            let list = |group: Group| {
                group.iter().map(|(name, default)| process(name, *default)).collect::<Vec<_>>()
            };
            processes.add(&id, list(first));
            let result = processes.add(&id, list(second));
            assert_eq!(result.as_ref().map(ProcessType::as_str), redefined, "{first:?} {second:?}");
            let (_, result) = processes.finish(PlatformApi::NEWEST);
            assert_eq!(result.as_ref().map(ProcessType::as_str), default, "{first:?} {second:?}");
        }
    }
}
