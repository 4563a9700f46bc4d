//! A registry in this process that fails as it is told. Tests of other crates include this file, too.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::thread;
use std::thread::JoinHandle;

#[path = "server/content.rs"]
mod content;
#[path = "server/gate.rs"]
mod gate;
#[path = "server/wire.rs"]
mod wire;

use content::Content;
use gate::Gate;
use wire::Answer;
use wire::Connection;
use wire::Head;

/// A registry on a port of its own. It ends when this is dropped.
pub(crate) struct Server {
    /// For example `127.0.0.1:43210`.
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    content: Content,
    gate: Gate,
    faults: Vec<(&'static str, String, Fault)>,
    seen: Vec<Seen>,
    has_ended: bool,
}

/// What goes wrong with one request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The answer is this status, with headers.
    Status(u16, Vec<(&'static str, String)>),
    /// The answer is this status, why, and that the client may try again at once.
    Refusal(u16, &'static str),
    /// The connection ends when that many bytes of the request's body were read.
    HangUp(usize),
    /// The body of the answer ends too early, after that many bytes.
    Short(usize),
    /// The body of the answer has other bytes, as many.
    Corrupt,
    /// All tokens expire before the request is looked at.
    Expire,
    /// Ranges are ignored, this time.
    NoRange,
}

/// A request that came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) authorization: Option<String>,
    pub(crate) range: Option<String>,
    /// The `Content-Length`, or none when the body was sent in chunks.
    pub(crate) length: Option<u64>,
    /// What was answered.
    pub(crate) status: Option<u16>,
}

impl Server {
    /// Starts it; everybody may do everything.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let accepting = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if lock(&shared).has_ended {
                    return;
                }
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(&stream, &state));
            }
        });
        Self { address, state, accepting: Some(accepting) }
    }

    /// The name of an image in it.
    pub(crate) fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// From now on, requests need user and password.
    pub(crate) fn need_password(&self, username: &str, password: &str) {
        lock(&self.state).gate = Gate::basic(username, password);
    }

    /// From now on, requests need a token of its own token service, which gives them to everybody or, when a
    /// secret is said, to those who have it: `user:password`, or a refresh token.
    pub(crate) fn need_token(&self, secret: Option<&str>) {
        lock(&self.state).gate = Gate::bearer(self.address, secret);
    }

    /// Makes one request fail: the next with this method and this text in its path or query.
    pub(crate) fn fail(&self, method: &'static str, target: impl Into<String>, fault: Fault) {
        lock(&self.state).faults.push((method, target.into(), fault));
    }

    /// Puts a blob into a repository; its digest.
    pub(crate) fn add_blob(&self, repository: &str, bytes: &[u8]) -> String {
        lock(&self.state).content.add_blob(repository, bytes)
    }

    /// Puts a manifest into a repository, under a tag and its digest.
    pub(crate) fn add_manifest(&self, repository: &str, tag: &str, media_type: &str, bytes: &[u8]) -> String {
        lock(&self.state).content.add_manifest(repository, tag, media_type, bytes)
    }

    /// A blob of a repository.
    pub(crate) fn blob(&self, repository: &str, digest: &str) -> Option<Vec<u8>> {
        lock(&self.state).content.blob(repository, digest)
    }

    /// A manifest of a repository, by tag or digest.
    pub(crate) fn manifest(&self, repository: &str, name: &str) -> Option<Vec<u8>> {
        lock(&self.state).content.manifest_of(repository, name)
    }

    /// The uploads that were neither closed nor given up.
    pub(crate) fn open_uploads(&self) -> usize {
        lock(&self.state).content.open_uploads()
    }

    /// The requests that came, but for those to `/v2/` and the token service.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let is_api = |seen: &Seen| seen.target.starts_with("/v2/") && seen.target != "/v2/";
        self.all_seen().into_iter().filter(is_api).collect()
    }

    /// All requests that came.
    pub(crate) fn all_seen(&self) -> Vec<Seen> {
        lock(&self.state).seen.clone()
    }

    /// How many requests with this method and this text in its path or query came.
    pub(crate) fn count(&self, method: &str, target: &str) -> usize {
        let all = self.all_seen();
        all.iter().filter(|seen| seen.method == method && seen.target.contains(target)).count()
    }

    /// The faults that no request has met.
    pub(crate) fn unmet(&self) -> usize {
        lock(&self.state).faults.len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        lock(&self.state).has_ended = true;
        // Makes it look.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            accepting.join().expect("it does not panic");
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("nothing panics while it holds this lock")
}

/// Answers the requests of a connection.
fn serve(stream: &TcpStream, state: &Mutex<State>) {
    let mut connection = Connection::new(stream);
    while let Some(head) = connection.head() {
        let fault = lock(state).take_fault(&head);
        if let Some(Fault::HangUp(after)) = fault {
            connection.skip(after);
            lock(state).note(&head, None);
            return;
        }
        let Some(body) = connection.body(&head) else { return };
        let answer = {
            let mut state = lock(state);
            let answer = state.answer(&head, body, fault.as_ref());
            state.note(&head, Some(answer.status));
            answer
        };
        let shown = match fault {
            Some(Fault::Short(shown)) => shown,
            _ => answer.body.len(),
        };
        if connection.answer(&head, &answer, shown).is_none() || shown < answer.body.len() {
            return;
        }
    }
}

impl State {
    fn take_fault(&mut self, head: &Head) -> Option<Fault> {
        let is_meant = |(method, target, _): &(&str, String, Fault)| {
            *method == head.method && head.target.contains(target)
        };
        let index = self.faults.iter().position(is_meant)?;
        Some(self.faults.remove(index).2)
    }

    fn answer(&mut self, head: &Head, body: Vec<u8>, fault: Option<&Fault>) -> Answer {
        if let Some(Fault::Status(status, headers)) = fault {
            return headers
                .iter()
                .fold(Answer::new(*status), |answer, (name, value)| answer.with(name, value));
        }
        if let Some(Fault::Refusal(status, message)) = fault {
            return Answer::error(*status, "REFUSED", message).with("Retry-After", "0");
        }
        if let Some(Fault::Expire) = fault {
            self.gate.expire();
        }
        if let Some(answer) = self.gate.answer(head, &body) {
            return answer;
        }
        let range = head.header("range").filter(|_| !matches!(fault, Some(Fault::NoRange)));
        let mut answer = self.content.answer(head, body, range);
        if let (Some(Fault::Corrupt), Some(first)) = (fault, answer.body.first_mut()) {
            *first ^= 1;
        }
        answer
    }

    fn note(&mut self, head: &Head, status: Option<u16>) {
        let header = |name| head.header(name).map(str::to_owned);
        self.seen.push(Seen {
            method: head.method.clone(),
            target: head.target.clone(),
            authorization: header("authorization"),
            range: header("range"),
            length: head.header("content-length").and_then(|length| length.parse().ok()),
            status,
        });
    }
}
