//! What building an application again costs: without a change, with a changed source file, and on another run image;
//! locally and with BuildKit, beside `docker build` of a Dockerfile of the same application.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::cost::Cost;
use super::docker::dockerfile;
use super::docker::processes::cpu;
use super::median;
use super::rebase;
use crate::Result;
use crate::debian;
use crate::engine::docker::Engine;
use crate::engine::docker::Store;
use crate::engine::registry::Registry;
use crate::example;
use crate::test::docker::application::Application;
use crate::test::docker::application::EXPRESS;
use crate::test::docker::application::FLASK;
use crate::test::docker::pushed::Options;

mod place;

use place::Place;

/// Builds of each kind; the one in the middle counts.
const ROUNDS: usize = 5;
/// CPU time of a local build that has nothing to do.
const NO_CHANGE_GOAL: Duration = Duration::from_millis(150);
/// Layers that a changed source file may change.
const MOVED_GOAL: usize = 1;

/// By what an image is built.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Local,
    BuildKit,
    Dockerfile,
}

impl Way {
    const ALL: [Self; 3] = [Self::Local, Self::BuildKit, Self::Dockerfile];

    fn name(self) -> &'static str {
        match self {
            Self::Local => "cnb build",
            Self::BuildKit => "cnb build --backend docker",
            Self::Dockerfile => "Dockerfile",
        }
    }
}

/// What is done to an image.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Work {
    Unchanged,
    Changed,
    /// `cnb rebase`, which a Dockerfile is built anew for.
    Rebase,
}

impl Work {
    const ALL: [Self; 3] = [Self::Unchanged, Self::Changed, Self::Rebase];

    fn name(self) -> &'static str {
        match self {
            Self::Unchanged => "no change",
            Self::Changed => "source change",
            Self::Rebase => "other run image",
        }
    }
}

/// What one thing cost one way.
struct Figure {
    way: Way,
    work: Work,
    wall: Duration,
    cpu: Duration,
}

/// Measures, and prints tables.
///
/// # Errors
/// When a build fails, or a changed source file changes more than a layer.
pub(super) fn run() -> Result<()> {
    debian::ensure(&["skopeo", "umoci"])?;
    example::builder::make()?;
    let registry = Registry::start()?;
    let engine = Engine::start(Store::Containerd)?;
    engine.explaining(|| {
        let place = Place::make(&engine, &registry)?;
        println!("\nthe median of {ROUNDS}; CPU is that of all processes, those of the engine too");
        [FLASK, EXPRESS].into_iter().try_for_each(|example| {
            let application = Application::copy(example, &engine.scratch()?, example.name)?;
            compare(&place, &application)
        })
    })?;
    rebase::run()
}

fn compare(place: &Place<'_>, application: &Application) -> Result<()> {
    let name = application.example.name;
    // The first one fills caches.
    for way in Way::ALL {
        place.build(application, way)?;
    }
    let (mut ways, mut figures, mut moved) = (Way::ALL, Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let before = layers(place, name, round - 1)?;
        application.change(round)?;
        // Who comes first may pay for what others need too.
        ways.rotate_left(1);
        for work in [Work::Changed, Work::Unchanged] {
            for way in ways {
                figures.push(measured(place, way, work, &mut place.build_of(application, way, round)?)?);
            }
        }
        moved.push(count_moved(&before, &layers(place, name, round)?)?);
        place.make_run_image(round)?;
        place.push(application, round)?;
        for way in ways {
            let mut rebase = place.rebase_of(application, way, round)?;
            figures.push(measured(place, way, Work::Rebase, &mut rebase)?);
        }
    }
    print(name, &figures);
    print_moved(&moved)
}

fn measured(place: &Place<'_>, way: Way, work: Work, command: &mut Command) -> Result<Figure> {
    let before = cpu(place.engine)?;
    let log = place.engine.scratch()?.join("log");
    let cost = Cost::of(command.stderr(fs::File::create(&log)?));
    let cost = cost.map_err(|error| {
        format!("{}, {}: {error}\n{}", work.name(), way.name(), fs::read_to_string(&log).unwrap_or_default())
    })?;
    let in_engine = cpu(place.engine)?.saturating_sub(before);
    Ok(Figure { way, work, wall: cost.wall, cpu: cost.cpu + in_engine })
}

/// The diffIDs of the images.
fn layers(place: &Place<'_>, name: &str, round: usize) -> Result<[Vec<String>; 3]> {
    let [mut local, mut buildkit, mut dockerfile] = <[Vec<String>; 3]>::default();
    for (way, layers) in Way::ALL.into_iter().zip([&mut local, &mut buildkit, &mut dockerfile]) {
        *layers = place.diff_ids(name, way, round)?;
    }
    Ok([local, buildkit, dockerfile])
}

/// How many layers of each image are not where they were.
fn count_moved(before: &[Vec<String>; 3], after: &[Vec<String>; 3]) -> Result<[usize; 3]> {
    let mut moved = [0; 3];
    for ((before, after), moved) in before.iter().zip(after).zip(&mut moved) {
        if before.len() != after.len() {
            return Err(format!("an image of {} layers has {} now", before.len(), after.len()).into());
        }
        *moved = before.iter().zip(after).filter(|(before, after)| before != after).count();
    }
    Ok(moved)
}

fn print(name: &str, figures: &[Figure]) {
    let middle = |way: Way, work: Work, of: fn(&Figure) -> Duration| {
        median(figures.iter().filter(|figure| (figure.way, figure.work) == (way, work)).map(of))
    };
    println!("\n{name:44} {:>9} {:>9} {:>22}", "wall", "CPU", "of Dockerfile's");
    for work in Work::ALL {
        for way in Way::ALL {
            let (wall, cpu) =
                (middle(way, work, |figure| figure.wall), middle(way, work, |figure| figure.cpu));
            let wall_ratio = ratio(wall, middle(Way::Dockerfile, work, |figure| figure.wall));
            let cpu_ratio = ratio(cpu, middle(Way::Dockerfile, work, |figure| figure.cpu));
            println!(
                "{:44} {:>6} ms {:>6} ms {wall_ratio:>7.2} wall {cpu_ratio:>5.2} CPU",
                format!("{}, {}", work.name(), way.name()),
                wall.as_millis(),
                cpu.as_millis(),
            );
        }
    }
    let cpu = middle(Way::Local, Work::Unchanged, |figure| figure.cpu);
    println!(
        "no change, {}: {} ms of CPU; goal: less than {} ms, {:.2} times",
        Way::Local.name(),
        cpu.as_millis(),
        NO_CHANGE_GOAL.as_millis(),
        ratio(cpu, NO_CHANGE_GOAL),
    );
}

/// Prints how many layers a changed source file changed.
fn print_moved(moved: &[[usize; 3]]) -> Result<()> {
    for (way, index) in Way::ALL.into_iter().zip(0..) {
        let counts: Vec<usize> = moved.iter().map(|moved| moved[index]).collect();
        let most = counts.iter().max().copied().unwrap_or_default();
        println!("layers that a source change moves, {}: {most}; goal: {MOVED_GOAL}", way.name());
        if way != Way::Dockerfile && counts.iter().any(|count| *count != MOVED_GOAL) {
            return Err(format!("source changes move {counts:?} layers with {}", way.name()).into());
        }
    }
    Ok(())
}

fn ratio(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64()
}

/// The bindings of this machine, as options of `docker build`.
fn options() -> Result<Options> {
    let mut options = Options::default();
    for name in example::bindings::names()? {
        options.bind(&name, &name, &example::bindings::files(&name)?);
    }
    Ok(options)
}
