//! What the program `launcher` costs the start of an application.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use crate::Result;
use crate::command;
use crate::debian;
use crate::programs;
use crate::workspace;

/// Starts of each kind, in turns. The fastest tenth counts: others waited for something else on this machine.
const STARTS: usize = 200;

/// The type of the process that is the application, and one whose program is missing: valgrind counts nothing when a
/// program becomes another one, but it does when that fails.
const WEB: &str = "web";
const MISSING: &str = "missing";

/// Measures, and prints a table.
///
/// # Errors
/// When a program cannot be made or fails.
pub(super) fn run() -> Result<()> {
    debian::ensure(&["binutils", "valgrind"])?;
    programs::dist()?;
    let directory = workspace::target().join("bench/launcher");
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    let application = application(&directory)?;
    let image = Image::new(&directory, &application)?;

    let (mut alone, mut launched) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        alone.push(time(&mut command::command(&application))?);
        launched.push(time(&mut image.launch(WEB))?);
    }
    let (alone, launched) = (fast(alone), fast(launched));
    let added = launched.saturating_sub(alone);
    let size = fs::metadata(programs::directory().join("launcher"))?.len();
    println!("\nlauncher: {size} bytes; goal: less than {}", programs::LAUNCHER_BYTES);
    println!("{STARTS} starts of an application that does nothing, from fork to its end:");
    println!("{:42} {:>7} us", "alone", alone.as_micros());
    println!("{:42} {:>7} us", "through the launcher", launched.as_micros());
    let ratio = added.as_secs_f64() / alone.as_secs_f64();
    println!(
        "{:42} {:>7} us, {ratio:.2} times that of the application",
        "from exec to exec",
        added.as_micros()
    );
    println!(
        "{:42} {:>7}",
        "instructions of the application",
        instructions(&command::command(&application))?
    );
    println!("{:42} {:>7}", "instructions of the launcher", instructions(&image.launch(MISSING))?);
    Ok(())
}

/// The slowest of the fastest tenth.
fn fast(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 10]
}

fn time(command: &mut Command) -> Result<Duration> {
    let start = Instant::now();
    command::run(command)?;
    Ok(start.elapsed())
}

/// The application, static as the launcher is.
fn application(directory: &Path) -> Result<PathBuf> {
    fs::create_dir_all(directory)?;
    let program = directory.join("trivial");
    let mut rustc = command::command("rustc");
    rustc.args(["-O", "-C", "target-feature=+crt-static", "-C", "panic=abort", "-C", "strip=symbols", "-o"]);
    command::run(rustc.arg(&program).arg(workspace::root().join("xtask/bench/trivial.rs")))?;
    Ok(program)
}

/// What the root file system of an image has: ten layers that set variables.
struct Image {
    layers: PathBuf,
    app: PathBuf,
    /// Has the launcher under the names of the process types.
    processes: PathBuf,
}

impl Image {
    fn new(directory: &Path, application: &Path) -> Result<Self> {
        let image = Self {
            layers: directory.join("layers"),
            app: directory.join("app"),
            processes: directory.to_owned(),
        };
        fs::create_dir_all(&image.app)?;
        fs::create_dir_all(image.layers.join("config"))?;
        let process = |kind: &str, command: &Path| {
            let command = command.display();
            format!(
                "[[processes]]\ntype = '{kind}'\ncommand = ['{command}']\ndirect = true\nbuildpack-id = 'example/a'\n"
            )
        };
        let metadata = [
            "[[buildpacks]]\nid = 'example/a'\nversion = '1'\napi = '0.10'\n".to_owned(),
            process(WEB, application),
            process(MISSING, Path::new("/missing/program")),
        ]
        .concat();
        for kind in [WEB, MISSING] {
            symlink(programs::directory().join("launcher"), directory.join(kind))?;
        }
        fs::write(image.layers.join("config/metadata.toml"), metadata)?;
        for index in 0..10 {
            let layer = image.layers.join(format!("example_a/layer{index}"));
            for path in ["bin", "lib", "env.launch"] {
                fs::create_dir_all(layer.join(path))?;
            }
            fs::write(layer.join(format!("env.launch/VARIABLE_{index}.override")), "value")?;
        }
        Ok(image)
    }

    fn launch(&self, kind: &str) -> Command {
        let mut launch = command::command(self.processes.join(kind));
        launch.env_clear().env("PATH", "/usr/bin:/bin").env("CNB_PLATFORM_API", "0.15");
        launch.env("CNB_LAYERS_DIR", &self.layers).env("CNB_APP_DIR", &self.app);
        launch
    }
}

/// How many instructions a program runs.
fn instructions(program: &Command) -> Result<u64> {
    let mut valgrind = command::command("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--log-fd=2"]);
    valgrind.arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        valgrind.env(name, value.unwrap_or_default());
    }
    let output = command::capture(&mut valgrind)?;
    let text = String::from_utf8_lossy(&output.stderr);
    let count = text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    count.ok_or_else(|| format!("valgrind counts nothing:\n{text}").into())
}
