//! What `cnb rebase` costs: an image with 1 GB of layers, in a layout and in a registry.

use std::fs;
use std::fs::File;
use std::io::Write as _;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

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
    let (mut disk, mut starts) = (Vec::new(), Vec::new());
    let (mut layout, mut remote) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        disk.push(to_disk(&images)?);
        starts.push(Cost::of(example::cnb().arg("--version"))?);
        layout.push(rebase(&mut images.in_layout(round))?);
        // The first one went to the other run image.
        remote.push(rebase(&mut Images::in_registry(&registry.address(), round + 1))?);
    }
    // Back to the old one, whose layers are there.
    let (again, _) = metered(&meter, 1)?;

    println!(
        "\nan image with {} MB of layers, {ROUNDS} rebases each onto another run image",
        fixture::BYTES / 1_000_000
    );
    println!("{:34} {:>9}", "floor of the layout", "wall");
    println!("{:34} {:>9}", "three files brought to disk", millis(median(disk)));
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
    let cost = rebase(&mut Images::in_registry(&meter.address(), round))?;
    Ok((meter.sent.load(Ordering::Relaxed) - before, cost))
}

/// What a rebase costs that writes.
fn rebase(command: &mut Command) -> Result<Cost> {
    let (cost, said) = Cost::reading(command, |_, output| Ok(std::io::read_to_string(output)?))?;
    if said.contains("\nSaved ") { Ok(cost) } else { Err(format!("nothing was rebased:\n{said}").into()) }
}

fn show(name: &str, costs: &[Cost], goal: Option<u64>) {
    let wall = median(costs.iter().map(|cost| cost.wall));
    let cpu = median(costs.iter().map(|cost| cost.cpu)).as_millis();
    let (goal, of_goal) = match goal {
        Some(goal) => (format!("{goal} ms"), format!("{:.2} times", ratio(micros(wall), goal * 1000))),
        None => Default::default(),
    };
    println!("{name:34} {:>9} {goal:>9} {of_goal:>12} {cpu:>6} ms", millis(wall));
}

/// What config, manifest and index cost at least: written, with the directories that they are in.
fn to_disk(images: &Images) -> Result<Duration> {
    let directory = images.scratch()?;
    let start = Instant::now();
    for name in ["config", "manifest", "index"] {
        let mut file = File::create(directory.join(name))?;
        file.write_all(&[0; 2 << 10])?;
        file.sync_all()?;
    }
    for directory in [&directory, &images.layout] {
        File::open(directory)?.sync_all()?;
    }
    let elapsed = start.elapsed();
    fs::remove_dir_all(directory)?;
    Ok(elapsed)
}

fn millis(time: Duration) -> String {
    let micros = micros(time);
    format!("{}.{} ms", micros / 1000, micros % 1000 / 100)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "figures of a few digits")]
fn ratio(value: u64, goal: u64) -> f64 {
    value as f64 / goal as f64
}
