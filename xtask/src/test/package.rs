//! What the packed crates contain is enough to build them, and to build something of them.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::Result;
use crate::command::cargo;
use crate::command::run;
use crate::workspace;

/// A program outside of this workspace that uses the crates as anybody would.
const MAIN: &str = r#"use cnb_core::image_name::ImageName;

fn main() {
    let name: ImageName = "oci:layout:app".parse().expect("an image name");
    println!("{name}");
}
"#;

/// Packs all crates, unpacks them as a workspace of their own, and builds that with a program that depends
/// on each library.
pub(super) fn package() -> Result<()> {
    let mut package = cargo(["package", "--workspace", "--exclude", "xtask", "--no-verify", "--allow-dirty"]);
    run(&mut package)?;
    let crates = crates()?;
    let outside = workspace::target().join("outside");
    if outside.exists() {
        fs::remove_dir_all(&outside)?;
    }
    fs::create_dir_all(outside.join("program/src"))?;
    for packed in &crates {
        let archive = workspace::target().join("package").join(format!("{}.crate", packed.directory()));
        run(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(&outside))?;
    }
    fs::write(outside.join("Cargo.toml"), workspace_manifest(&crates))?;
    fs::write(outside.join("program/Cargo.toml"), program_manifest(&crates))?;
    fs::write(outside.join("program/src/main.rs"), MAIN)?;
    // The same versions of everything else.
    fs::copy(workspace::root().join("Cargo.lock"), outside.join("Cargo.lock"))?;
    let mut build = cargo(["build", "--workspace"]);
    build.current_dir(&outside).env("CARGO_TARGET_DIR", workspace::target());
    run(&mut build)
}

struct Packed {
    name: String,
    version: String,
    is_library: bool,
}

impl Packed {
    fn directory(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }
}

fn crates() -> Result<Vec<Packed>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let is_library =
        |target: &Value| target["kind"].as_array().is_some_and(|kinds| kinds.contains(&"lib".into()));
    let packed = |package: &Value| Packed {
        name: text(&package["name"]),
        version: text(&package["version"]),
        is_library: package["targets"].as_array().is_some_and(|targets| targets.iter().any(is_library)),
    };
    Ok(workspace::packages()?.iter().map(packed).collect())
}

fn workspace_manifest(crates: &[Packed]) -> String {
    let mut text = String::from("[workspace]\nresolver = \"3\"\nmembers = [\"program\"");
    for packed in crates {
        write!(text, ", \"{}\"", packed.directory()).expect("a string takes everything");
    }
    text.push_str("]\n\n[patch.crates-io]\n");
    for packed in crates {
        let directory = packed.directory();
        writeln!(text, "{} = {{ path = \"{}\" }}", packed.name, directory)
            .expect("a string takes everything");
    }
    text
}

fn program_manifest(crates: &[Packed]) -> String {
    let mut text = String::from(
        "[package]\nname = \"program\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n",
    );
    for packed in crates.iter().filter(|packed| packed.is_library) {
        writeln!(text, "{} = \"={}\"", packed.name, packed.version).expect("a string takes everything");
    }
    text
}
