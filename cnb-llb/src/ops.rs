//! The messages of BuildKit's `ops.proto`, as of v0.34.2.
//!
//! What the builders of this crate write, and what [`Definition::vertices`](crate::Definition::vertices)
//! gives back. Fields are public to be read; a graph is made with the builders, which know what belongs
//! together. Follows BuildKit, so it may grow with it.

mod definition;
mod exec;
mod file;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

pub use definition::*;
pub use exec::*;
pub use file::*;

use crate::capability::Capability;
pub use crate::wire::Packed;
use crate::wire::messages;

messages! {
    /// `pb.Op`: an operation and what it needs. It has one of the kinds, or none at the end of a definition.
    ///
    /// The members of the `oneof` come last in what Go writes, after fields with higher numbers.
    Op {
        1 inputs "inputs": Vec<Input>,
        10 platform "platform": Option<Platform>,
        11 constraints "constraints": Option<WorkerConstraints>,
        2 exec "exec": Option<ExecOp>,
        3 source "source": Option<SourceOp>,
        4 file "file": Option<FileOp>,
        5 build "build": Option<BuildOp>,
        6 merge "merge": Option<MergeOp>,
        7 diff "diff": Option<DiffOp>,
        8 passthrough "passthrough": Option<PassthroughOp>,
    }

    /// `pb.Platform`: an operating system and an architecture, as Go names them.
    Platform {
        1 architecture "Architecture": String,
        2 os "OS": String,
        3 variant "Variant": String,
        4 os_version "OSVersion": String,
        5 os_features "OSFeatures": Vec<String>,
    }

    /// `pb.Input`: an output of another operation.
    Input {
        1 digest "digest": String,
        2 index "index": i64,
    }

    /// `pb.WorkerConstraints`: which workers of a daemon may do it.
    WorkerConstraints {
        1 filter "filter": Vec<String>,
    }

    /// `pb.SourceOp`: files from outside of the graph.
    SourceOp {
        1 identifier "identifier": String,
        2 attrs "attrs": BTreeMap<String, String>,
    }

    /// `pb.BuildOp`: a definition, found in files, that is built in place of this operation.
    BuildOp {
        1 builder "builder": i64,
        2 inputs "inputs": BTreeMap<String, BuildInput>,
        3 def "def": Option<Definition>,
        4 attrs "attrs": BTreeMap<String, String>,
    }

    /// `pb.BuildInput`.
    BuildInput {
        1 input "input": i64,
    }

    /// `pb.MergeOp`: trees on top of each other, the last one topmost.
    MergeOp {
        1 inputs "inputs": Vec<MergeInput>,
    }

    /// `pb.MergeInput`.
    MergeInput {
        1 input "input": i64,
    }

    /// `pb.DiffOp`: what the upper tree changes of the lower one.
    DiffOp {
        1 lower "lower": Option<LowerDiffInput>,
        2 upper "upper": Option<UpperDiffInput>,
    }

    /// `pb.LowerDiffInput`.
    LowerDiffInput {
        1 input "input": i64,
    }

    /// `pb.UpperDiffInput`.
    UpperDiffInput {
        1 input "input": i64,
    }

    /// `pb.PassthroughOp`: some of its inputs, once all of them are there.
    PassthroughOp {
        1 id "id": String,
        2 outputs "outputs": Packed<i64>,
    }

    /// `pb.OpMetadata`: what does not change what an operation makes, and so is not part of its digest.
    OpMetadata {
        1 ignore_cache "ignore_cache": bool,
        2 description "description": BTreeMap<String, String>,
        4 export_cache "export_cache": Option<ExportCache>,
        5 caps "caps": BTreeSet<Capability>,
        6 progress_group "progress_group": Option<ProgressGroup>,
        7 linux_resources "linux_resources": Option<LinuxResources>,
    }

    /// `pb.ExportCache`: whether the result becomes part of an exported cache.
    ExportCache {
        1 value "Value": bool,
    }

    /// `pb.ProgressGroup`: operations that progress shows as one.
    ProgressGroup {
        1 id "id": String,
        2 name "name": String,
        3 weak "weak": bool,
    }

    /// `pb.LinuxResources`: what a container may use, of memory and processors. Zero and empty mean no limit.
    LinuxResources {
        1 memory "memory": i64,
        2 memory_swap "memorySwap": i64,
        3 cpu_shares "cpuShares": u64,
        4 cpu_period "cpuPeriod": u64,
        5 cpu_quota "cpuQuota": i64,
        6 cpuset_cpus "cpusetCpus": String,
        7 cpuset_mems "cpusetMems": String,
    }
}
