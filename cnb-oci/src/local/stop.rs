//! Work that is given up when nobody waits for it any more.

use std::io;
use std::io::Read;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

/// Says to work in other threads that it is in vain.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends what goes on.
    pub(super) fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether work is in vain.
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// A reader or writer that fails from then on.
    pub(super) fn wrap<T>(&self, inner: T) -> Stoppable<T> {
        Stoppable { inner, stop: self.clone() }
    }

    /// Waits so long, and fails when work is in vain.
    pub(super) fn pause(&self, time: Duration) -> io::Result<()> {
        thread::sleep(time);
        self.check()
    }

    fn check(&self) -> io::Result<()> {
        if self.is_set() { Err(io::Error::other("the work was given up")) } else { Ok(()) }
    }
}

/// A reader or writer that can be made to fail.
pub(super) struct Stoppable<T> {
    inner: T,
    stop: Stop,
}

impl<T> Stoppable<T> {
    /// What was wrapped.
    pub(super) fn into_inner(self) -> T {
        self.inner
    }
}

impl<R: Read> Read for Stoppable<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stop.check()?;
        self.inner.read(buffer)
    }
}

impl<W: Write> Write for Stoppable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stop.check()?;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_and_writers_fail_once_work_is_in_vain() {
        let stop = Stop::default();
        let mut reader = stop.wrap(&b"abc"[..]);
        let mut writer = stop.wrap(Vec::new());
        let mut first = [0];
        reader.read_exact(&mut first).expect("it goes on");
        writer.write_all(&first).expect("it goes on");
        stop.now();
        assert!(reader.read(&mut first).is_err() && writer.write(b"b").is_err());
        assert_eq!(writer.into_inner(), b"a");
    }
}
