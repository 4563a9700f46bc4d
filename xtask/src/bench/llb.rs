//! Graphs of LLB, built and marshalled: cnb-llb beside its peers.

use std::ops::RangeInclusive;

use crate::Result;
use crate::command::cargo;
use crate::command::command;
use crate::command::read;
use crate::command::run;
use crate::workspace;

const MANIFEST: &str = "benches/llb/Cargo.toml";
/// The recorder of the tests is BuildKit's Go client, and has the graphs too.
const GO_CLIENT: &str = "cnb-llb/tests/go";
const VERTICES: &str = "10000";
/// Rounds that are made, fewer if they take long. The fastest one counts: only other work on the machine makes one
/// slower.
const ROUNDS: RangeInclusive<usize> = 3..=25;
/// After how many seconds no more than the fewest rounds are made.
const LONG: f64 = 5.0;

/// A library that makes graphs.
struct Library {
    name: &'static str,
    program: std::path::PathBuf,
    argument: &'static str,
}

/// What a graph cost.
struct Cost {
    wall: f64,
    cpu: f64,
    bytes: u64,
    peak_kib: u64,
}

/// Measures, and prints a table for each graph.
///
/// # Errors
/// When a program does not build or fails.
pub(super) fn measure() -> Result<()> {
    let libraries = build()?;
    println!(
        "{VERTICES} vertices, built and marshalled; the fastest of several rounds; goal: 5 times faster than Go"
    );
    for (graph, about) in [("chain", "commands, each on the one before"), ("merge", "copies, merged")] {
        println!(
            "\n{about:34} {:>9} {:>9} {:>9} {:>9} {:>11} {:>11}",
            "wall", "CPU", "peak", "bytes", "wall", "CPU"
        );
        let costs: Vec<Cost> =
            libraries.iter().map(|library| library.fastest(graph)).collect::<Result<_>>()?;
        for (library, cost) in libraries.iter().zip(&costs) {
            let times = |of: fn(&Cost) -> f64| format!("{:.1} times", of(cost) / of(&costs[0]));
            println!(
                "{:34} {:>6.1} ms {:>6.1} ms {:>6} MB {:>9} {:>11} {:>11}",
                library.name,
                cost.wall * 1e3,
                cost.cpu * 1e3,
                cost.peak_kib / 1000,
                cost.bytes,
                times(|cost| cost.wall),
                times(|cost| cost.cpu),
            );
        }
    }
    Ok(())
}

/// Ours is the first.
fn build() -> Result<[Library; 3]> {
    let directory = workspace::target().join("llb-bench");
    run(cargo(["build", "--release", "--locked", "--manifest-path", MANIFEST, "--target-dir"])
        .arg(&directory))?;
    let (ours, go) = (directory.join("release/llb-bench"), directory.join("go-client"));
    let mut build = command("go");
    run(build.args(["build", "-o"]).arg(&go).current_dir(workspace::root().join(GO_CLIENT)))?;
    Ok([
        Library { name: "cnb-llb", program: ours.clone(), argument: "cnb" },
        Library { name: "bollard-llb 0.1.0", program: ours, argument: "bollard" },
        Library { name: "Go client/llb v0.34.2", program: go, argument: "bench" },
    ])
}

impl Library {
    fn fastest(&self, graph: &str) -> Result<Cost> {
        let mut fastest = self.round(graph)?;
        let mut spent = fastest.wall;
        for number in 1..*ROUNDS.end() {
            if number >= *ROUNDS.start() && spent > LONG {
                break;
            }
            let round = self.round(graph)?;
            spent += round.wall;
            if round.wall < fastest.wall {
                fastest = round;
            }
        }
        Ok(fastest)
    }

    fn round(&self, graph: &str) -> Result<Cost> {
        let line = read(command(&self.program).args([self.argument, graph, VERTICES]))?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let [wall, cpu, bytes, peak_kib] = words[..] else {
            return Err(format!("{} printed {line:?}", self.name).into());
        };
        Ok(Cost {
            wall: wall.parse()?,
            cpu: cpu.parse()?,
            bytes: bytes.parse()?,
            peak_kib: peak_kib.parse()?,
        })
    }
}
