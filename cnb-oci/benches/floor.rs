//! `floor [DIRECTORY]`: what making a layer of a directory, and restoring it, costs at least on this machine.
//!
//! Prints one JSON object: `bytes` is the content of all files, everything else is in seconds.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "its result")]

use std::cell::RefCell;
use std::error::Error;
use std::fs;
use std::fs::File;
use std::hint::black_box;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use cnb_core::backend::Ownership;
use cnb_core::backend::User;
use cnb_oci::layer::Dialect;
use cnb_oci::layer::LayerWriter;
use cnb_oci::layer::Selection;
use flate2::Compress;
use flate2::Compression;
use flate2::FlushCompress;
use sha2::Digest as _;
use sha2::Sha256;

/// Bytes that are compressed together, and the level: those of layers.
const BLOCK: usize = 1 << 20;
const LEVEL: u32 = 1;

fn main() -> Result<(), Box<dyn Error>> {
    // cargo adds flags of its own.
    let argument = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let directory = fs::canonicalize(argument.as_deref().unwrap_or(env!("CARGO_MANIFEST_DIR")))?;
    let files = files(&directory)?;
    // Afterwards all is in memory, as what a buildpack just wrote is.
    let bytes = read(&files, |_| Ok(io::sink()))?;
    let read_and_sha256 = seconds(|| {
        let hash = RefCell::new(Sha256::new());
        read(&files, |_| Ok(Hash { hash: &hash, out: io::sink() }))?;
        Ok(())
    })?;
    let read_and_sha256_and_write = {
        let copies = tempfile::tempdir_in(directory.parent().ok_or("the root is no layer")?)?;
        let hash = RefCell::new(Sha256::new());
        let copy = |index: usize| File::create_new(copies.path().join(index.to_string()));
        let time = seconds(|| {
            read(&files, |index| Ok(Hash { hash: &hash, out: copy(index)? }))?;
            Ok(())
        })?;
        copies.close()?;
        time
    };
    let compress = seconds(|| Ok(deflate(&files, |_, _| ())?))?;
    let compress_and_sha256 = seconds(|| {
        let hash = |block: &[u8], compressed: &[u8]| {
            black_box((Sha256::digest(block), Sha256::digest(compressed)));
        };
        Ok(deflate(&files, hash)?)
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
        "read-and-sha256-and-write": read_and_sha256_and_write,
        "compress": compress,
        "compress-and-sha256": compress_and_sha256,
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

/// Reads all files, each into the writer for its index.
fn read<W: Write>(files: &[PathBuf], mut to: impl FnMut(usize) -> io::Result<W>) -> io::Result<u64> {
    let mut bytes = 0;
    let mut buffer = vec![0; 256 * 1024];
    for (index, file) in files.iter().enumerate() {
        let (mut file, mut to) = (File::open(file)?, to(index)?);
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            to.write_all(&buffer[..read])?;
            bytes += read as u64;
        }
    }
    Ok(bytes)
}

/// Deflates all files as one stream, on as many threads as there are cores, each with a state of its own; `with` gets
/// each block and what became of it.
fn deflate(files: &[PathBuf], with: impl Fn(&[u8], &[u8]) + Sync) -> io::Result<()> {
    let input = Mutex::new(Stream { files: files.iter(), current: None });
    let work = || {
        let mut state = Compress::new(Compression::new(LEVEL), false);
        let (mut block, mut output) = (vec![0; BLOCK], vec![0; 2 * BLOCK]);
        loop {
            let length = input.lock().expect("no thread panics").fill(&mut block)?;
            if length == 0 {
                return io::Result::Ok(());
            }
            state.reset();
            state.compress(&block[..length], &mut output, FlushCompress::Finish)?;
            let compressed = usize::try_from(state.total_out()).expect("it is in the output");
            with(&block[..length], &output[..compressed]);
        }
    };
    let cores = thread::available_parallelism()?.get();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no thread panics"))
    })
}

/// Files one after the other.
struct Stream<'a> {
    files: std::slice::Iter<'a, PathBuf>,
    current: Option<File>,
}

impl Stream<'_> {
    /// Fills the buffer; only at the end less is read.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            let Some(file) = &mut self.current else {
                let Some(next) = self.files.next() else { break };
                self.current = Some(File::open(next)?);
                continue;
            };
            match file.read(&mut buffer[filled..])? {
                0 => self.current = None,
                read => filled += read,
            }
        }
        Ok(filled)
    }
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

struct Hash<'a, W> {
    hash: &'a RefCell<Sha256>,
    out: W,
}

impl<W: Write> Write for Hash<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.borrow_mut().update(bytes);
        self.out.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
