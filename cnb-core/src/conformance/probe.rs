//! The probe: the tiny program that every step of the suite runs.
//!
//! Its argv after the program is a list of commands separated by `--`. They run one after another. One that
//! fails writes `probe: COMMAND: REASON` to standard error and ends the program with [`FAILED`].
//!
//! | command | what it does |
//! |---|---|
//! | `print TEXT`, `complain TEXT` | writes a line to standard output, to standard error |
//! | `bytes HEX` | writes these bytes to standard output |
//! | `fill COUNT` | writes so many bytes `x` to standard output |
//! | `write PATH TEXT`, `append PATH TEXT` | writes a file (new: mode 0666 less the umask), adds to it |
//! | `cat PATH` | writes a file to standard output |
//! | `stat PATH` | one line: `directory 0755 0:0`, `file 0644 0:0 5` with its size, or `link TARGET` |
//! | `ls PATH` | the names in a directory, one a line, in byte order |
//! | `mkdir PATH`, `symlink TARGET PATH`, `rename FROM TO`, `chmod OCTAL PATH` | as they say |
//! | `remove PATH` | removes a file, link, or directory with all that is in it |
//! | `id`, `pwd`, `env` | `UID:GID`; the working directory; the environment, one `NAME=VALUE` a line |
//! | `routes` | the names of the network interfaces that have an IPv4 route, one a line |
//! | `connect HOST:PORT` | opens and closes a TCP connection |
//! | `sleep MILLISECONDS`, `wait` | sleeps; sleeps until it is killed |
//! | `tick PATH` | adds a byte to a file every 10 ms until it is killed |
//! | `exit CODE`, `abort` | ends with a code; by a signal |
//!
//! [`Program`] interprets this over a [`Host`]. The binary `cnb-probe` is a `Program` over the real system;
//! a backend that has no real machine interprets it over its own.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use crate::backend::User;
use crate::event::Stream;

/// The exit code when a command fails.
pub const FAILED: i32 = 111;

/// What a `tick` waits.
const TICK: Duration = Duration::from_millis(10);

/// What the probe runs on. Paths may be relative to the working directory.
pub trait Host {
    /// Writes to a stream of the process, unbuffered.
    fn print(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()>;
    /// The content of a file.
    fn read(&mut self, path: &str) -> io::Result<Vec<u8>>;
    /// Replaces the content of a file or makes a new one.
    fn write(&mut self, path: &str, content: &[u8]) -> io::Result<()>;
    /// Adds to a file or makes a new one.
    fn append(&mut self, path: &str, content: &[u8]) -> io::Result<()>;
    /// What is at a path; a link itself, not what it points to.
    fn stat(&mut self, path: &str) -> io::Result<Stat>;
    /// The names in a directory, in any order.
    fn list(&mut self, path: &str) -> io::Result<Vec<String>>;
    /// Makes a directory with mode 0777 less the umask.
    fn make_directory(&mut self, path: &str) -> io::Result<()>;
    /// Makes a symbolic link.
    fn make_symlink(&mut self, target: &str, path: &str) -> io::Result<()>;
    /// Renames what is at a path.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Sets permission bits.
    fn set_mode(&mut self, path: &str, mode: u32) -> io::Result<()>;
    /// Removes what is at a path and below.
    fn remove(&mut self, path: &str) -> io::Result<()>;
    /// The user of the process.
    fn user(&mut self) -> io::Result<User>;
    /// The working directory.
    fn working_directory(&mut self) -> io::Result<String>;
    /// The environment.
    fn environment(&mut self) -> Vec<(String, String)>;
    /// The names of the network interfaces that have an IPv4 route.
    fn routes(&mut self) -> io::Result<Vec<String>>;
    /// Opens and closes a TCP connection.
    fn connect(&mut self, address: &str) -> io::Result<()>;
}

/// What is at a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Stat {
    /// A directory.
    Directory {
        /// Permission bits.
        mode: u32,
        /// Who owns it.
        owner: User,
    },
    /// A regular file or anything else that has content.
    File {
        /// Permission bits.
        mode: u32,
        /// Who owns it.
        owner: User,
        /// Bytes of content.
        size: u64,
    },
    /// A symbolic link.
    Link {
        /// Where it points to.
        target: String,
    },
}

/// What to do after a command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// Run the next command.
    Continue,
    /// Sleep, then run the next command.
    Sleep(Duration),
    /// Sleep until killed.
    Wait,
    /// End with this exit code.
    Exit(i32),
    /// End by SIGABRT.
    Abort,
}

/// A running probe.
#[derive(Clone, Debug)]
pub struct Program {
    commands: VecDeque<Vec<String>>,
}

impl Program {
    /// A probe with these arguments; the program's own name is not one of them.
    ///
    /// ```
    /// use cnb_core::conformance::probe::Program;
    ///
    /// let program = Program::new(["print", "hello", "--", "exit", "3"]);
    /// ```
    pub fn new(arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let arguments: Vec<String> = arguments.into_iter().map(Into::into).collect();
        let commands = arguments.split(|word| word == "--").map(<[String]>::to_vec);
        Self { commands: commands.filter(|command| !command.is_empty()).collect() }
    }

    /// Runs one command and says how to go on. After the last one this is `Exit(0)`.
    pub fn next(&mut self, host: &mut dyn Host) -> Next {
        let Some(command) = self.commands.pop_front() else {
            return Next::Exit(0);
        };
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        match execute(&words, host) {
            Ok(next) => {
                if words.first() == Some(&"tick") {
                    self.commands.push_front(command);
                }
                next
            }
            Err(error) => {
                let complaint = format!("probe: {}: {error}\n", words.join(" "));
                // Who closed standard error does not want to know.
                let _ = host.print(Stream::Stderr, complaint.as_bytes());
                Next::Exit(FAILED)
            }
        }
    }
}

fn execute(words: &[&str], host: &mut dyn Host) -> io::Result<Next> {
    match *words {
        ["abort"] => return Ok(Next::Abort),
        ["exit", code] => return Ok(Next::Exit(number(code)?)),
        ["sleep", millis] => return Ok(Next::Sleep(Duration::from_millis(number(millis)?))),
        ["tick", path] => {
            host.append(path, b".")?;
            return Ok(Next::Sleep(TICK));
        }
        ["wait"] => return Ok(Next::Wait),
        ["append", path, text] => host.append(path, text.as_bytes())?,
        ["chmod", mode, path] => host.set_mode(path, octal(mode)?)?,
        ["connect", address] => host.connect(address)?,
        ["mkdir", path] => host.make_directory(path)?,
        ["remove", path] => host.remove(path)?,
        ["rename", from, to] => host.rename(from, to)?,
        ["symlink", target, path] => host.make_symlink(target, path)?,
        ["write", path, text] => host.write(path, text.as_bytes())?,
        ["complain", text] => host.print(Stream::Stderr, format!("{text}\n").as_bytes())?,
        _ => {
            let output = answer(words, host)?;
            host.print(Stream::Stdout, &output)?;
        }
    }
    Ok(Next::Continue)
}

/// What the commands say that only look.
fn answer(words: &[&str], host: &mut dyn Host) -> io::Result<Vec<u8>> {
    Ok(match *words {
        ["print", text] => format!("{text}\n").into_bytes(),
        ["bytes", hex] => bytes(hex)?,
        ["fill", count] => vec![b'x'; number(count)?],
        ["cat", path] => host.read(path)?,
        ["stat", path] => describe(&host.stat(path)?).into_bytes(),
        ["ls", path] => lines(host.list(path)?),
        ["id"] => {
            let User { uid, gid } = host.user()?;
            format!("{uid}:{gid}\n").into_bytes()
        }
        ["pwd"] => format!("{}\n", host.working_directory()?).into_bytes(),
        ["env"] => {
            let pairs = host.environment().into_iter().map(|(name, value)| format!("{name}={value}"));
            lines(pairs.collect())
        }
        ["routes"] => lines(host.routes()?),
        _ => return Err(invalid("no such command")),
    })
}

fn describe(stat: &Stat) -> String {
    match stat {
        Stat::Directory { mode, owner } => format!("directory {mode:04o} {}:{}\n", owner.uid, owner.gid),
        Stat::File { mode, owner, size } => format!("file {mode:04o} {}:{} {size}\n", owner.uid, owner.gid),
        Stat::Link { target } => format!("link {target}\n"),
    }
}

fn lines(mut texts: Vec<String>) -> Vec<u8> {
    texts.sort();
    texts.into_iter().flat_map(|text| format!("{text}\n").into_bytes()).collect()
}

fn bytes(hex: &str) -> io::Result<Vec<u8>> {
    let digits: Option<Vec<u32>> = hex.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0).ok_or_else(|| invalid("not hexadecimal"))?;
    let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).expect("two digits make a byte");
    Ok(digits.chunks(2).map(byte).collect())
}

fn number<T: std::str::FromStr>(text: &str) -> io::Result<T> {
    text.parse().map_err(|_| invalid("not a number"))
}

fn octal(text: &str) -> io::Result<u32> {
    u32::from_str_radix(text, 8).map_err(|_| invalid("not an octal number"))
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}
