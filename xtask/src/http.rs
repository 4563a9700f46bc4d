//! As much HTTP as tests on loopback need.

use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::process::Child;
use std::thread::sleep;
use std::time::Duration;
use std::time::Instant;

use crate::Result;

const PATIENCE: Duration = Duration::from_secs(60);

/// A port of loopback that nothing listens on.
///
/// # Errors
/// When there is none.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Waits until something listens on a port of loopback.
///
/// # Errors
/// When the process that should listen ends, or does not in time.
pub(crate) fn await_listener(port: u16, process: &mut Child) -> Result<()> {
    let start = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if let Some(status) = process.try_wait()? {
            return Err(format!("what should listen on port {port} ended: {status}").into());
        }
        if start.elapsed() > PATIENCE {
            return Err(format!("nothing listens on port {port}").into());
        }
        sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// The body of the answer to `GET path` on a port of loopback.
///
/// # Errors
/// When the answer is not 200.
pub(crate) fn get_from(port: u16, path: &str) -> Result<String> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    get(stream, path)
}

/// The body of the answer to `GET path` on a connection, without white space at its end.
///
/// # Errors
/// When the answer is not 200.
pub(crate) fn get(mut stream: impl Read + Write, path: &str) -> Result<String> {
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer is not HTTP")?;
    let status = head.lines().next().unwrap_or_default();
    if status.contains(" 200 ") { Ok(body.trim_end().to_owned()) } else { Err(status.into()) }
}
