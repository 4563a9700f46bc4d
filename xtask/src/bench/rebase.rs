//! What `cnb rebase` costs: an image with 1 GB of layers, in a layout and in a registry.

use std::sync::atomic::Ordering;

use super::cost::Cost;
use super::median;
use crate::Result;
use crate::debian;
use crate::engine::registry::Registry;
use crate::example;
use crate::programs;

mod fixture;
mod meter;

use fixture::Images;
use meter::Meter;

/// Rebases of each kind; the figures in the middle count.
const ROUNDS: usize = 20;

/// Measures, and prints a table.
///
/// # Errors
/// When something cannot be made, or a rebase fails.
pub(super) fn run() -> Result<()> {
    debian::ensure(&["skopeo", "umoci"])?;
    programs::dist()?;
    let registry = Registry::start()?;
    let meter = Meter::start(registry.address())?;
    let images = Images::make(&registry, &meter)?;

    // The first one mounts the layers of the new base; later ones find them.
    let (sent, first) = metered(&meter, 0)?;
    let mut starts = Vec::new();
    let (mut layout, mut remote) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        starts.push(Cost::of(example::cnb().arg("--version"))?);
        layout.push(Cost::of(&mut images.in_layout(round))?);
        // The first one went to the other run image.
        remote.push(Cost::of(&mut Images::in_registry(&registry.address(), round + 1))?);
    }
    // Back to the old one, whose layers are there.
    let (again, _) = metered(&meter, 1)?;

    println!(
        "\nan image with {} MB of layers, {ROUNDS} rebases each onto another run image",
        fixture::BYTES / 1_000_000
    );
    println!("{:34} {:>9} {:>9} {:>12} {:>9}", "", "wall", "goal", "of its goal", "CPU");
    for (name, costs, goal) in [
        ("start of cnb", &starts, None),
        ("layout", &layout, Some(50)),
        ("registry on loopback", &remote, Some(300)),
    ] {
        show(name, costs, goal);
    }
    show("registry, layers are mounted", &[first], Some(300));
    println!("{:34} {:>9} {:>9} {:>12}", "", "sent", "goal", "of its goal");
    for (name, bytes) in [("registry, layers are mounted", sent), ("registry, layers are there", again)] {
        let kilobytes = |bytes: u64| format!("{}.{} kB", bytes / 1000, bytes % 1000 / 100);
        println!("{name:34} {:>9} {:>9} {:>6.2} times", kilobytes(bytes), "100 kB", ratio(bytes, 100_000));
    }
    images.remove()
}

/// A rebase through the meter, and the bytes that it sent.
fn metered(meter: &Meter, round: usize) -> Result<(u64, Cost)> {
    let before = meter.sent.load(Ordering::Relaxed);
    let cost = Cost::of(&mut Images::in_registry(&meter.address(), round))?;
    Ok((meter.sent.load(Ordering::Relaxed) - before, cost))
}

fn show(name: &str, costs: &[Cost], goal: Option<u64>) {
    let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let wall = micros(median(costs.iter().map(|cost| cost.wall)));
    let cpu = micros(median(costs.iter().map(|cost| cost.cpu)));
    let (goal, of_goal) = match goal {
        Some(goal) => (format!("{goal} ms"), format!("{:.2} times", ratio(wall, goal * 1000))),
        None => Default::default(),
    };
    let wall = format!("{}.{} ms", wall / 1000, wall % 1000 / 100);
    println!("{name:34} {wall:>9} {goal:>9} {of_goal:>12} {:>6} ms", cpu / 1000);
}

#[expect(clippy::cast_precision_loss, reason = "figures of a few digits")]
fn ratio(value: u64, goal: u64) -> f64 {
    value as f64 / goal as f64
}
