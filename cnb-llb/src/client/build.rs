//! Being the frontend of one's own solve.

use std::future::Future;
use std::sync::Mutex;
use std::sync::PoisonError;

use super::Client;
use super::Event;
use super::SolveRequest;
use super::SolveResponse;
use crate::errdefs::BuildError;
use crate::gateway::BuildId;
use crate::gateway::Environment;
use crate::gateway::Gateway;
use crate::gateway::Output;
use crate::session::Session;

impl Client {
    /// Solves with a frontend that runs here: what it gives back is exported.
    ///
    /// The request has neither graph nor frontend. The attributes of the request are the options of the frontend.
    ///
    /// ```no_run
    /// # use cnb_llb::client::{Client, Export, SolveRequest};
    /// # use cnb_llb::gateway::Output;
    /// # use cnb_llb::session::Session;
    /// # use cnb_llb::{MakeFile, State};
    /// # async fn build(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let request = SolveRequest::new("a-new-id-for-each").with_export(Export::new("local").to_directory("out"));
    /// let frontend = async |gateway: cnb_llb::gateway::Gateway| {
    ///     let graph = State::scratch().file(MakeFile::new("/a", 0o644, "x")).definition();
    ///     Ok(Output::new(gateway.solve_graph(&graph).await?))
    /// };
    /// client.build(request, Session::new("another-new-id"), &mut |_| (), frontend).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// That of the frontend, as it is; otherwise those of [`Client::solve`].
    pub async fn build<F, R>(
        &self,
        request: SolveRequest,
        session: Session,
        events: &mut (dyn FnMut(Event) + Send),
        frontend: F,
    ) -> Result<SolveResponse, BuildError>
    where
        F: FnOnce(Gateway) -> R,
        R: Future<Output = Result<Output, BuildError>>,
    {
        let environment = Environment {
            options: request.frontend_attributes(),
            session_id: session.id().to_owned(),
            workers: self.workers().await?,
            product: String::new(),
        };
        let build = BuildId::new(request.id())?;
        let failure = Mutex::new(None);
        let beside = async {
            let gateway = Gateway::open(self.channel(), build, environment).await?;
            let result = frontend(gateway.clone()).await;
            if let Err(error) = &result {
                *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
            }
            gateway.give_back(result).await
        };
        let solved = self.solve_beside(request, session, events, beside).await;
        // Through BuildKit, the error of the frontend comes back as one of the solve, with less to tell.
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => solved,
        }
    }
}
