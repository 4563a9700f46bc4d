//! Counts what goes to a registry.

use std::io::Read as _;
use std::io::Write as _;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;

use crate::Result;

/// Another address of a registry. It ends with this process.
pub(super) struct Meter {
    address: SocketAddr,
    /// The bytes that went to the registry, headers too.
    pub(super) sent: Arc<AtomicU64>,
}

impl Meter {
    /// Listens on a port of loopback.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn start(registry: String) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (address, sent) = (listener.local_addr()?, Arc::new(AtomicU64::new(0)));
        let counter = Arc::clone(&sent);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // Who cannot be served sees the end of the connection.
                if let Ok(server) = TcpStream::connect(&registry) {
                    let _ = serve(client, server, &counter);
                }
            }
        });
        Ok(Self { address, sent })
    }

    /// Host and port.
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }
}

fn serve(client: TcpStream, server: TcpStream, sent: &Arc<AtomicU64>) -> std::io::Result<()> {
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    let (from, to, sent) = (client.try_clone()?, server.try_clone()?, Arc::clone(sent));
    thread::spawn(move || copy(from, to, &sent));
    thread::spawn(move || copy(server, client, &AtomicU64::new(0)));
    Ok(())
}

fn copy(mut from: TcpStream, mut to: TcpStream, count: &AtomicU64) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        count.fetch_add(read as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
