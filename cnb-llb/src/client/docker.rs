//! The parts of Docker Engine's API that lead to a BuildKit.

use std::io;

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::Method;
use hyper::Request;
use hyper::Response;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::Deserialize;

use super::connect::ToEngine;
use super::multiplexed::Multiplexed;

/// Turns a connection to the API into one to the BuildKit inside of Docker Engine.
///
/// Source: `POST /grpc` of Docker Engine's API.
pub(crate) async fn build_kit(socket: ToEngine) -> io::Result<TokioIo<Upgraded>> {
    upgrade(socket, "/grpc", "h2c", Bytes::new()).await
}

/// A connection to the BuildKit that listens in a container, by the program that `moby/buildkit` images have for it. It takes
/// two to the API, one of which it becomes.
///
/// Source: `POST /containers/{id}/exec` and `POST /exec/{id}/start` of Docker Engine's API.
pub(crate) async fn dial_stdio(
    first: ToEngine,
    second: ToEngine,
    container: &str,
) -> io::Result<Multiplexed<TokioIo<Upgraded>>> {
    let exec = serde_json::json!({
        "AttachStdin": true, "AttachStdout": true, "AttachStderr": true, "Cmd": ["buildctl", "dial-stdio"],
    });
    let created = call(first, &format!("/containers/{container}/exec"), exec.to_string().into()).await?;
    let created: Created = serde_json::from_slice(&created).map_err(io::Error::other)?;
    let start = Bytes::from_static(br#"{"Detach":false,"Tty":false}"#);
    let path = format!("/exec/{}/start", created.id);
    Ok(Multiplexed::new(upgrade(second, &path, "tcp", start).await?))
}

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "Id")]
    id: String,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// A call whose answer is a document.
async fn call(socket: ToEngine, path: &str, body: Bytes) -> io::Result<Bytes> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.map_err(io::Error::other)?;
    let exchange = async move {
        let response = sender.send_request(post(path, body)?).await.map_err(io::Error::other)?;
        let status = response.status();
        if status.is_success() { collect(response).await } else { Err(refused(path, response).await) }
    };
    // The connection ends when the call lets go of its end.
    let (ended, answer) = tokio::join!(connection, exchange);
    answer.map_err(|error| reason(ended, error))
}

/// A call that turns its connection into another one.
async fn upgrade(socket: ToEngine, path: &str, protocol: &str, body: Bytes) -> io::Result<TokioIo<Upgraded>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.map_err(io::Error::other)?;
    let exchange = async move {
        let mut request = post(path, body)?;
        let protocol = protocol.parse().map_err(io::Error::other)?;
        request.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("Upgrade"));
        request.headers_mut().insert(header::UPGRADE, protocol);
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(refused(path, response).await);
        }
        hyper::upgrade::on(response).await.map_err(io::Error::other)
    };
    // The connection works while the call does; after the upgrade there is nothing left of it.
    let (ended, upgraded) = tokio::join!(connection.with_upgrades(), exchange);
    upgraded.map(TokioIo::new).map_err(|error| reason(ended, error))
}

/// Why a call failed: what broke its connection, if that did.
fn reason(connection: hyper::Result<()>, call: io::Error) -> io::Error {
    connection.map_or_else(io::Error::other, |()| call)
}

fn post(path: &str, body: Bytes) -> io::Result<Request<Full<Bytes>>> {
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::HOST, "docker")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body))
        .map_err(io::Error::other)
}

async fn collect(response: Response<Incoming>) -> io::Result<Bytes> {
    Ok(response.into_body().collect().await.map_err(io::Error::other)?.to_bytes())
}

/// What Docker Engine says when it does not do something.
async fn refused(path: &str, response: Response<Incoming>) -> io::Error {
    let status = response.status();
    let body = collect(response).await.unwrap_or_default();
    let message = serde_json::from_slice(&body).map(|refusal: Refusal| refusal.message).unwrap_or_default();
    io::Error::other(format!("Docker Engine answers {path} with {status}: {message}"))
}

#[cfg(test)]
mod tests;
