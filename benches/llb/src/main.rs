//! One graph, built and marshalled once: prints seconds, seconds of a processor, bytes, and the peak of memory in KiB.
//!
//! ```text
//! llb-bench cnb|bollard chain|merge COUNT
//! ```
//!
//! The graphs are those of `cnb-llb/tests/go/bench.go`.

use std::error::Error;
use std::time::Duration;
use std::time::Instant;

mod bollard;
mod cnb;

/// `bollard-llb` recurses: as deep as the graph, with a kilobyte or two each.
const STACK: usize = 1 << 30;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let bench = std::thread::Builder::new().stack_size(STACK).spawn(move || bench(&arguments))?;
    bench.join().expect("what fails is returned")
}

fn bench(arguments: &[String]) -> Result<()> {
    let [library, graph, count] = arguments else {
        return Err("usage: llb-bench cnb|bollard chain|merge COUNT".into());
    };
    let count: usize = count.parse()?;
    let (start, used) = (Instant::now(), processor()?);
    let bytes = match (library.as_str(), graph.as_str()) {
        ("cnb", "chain") => cnb::chain(count),
        ("cnb", "merge") => cnb::wide_merge(count),
        ("bollard", "chain") => bollard::chain(count)?,
        ("bollard", "merge") => bollard::wide_merge(count)?,
        _ => return Err(format!("there is no graph {graph} of {library}").into()),
    };
    let (wall, processor) = (start.elapsed(), processor()? - used);
    println!("{} {} {} {}", wall.as_secs_f64(), processor.as_secs_f64(), bytes.len(), peak()?);
    Ok(())
}

/// The time that processors worked for the threads that there are.
fn processor() -> Result<Duration> {
    let mut nanoseconds = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let times = std::fs::read_to_string(task?.path().join("schedstat"))?;
        nanoseconds += times.split_whitespace().next().ok_or("the kernel keeps no times")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

fn peak() -> Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.ok_or("the kernel does not say how much memory was used")?.to_owned())
}
