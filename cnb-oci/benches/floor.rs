//! `floor [DIRECTORY]`: what making a layer of a directory costs at least on this machine.
//!
//! Prints one JSON object: `bytes` is the content of all files, everything else is in seconds.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "its result")]

use std::error::Error;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::time::Instant;

use cnb_core::backend::Ownership;
use cnb_core::backend::User;
use cnb_oci::gzip::GzipWriter;
use cnb_oci::layer::Dialect;
use cnb_oci::layer::LayerWriter;
use cnb_oci::layer::Selection;
use sha2::Digest as _;
use sha2::Sha256;

fn main() -> Result<(), Box<dyn Error>> {
    // cargo adds flags of its own.
    let argument = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let directory = fs::canonicalize(argument.as_deref().unwrap_or(env!("CARGO_MANIFEST_DIR")))?;
    let files = files(&directory)?;
    // Afterwards all is in memory, as what a buildpack just wrote is.
    let bytes = read(&files, &mut io::sink())?;
    let read_and_sha256 = seconds(|| Ok(read(&files, &mut Hash(Sha256::new())).map(drop)?))?;
    let gzip = seconds(|| {
        let mut gzip = GzipWriter::new(io::sink());
        read(&files, &mut gzip)?;
        gzip.finish()?;
        Ok(())
    })?;
    let layer = seconds(|| {
        let mut layer = LayerWriter::new(io::sink(), Dialect::Lifecycle);
        let ownership = Ownership { owner: User::ROOT, parents: Vec::new() };
        layer.directory(&directory, Path::new("/layers/files"), &Selection::Walk, &ownership)?;
        layer.finish()?;
        Ok(())
    })?;
    let figures = serde_json::json!({
        "bytes": bytes,
        "read-and-sha256": read_and_sha256,
        "gzip": gzip,
        "layer": layer,
    });
    println!("{figures}");
    Ok(())
}

fn seconds(work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64())
}

fn read(files: &[PathBuf], to: &mut dyn Write) -> io::Result<u64> {
    let mut bytes = 0;
    for file in files {
        bytes += io::copy(&mut io::BufReader::with_capacity(256 * 1024, File::open(file)?), to)?;
    }
    Ok(bytes)
}

/// The regular files below a directory, sorted.
fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut files, mut pending) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                pending.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

struct Hash(Sha256);

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
