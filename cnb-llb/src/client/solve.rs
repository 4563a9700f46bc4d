//! Solving.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::TryStreamExt;
use futures_util::stream;
use tonic::Response;
use tonic::Status;

use super::Client;
use super::Event;
use super::SolveRequest;
use super::progress::Seen;
use crate::errdefs::BuildError;
use crate::pb::control;
use crate::session::Session;

/// How long to wait for more of the status when the solve is over: BuildKit may not end it.
const IDLE: Duration = Duration::from_secs(5);

/// What a solve gives.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct SolveResponse {
    /// What the exporters say, for example `containerimage.digest`.
    pub exporters: BTreeMap<String, String>,
}

impl Client {
    /// Solves, and tells what happens meanwhile. The session serves what BuildKit asks of the client.
    ///
    /// Dropping the future cancels the solve; nothing of it is left behind.
    ///
    /// # Errors
    /// - [`NotFound`](crate::errdefs::Code::NotFound) before anything is solved when a directory or layout of the session is not there.
    /// - What BuildKit says: for a command that failed, with its [vertex](BuildError::vertex), its
    ///   [exit code](BuildError::exit_code) and the [places](BuildError::sources) that the graph says it comes from. Most of
    ///   BuildKit's errors have the code [`Unknown`](crate::errdefs::Code::Unknown).
    /// - When the connection is lost.
    pub async fn solve(
        &self,
        request: SolveRequest,
        session: Session,
        events: &mut (dyn FnMut(Event) + Send),
    ) -> Result<SolveResponse, BuildError> {
        self.solve_beside(request, session, events, std::future::pending()).await
    }

    /// Solves while something else goes on, whose error ends the solve.
    pub(crate) async fn solve_beside(
        &self,
        request: SolveRequest,
        session: Session,
        events: &mut (dyn FnMut(Event) + Send),
        beside: impl Future<Output = Result<(), BuildError>>,
    ) -> Result<SolveResponse, BuildError> {
        session.check()?;
        let session_id = session.id().to_owned();
        let (message, exports) = request.into_message(&session_id);
        let outputs = exports.into_iter().map(|export| export.output).collect();
        let mut status = pin!(self.status(message.r#ref.clone()));
        let mut control = self.control();
        let mut solve = Box::pin(control.solve(message));
        let mut session = Box::pin(session.run(self.control(), outputs));
        let mut beside = Box::pin(beside);
        let mut seen = Seen::default();
        let (mut in_session, mut in_beside, mut in_status) = (true, true, true);
        let answer = loop {
            tokio::select! {
                answer = &mut solve => break answer,
                part = status.next(), if in_status => match part {
                    Some(Ok(part)) => seen.tell(part, events),
                    // Whatever ended it, the answer of the solve says more.
                    Some(Err(_)) | None => in_status = false,
                },
                ended = &mut session, if in_session => {
                    ended?;
                    in_session = false;
                }
                ended = &mut beside, if in_beside => {
                    ended?;
                    in_beside = false;
                }
            }
        };
        while let (true, Ok(Some(Ok(part)))) = (in_status, tokio::time::timeout(IDLE, status.next()).await) {
            seen.tell(part, events);
        }
        answer.map(SolveResponse::from).map_err(BuildError::from)
    }

    /// The status of a solve, which may not have started yet.
    fn status(
        &self,
        id: String,
    ) -> impl stream::Stream<Item = Result<control::StatusResponse, Status>> + use<> {
        let mut control = self.control();
        let call = async move { control.status(control::StatusRequest { r#ref: id }).await };
        stream::once(call).map_ok(Response::into_inner).try_flatten()
    }
}

impl From<Response<control::SolveResponse>> for SolveResponse {
    fn from(response: Response<control::SolveResponse>) -> Self {
        Self { exporters: response.into_inner().exporter_response.into_iter().collect() }
    }
}
