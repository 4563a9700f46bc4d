//! The probe as a program of the memory backend.

use std::io;

use async_trait::async_trait;
use futures_lite::future;

use super::probe::Host;
use super::probe::Next;
use super::probe::Program;
use super::probe::Stat;
use crate::backend::EntryKind;
use crate::backend::Network;
use crate::backend::User;
use crate::event::Stream;
use crate::memory;
use crate::memory::Process;

/// Interprets the probe over a [`Process`] in memory.
#[derive(Clone, Copy, Debug)]
pub struct MemoryProbe;

#[async_trait]
impl memory::Program for MemoryProbe {
    async fn run(&self, process: &mut Process<'_>) -> i32 {
        let mut program = Program::new(process.argv()[1..].iter().cloned());
        loop {
            match program.next(process) {
                Next::Continue => future::yield_now().await,
                Next::Sleep(time) => process.sleep(time).await,
                Next::Wait => future::pending().await,
                Next::Exit(code) => return code,
                Next::Abort => return 128 + 6,
            }
        }
    }
}

impl Host for Process<'_> {
    fn print(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        Process::print(self, stream, bytes);
        Ok(())
    }

    fn read(&mut self, path: &str) -> io::Result<Vec<u8>> {
        Process::read(self, path).map(|content| content.to_vec())
    }

    fn write(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        Process::write(self, path, content.to_vec())
    }

    fn append(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        let old = match Process::read(self, path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            old => old?.to_vec(),
        };
        Process::write(self, path, [old.as_slice(), content].concat())
    }

    fn stat(&mut self, path: &str) -> io::Result<Stat> {
        let entry = Process::stat(self, path)?;
        let (mode, owner) = (entry.mode, entry.owner);
        Ok(match entry.kind {
            EntryKind::Directory => Stat::Directory { mode, owner },
            EntryKind::Symlink(target) => Stat::Link { target },
            EntryKind::Regular | EntryKind::Other => Stat::File { mode, owner, size: entry.size },
        })
    }

    fn list(&mut self, path: &str) -> io::Result<Vec<String>> {
        Process::list(self, path)
    }

    fn make_directory(&mut self, path: &str) -> io::Result<()> {
        Process::make_directory(self, path)
    }

    fn make_symlink(&mut self, target: &str, path: &str) -> io::Result<()> {
        Process::make_symlink(self, target, path)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        Process::rename(self, from, to)
    }

    fn set_mode(&mut self, path: &str, mode: u32) -> io::Result<()> {
        Process::set_mode(self, path, mode)
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        Process::remove(self, path)
    }

    fn user(&mut self) -> io::Result<User> {
        Ok(Process::user(self))
    }

    fn working_directory(&mut self) -> io::Result<String> {
        Ok(Process::working_directory(self).to_owned())
    }

    fn environment(&mut self) -> Vec<(String, String)> {
        Process::environment(self).to_vec()
    }

    fn routes(&mut self) -> io::Result<Vec<String>> {
        let names: &[&str] = match self.network() {
            Network::None => &[],
            Network::Host => &["eth0"],
        };
        Ok(names.iter().map(|&name| name.to_owned()).collect())
    }

    fn connect(&mut self, _: &str) -> io::Result<()> {
        match self.network() {
            Network::None => Err(io::ErrorKind::NetworkUnreachable.into()),
            Network::Host => Ok(()),
        }
    }
}
