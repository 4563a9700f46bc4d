//! The probe of the conformance suite over the real system: see `cnb_core::conformance::probe`.
//!
//! Built static (`RUSTFLAGS=-Ctarget-feature=+crt-static` and an explicit `--target`) it needs nothing but
//! itself in a root file system, and `/proc`.
#![forbid(unsafe_code)]

use std::fs;
use std::io;
use std::io::Write as _;
use std::net::TcpStream;
use std::net::ToSocketAddrs as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process;
use std::thread;
use std::time::Duration;

use cnb_core::backend::User;
use cnb_core::conformance::probe::Host;
use cnb_core::conformance::probe::Next;
use cnb_core::conformance::probe::Program;
use cnb_core::conformance::probe::Stat;
use cnb_core::event::Stream;

fn main() {
    let mut program = Program::new(std::env::args().skip(1));
    loop {
        match program.next(&mut System) {
            Next::Continue => {}
            Next::Sleep(time) => thread::sleep(time),
            Next::Wait => loop {
                thread::sleep(Duration::from_secs(3600));
            },
            Next::Exit(code) => process::exit(code),
            Next::Abort => process::abort(),
        }
    }
}

/// The operating system.
struct System;

impl Host for System {
    fn print(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        match stream {
            Stream::Stdout => {
                io::stdout().write_all(bytes)?;
                io::stdout().flush()
            }
            Stream::Stderr => io::stderr().write_all(bytes),
        }
    }

    fn read(&mut self, path: &str) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn write(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        fs::write(path, content)
    }

    fn append(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        fs::OpenOptions::new().append(true).create(true).open(path)?.write_all(content)
    }

    fn stat(&mut self, path: &str) -> io::Result<Stat> {
        let metadata = fs::symlink_metadata(path)?;
        let mode = metadata.mode() & 0o7777;
        let owner = User::new(metadata.uid(), metadata.gid());
        Ok(if metadata.is_symlink() {
            Stat::Link { target: fs::read_link(path)?.to_string_lossy().into_owned() }
        } else if metadata.is_dir() {
            Stat::Directory { mode, owner }
        } else {
            Stat::File { mode, owner, size: metadata.len() }
        })
    }

    fn list(&mut self, path: &str) -> io::Result<Vec<String>> {
        let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        fs::read_dir(path)?.map(name).collect()
    }

    fn make_directory(&mut self, path: &str) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn make_symlink(&mut self, target: &str, path: &str) -> io::Result<()> {
        std::os::unix::fs::symlink(target, path)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn set_mode(&mut self, path: &str, mode: u32) -> io::Result<()> {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
    }

    fn user(&mut self) -> io::Result<User> {
        let status = fs::read_to_string("/proc/self/status")?;
        let effective = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field));
            line.and_then(|ids| ids.split_whitespace().nth(1)).and_then(|id| id.parse().ok())
        };
        let ids = effective("Uid:").zip(effective("Gid:"));
        let (uid, gid) = ids.ok_or_else(|| io::Error::other("/proc/self/status names no user"))?;
        Ok(User::new(uid, gid))
    }

    fn working_directory(&mut self) -> io::Result<String> {
        Ok(std::env::current_dir()?.to_string_lossy().into_owned())
    }

    #[expect(clippy::disallowed_methods, reason = "the environment of this program is what it is asked for")]
    fn environment(&mut self) -> Vec<(String, String)> {
        std::env::vars().collect()
    }

    fn routes(&mut self) -> io::Result<Vec<String>> {
        // A line of headings, then a line per route that starts with the interface.
        let table = fs::read_to_string("/proc/net/route")?;
        let names = table.lines().skip(1).filter_map(|line| line.split_whitespace().next());
        Ok(names.map(str::to_owned).collect())
    }

    fn connect(&mut self, address: &str) -> io::Result<()> {
        let mut last = io::Error::other("the host has no address");
        for address in address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, Duration::from_secs(5)) {
                Ok(_) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}
