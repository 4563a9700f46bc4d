use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::UnixListener;
use tokio::net::UnixStream;
use tokio_util::either::Either;

use super::*;
use crate::client::connect::unix;

/// Answers one call with these bytes. Gives back the call and the connection.
async fn answer(listener: &UnixListener, answer: &[u8]) -> (String, BufReader<UnixStream>) {
    let (socket, _) = listener.accept().await.expect("a call comes");
    let mut socket = BufReader::new(socket);
    let mut call = String::new();
    while !call.ends_with("\r\n\r\n") {
        assert_ne!(socket.read_line(&mut call).await.expect("a line comes"), 0, "the call ends: {call}");
    }
    let length = call.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().expect("it is a number"))];
    socket.read_exact(&mut body).await.expect("the body comes");
    call.push_str(std::str::from_utf8(&body).expect("it is text"));
    socket.write_all(answer).await.expect("the answer goes");
    (call, socket)
}

fn engine() -> (tempfile::TempDir, UnixListener) {
    let directory = tempfile::tempdir().expect("there is a directory");
    let listener = UnixListener::bind(directory.path().join("engine.sock")).expect("the socket is new");
    (directory, listener)
}

async fn sockets(directory: &tempfile::TempDir) -> [ToEngine; 2] {
    let path = directory.path().join("engine.sock");
    let connect = || async { unix(&path).await.expect("somebody listens") };
    [Either::Left(connect().await), Either::Left(connect().await)]
}

#[tokio::test]
async fn the_connection_is_upgraded() {
    let (directory, listener) = engine();
    let socket = unix(&directory.path().join("engine.sock")).await.expect("somebody listens");
    let switch = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nhello";
    let ((call, mut peer), upgraded) =
        tokio::join!(answer(&listener, switch), build_kit(Either::Left(socket)));
    let lower = call.to_lowercase();
    assert!(lower.starts_with("post /grpc http/1.1\r\n"), "{call}");
    assert!(lower.contains("upgrade: h2c") && lower.contains("connection: upgrade"), "{call}");
    let mut upgraded = upgraded.expect("the engine agrees");
    let mut read = [0; 5];
    upgraded.read_exact(&mut read).await.expect("the bytes after the answer are there");
    upgraded.write_all(b"again").await.expect("the other direction works");
    upgraded.flush().await.expect("the other direction works");
    let mut written = [0; 5];
    peer.read_exact(&mut written).await.expect("they arrive");
    assert_eq!((&read, &written), (b"hello", b"again"));
}

#[tokio::test]
async fn a_container_is_reached_through_exec() {
    let (directory, listener) = engine();
    let engine = async {
        let created = b"HTTP/1.1 201 Created\r\nContent-Length: 12\r\n\r\n{\"Id\":\"e1\"}\n";
        let (create, first) = answer(&listener, created).await;
        drop(first);
        let started =
            b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n\x01\0\0\0\0\0\0\x02hi";
        let (start, second) = answer(&listener, started).await;
        (create, start, second)
    };
    let [first, second] = sockets(&directory).await;
    let ((create, start, _second), connection) = tokio::join!(engine, dial_stdio(first, second, "b0"));
    assert!(create.starts_with("POST /containers/b0/exec "), "{create}");
    assert!(create.contains(r#""Cmd":["buildctl","dial-stdio"]"#), "{create}");
    assert!(start.starts_with("POST /exec/e1/start "), "{start}");
    let mut read = [0; 2];
    connection.expect("the engine agrees").read_exact(&mut read).await.expect("output comes");
    assert_eq!(&read, b"hi");
}

#[tokio::test]
async fn a_refusal_says_what_the_engine_says() {
    let (directory, listener) = engine();
    let body = r#"{"message":"No such container: b0"}"#;
    let refusal = format!("HTTP/1.1 404 Not Found\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let [first, second] = sockets(&directory).await;
    let (_, connection) =
        tokio::join!(answer(&listener, refusal.as_bytes()), dial_stdio(first, second, "b0"));
    let error = connection.expect_err("there is no container").to_string();
    assert!(error.contains("404") && error.ends_with("No such container: b0"), "{error}");
}
