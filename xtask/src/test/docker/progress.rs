//! What `--progress=plain` says of a build.

use std::collections::BTreeMap;

/// The steps of a build by their numbers.
#[derive(Debug, Default)]
pub(super) struct Progress {
    steps: BTreeMap<u32, Step>,
}

/// What is not work of a build: looking up what it is made of, and handing over what it made.
const AROUND: [&str; 6] =
    ["[internal]", "[auth]", "docker-image://", "exporting", "importing", "resolve image config"];

/// A vertex.
#[derive(Debug, Default)]
struct Step {
    name: String,
    output: String,
    done: bool,
}

impl Progress {
    /// Reads what a build printed. Lines that are of no step are left out.
    pub(super) fn read(printed: &str) -> Self {
        let mut progress = Self::default();
        for line in printed.lines() {
            let Some((number, text)) = line.strip_prefix('#').and_then(|line| line.split_once(' ')) else {
                continue;
            };
            let Ok(number) = number.parse() else { continue };
            progress.steps.entry(number).or_default().read(text);
        }
        progress
    }

    /// The names of the steps that did something, without those around the build.
    pub(super) fn work(&self) -> Vec<&str> {
        let work = self.steps.values().filter(|step| step.done && !step.is_around());
        work.map(|step| step.name.as_str()).collect()
    }

    /// What was printed in all steps.
    pub(super) fn output(&self) -> String {
        self.steps.values().map(|step| step.output.as_str()).collect()
    }
}

impl Step {
    fn read(&mut self, text: &str) {
        // A step that goes on after others is named again.
        if self.name.is_empty() {
            text.clone_into(&mut self.name);
        } else if text.starts_with("DONE ") {
            self.done = true;
        } else if let Some((time, line)) = text.split_once(' ')
            && time.parse::<f64>().is_ok()
        {
            self.output.push_str(line);
            self.output.push('\n');
        }
    }

    fn is_around(&self) -> bool {
        AROUND.iter().any(|prefix| self.name.starts_with(prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::Progress;

    #[test]
    fn work_is_what_was_done_and_not_cached() {
        let progress = Progress::read(
            "#1 [internal] load build context\n#1 transferring context: 10B done\n#1 DONE 0.0s\n\n\
             #2 detect\n#2 CACHED\n\n#3 build\n#3 0.101 a line\n#3 ...\n\n#4 copy\n#4 DONE 0.1s\n\n\
             #3 build\n#3 12.50 another line\n#3 DONE 13.0s\n\n------\nERROR: not a step\n",
        );
        assert_eq!(progress.work(), ["build", "copy"]);
        assert_eq!(progress.output(), "a line\nanother line\n");
    }
}
