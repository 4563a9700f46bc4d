//! Threads that compress blocks.

use std::fmt;
use std::io;
use std::io::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;
use std::thread;

use crc32fast::Hasher as Crc32;

use super::Algorithm;
use super::Compression;
use super::encoder::Encoder;
use super::writer::CompressWriter;

/// Bytes that are compressed together.
pub(super) const BLOCK: usize = 1 << 20;

/// Compresses layers, several at a time, on the cores that this process may use.
///
/// However many layers there are, the threads are as many as the cores, and so are the blocks that wait for one. They
/// start with the first block and end when this and all its clones and writers are dropped.
#[derive(Clone)]
pub struct Compressor {
    pool: Arc<Pool>,
}

struct Pool {
    compression: Compression,
    cores: usize,
    queue: Mutex<Option<SyncSender<Job>>>,
    /// Buffers that are not used now: fresh memory costs more than half of a copy.
    buffers: Mutex<Vec<Vec<u8>>>,
}

/// A block to compress, and who waits for it.
struct Job {
    block: Vec<u8>,
    pool: Arc<Pool>,
    done: SyncSender<io::Result<Encoded>>,
}

/// A block that was compressed.
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
    /// The checksum of the block, where the format needs it.
    pub(super) checksum: Crc32,
}

impl Compressor {
    /// Compresses in one way.
    pub fn new(compression: Compression) -> Self {
        Self::on(compression, thread::available_parallelism().map_or(1, usize::from))
    }

    /// Compresses on so many cores.
    pub(super) fn on(compression: Compression, cores: usize) -> Self {
        let pool = Pool { compression, cores, queue: Mutex::default(), buffers: Mutex::default() };
        Self { pool: Arc::new(pool) }
    }

    /// How it compresses.
    pub fn compression(&self) -> Compression {
        self.pool.compression
    }

    /// Compresses what is written into `out`.
    pub fn writer<W: Write>(&self, out: W) -> CompressWriter<W> {
        CompressWriter::new(self.clone(), out)
    }

    /// The most blocks of one layer that are under way: enough that no core waits while the first of them is written.
    pub(super) fn ahead(&self) -> usize {
        2 * self.pool.cores
    }

    /// Starts to compress a block.
    pub(super) fn start(&self, block: Vec<u8>) -> io::Result<Receiver<io::Result<Encoded>>> {
        let (done, result) = sync_channel(1);
        let job = Job { block, pool: Arc::clone(&self.pool), done };
        self.pool.queue()?.send(job).map_err(|_| io::Error::other("the threads that compress ended"))?;
        Ok(result)
    }

    /// An empty buffer.
    pub(super) fn buffer(&self) -> Vec<u8> {
        lock(&self.pool.buffers).pop().unwrap_or_else(|| Vec::with_capacity(BLOCK))
    }

    /// Takes a buffer back.
    pub(super) fn recycle(&self, buffer: Vec<u8>) {
        self.pool.recycle(buffer);
    }
}

impl Default for Compressor {
    fn default() -> Self {
        Self::new(Compression::default())
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Compressor").field(&self.pool.compression).finish()
    }
}

impl Pool {
    /// Where blocks wait. Starts the threads if they do not run yet.
    fn queue(&self) -> io::Result<SyncSender<Job>> {
        let mut queue = lock(&self.queue);
        if let Some(queue) = &*queue {
            return Ok(queue.clone());
        }
        let (sender, jobs) = sync_channel(self.cores);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..self.cores {
            let (jobs, compression) = (Arc::clone(&jobs), self.compression);
            thread::Builder::new().name("compress".to_owned()).spawn(move || work(&jobs, compression))?;
        }
        *queue = Some(sender.clone());
        Ok(sender)
    }

    fn recycle(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        lock(&self.buffers).push(buffer);
    }
}

/// Compresses until nobody can send a block any more.
fn work(jobs: &Mutex<Receiver<Job>>, compression: Compression) {
    let mut encoder = None;
    loop {
        let Ok(Job { block, pool, done }) = lock(jobs).recv() else { return };
        let result = encode(&mut encoder, compression, &block, &pool);
        pool.recycle(block);
        // Who was dropped does not wait any more.
        let _ = done.send(result);
    }
}

fn encode(
    encoder: &mut Option<Encoder>,
    compression: Compression,
    block: &[u8],
    pool: &Pool,
) -> io::Result<Encoded> {
    let encoder = match encoder {
        Some(encoder) => encoder,
        None => encoder.insert(Encoder::new(compression)?),
    };
    let mut bytes = lock(&pool.buffers).pop().unwrap_or_default();
    encoder.encode(block, &mut bytes)?;
    let mut checksum = Crc32::new();
    if compression.algorithm == Algorithm::Gzip {
        checksum.update(block);
    }
    Ok(Encoded { bytes, checksum })
}

/// What the locks keep is whole also when a thread panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
