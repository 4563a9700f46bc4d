//! What the program `lifecycle` needs to export a large layer and to restore it.

use std::time::Duration;

use super::cost;
use super::cost::Cost;
use super::floor::Floor;
use super::median;
use super::seconds;
use crate::Result;
use crate::debian;
use crate::programs;

mod application;

use application::Application;
use application::Target;

/// Bytes of the layer.
const LARGE: u64 = 1_000_000_000;
/// Bytes of the layer of an export that shows what the process needs at its start.
const SMALL: u64 = 1 << 10;
/// How often everything is measured, one after the other; the figures in the middle count.
const ROUNDS: usize = 5;

/// Measures, and prints tables.
///
/// # Errors
/// When a phase fails.
pub(super) fn run() -> Result<()> {
    debian::ensure(&["binutils", "skopeo", "umoci"])?;
    programs::dist()?;
    let (large, small) = (Application::new("large", LARGE)?, Application::new("small", SMALL)?);
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        eprintln!("round {} of {ROUNDS}", round + 1);
        rounds.push(Round::measure(&large, &small)?);
    }
    show(&rounds);
    large.remove()?;
    small.remove()
}

/// Everything, once.
struct Round {
    floor: Floor,
    /// In the order of [`ROWS`].
    costs: Vec<Phase>,
    /// The same with a small layer.
    starts: Vec<Phase>,
}

/// A phase that ran.
struct Phase {
    cost: Cost,
    /// CPU time that the registry took meanwhile.
    registry: Option<Duration>,
}

/// What is measured, its goal, and the floors it is compared with: of several, the slower one.
struct Row {
    name: &'static str,
    goal: &'static str,
    floor: fn(&Floor) -> f64,
}

const ROWS: &[Row] = &[
    Row { name: "layout: first export", goal: "1.25", floor: Floor::of_first_export },
    Row { name: "layout: unchanged export", goal: "1.25", floor: Floor::of_unchanged_export },
    Row { name: "registry: first export", goal: "1.25", floor: Floor::of_first_export },
    Row { name: "registry: unchanged export", goal: "1.25", floor: Floor::of_unchanged_export },
    Row { name: "layout + cache: first export", goal: "", floor: Floor::of_first_export },
    Row { name: "layout + cache: unchanged export", goal: "", floor: Floor::of_unchanged_export },
    Row { name: "restore from the cache", goal: "1.25", floor: Floor::of_restore },
];

impl Floor {
    fn of_first_export(&self) -> f64 {
        self.compress.max(self.read_and_sha256).as_secs_f64()
    }

    fn of_unchanged_export(&self) -> f64 {
        self.read_and_sha256.as_secs_f64()
    }

    fn of_restore(&self) -> f64 {
        self.read_and_sha256_and_write.as_secs_f64()
    }
}

impl Round {
    fn measure(large: &Application, small: &Application) -> Result<Self> {
        let floor = Floor::measure(&large.layer())?;
        Ok(Self { floor, costs: costs(large)?, starts: costs(small)? })
    }
}

impl Phase {
    fn export(application: &Application, target: &Target, with_cache: bool) -> Result<Self> {
        let registry = || target.process_id().map(cost::cpu).transpose();
        let before = registry()?;
        let cost = application.export(target, with_cache)?;
        let registry = registry()?.zip(before).map(|(after, before)| after.saturating_sub(before));
        Ok(Self { cost, registry })
    }
}

fn costs(application: &Application) -> Result<Vec<Phase>> {
    let mut costs = Vec::new();
    for target in [Target::Layout, Target::registry()?] {
        application.forget(&target)?;
        application.types("launch = true")?;
        for _ in ["first", "unchanged"] {
            costs.push(Phase::export(application, &target, false)?);
        }
    }
    let target = Target::Layout;
    application.forget(&target)?;
    application.types("launch = true\ncache = true")?;
    for _ in ["first", "unchanged"] {
        costs.push(Phase::export(application, &target, true)?);
    }
    costs.push(Phase { cost: application.restore(&target)?, registry: None });
    Ok(costs)
}

fn show(rounds: &[Round]) {
    println!("\n{} MB of real files in one launch layer, {ROUNDS} rounds", rounds[0].floor.bytes / 1_000_000);
    println!("{:41} {:>9}", "floor", "wall");
    for (name, time) in [
        ("read + SHA-256, one core", median(rounds.iter().map(|round| round.floor.read_and_sha256))),
        ("read + compress, all cores", median(rounds.iter().map(|round| round.floor.compress))),
        // No floor of a goal, but what the first export comes down to.
        (
            "read + compress + both digests, all cores",
            median(rounds.iter().map(|round| round.floor.compress_and_sha256)),
        ),
        (
            "read + SHA-256 + write, one core",
            median(rounds.iter().map(|round| round.floor.read_and_sha256_and_write)),
        ),
    ] {
        println!("{name:41} {:>9}", seconds(time));
    }
    println!(
        "\n{:34} {:>9} {:>9} {:>14} {:>6} {:>20} {:>16}",
        "", "wall", "CPU", "of its floor", "goal", "peak beyond start", "CPU of registry"
    );
    for (index, row) in ROWS.iter().enumerate() {
        let wall = median(rounds.iter().map(|round| round.costs[index].cost.wall));
        let cpu = median(rounds.iter().map(|round| round.costs[index].cost.cpu));
        // Of one round each: what slows the machine slows both.
        let ratio = |round: &Round| round.costs[index].cost.wall.as_secs_f64() / (row.floor)(&round.floor);
        let mut ratios: Vec<f64> = rounds.iter().map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        let ratio = ratios[ratios.len() / 2];
        let beyond = |round: &Round| {
            round.costs[index].cost.peak_kib.saturating_sub(round.starts[index].cost.peak_kib)
        };
        let beyond = median(rounds.iter().map(beyond));
        let registry: Option<Vec<Duration>> =
            rounds.iter().map(|round| round.costs[index].registry).collect();
        let registry = registry.map(median);
        println!(
            "{:34} {:>9} {:>9} {:>8.2} times {:>6} {:>17} MB {:>16}",
            row.name,
            seconds(wall),
            seconds(cpu),
            ratio,
            row.goal,
            beyond * 1024 / 1_000_000,
            registry.map(seconds).unwrap_or_default(),
        );
    }
}
