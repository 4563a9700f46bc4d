//! Options of `docker build`, beside those that every frontend takes as they are.

use std::collections::BTreeMap;

use cnb_llb::gateway::NoCache;

use crate::target::Target;

/// What Docker's own frontend does, and this one not: the option, and how it is called on the command line.
const UNSUPPORTED: [(&str, &str); 13] = [
    ("attest:sbom", "--sbom"),
    ("build-arg:BUILDKIT_SANDBOX_HOSTNAME", "--build-arg BUILDKIT_SANDBOX_HOSTNAME"),
    ("cgroup-parent", "--cgroup-parent"),
    ("cpuperiod", "--cpu-period"),
    ("cpuquota", "--cpu-quota"),
    ("cpusetcpus", "--cpuset-cpus"),
    ("cpusetmems", "--cpuset-mems"),
    ("cpushares", "--cpu-shares"),
    ("hostname", "hostname"),
    ("memory", "--memory"),
    ("memswap", "--memory-swap"),
    ("shm-size", "--shm-size"),
    ("ulimit", "--ulimit"),
];

/// What is asked for and not done, as on the command line.
pub fn unsupported(options: &BTreeMap<String, String>) -> Vec<&'static str> {
    let asked = UNSUPPORTED.iter().filter(|(option, _)| options.contains_key(*option));
    asked.map(|(_, shown)| *shown).collect()
}

/// Whether nothing is taken from the cache. A build has no stages: to name one of its targets means all of it.
pub fn ignores_cache(no_cache: &NoCache) -> bool {
    match no_cache {
        NoCache::No => false,
        NoCache::Everything => true,
        NoCache::Stages(names) => names.iter().any(|name| Target::read(Some(name)).is_ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_done_is_named_as_it_was_asked_for() {
        let options = ["ulimit", "attest:sbom", "attest:provenance", "add-hosts"];
        let options = options.map(|option| (option.to_owned(), String::new())).into();
        assert_eq!(unsupported(&options), ["--sbom", "--ulimit"]);
    }

    #[test]
    fn targets_are_what_stages_are_elsewhere() {
        let stages = |names: &[&str]| NoCache::Stages(names.iter().map(|&name| name.to_owned()).collect());
        for (no_cache, expected) in [
            (NoCache::No, false),
            (NoCache::Everything, true),
            (stages(&["other", "Build"]), true),
            (stages(&["other"]), false),
        ] {
            assert_eq!(ignores_cache(&no_cache), expected, "{no_cache:?}");
        }
    }
}
