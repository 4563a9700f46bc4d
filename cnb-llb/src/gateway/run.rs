//! The life of a frontend.

use std::future::Future;

use super::BuildId;
use super::Environment;
use super::Gateway;
use super::Output;
use super::stdio;
use crate::errdefs::BuildError;
use crate::pb::frontend;

/// A frontend cannot talk to the BuildKit that started it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// There is none at its standard input and output.
    #[error("there is no BuildKit at standard input and output: a frontend is started by one")]
    Connect(#[source] tonic::transport::Error),
    /// It does not answer.
    #[error("BuildKit does not answer")]
    Open(#[source] BuildError),
    /// It does not take the result.
    #[error("BuildKit does not take the result")]
    Return(#[source] BuildError),
}

/// Runs a frontend in the process that BuildKit started for it, and returns its result or its error: exactly once.
///
/// An error of the frontend is BuildKit's to show, and so no error here.
///
/// # Errors
/// When there is no BuildKit to talk to, or it does not take what it is given.
pub async fn run<F, R>(environment: Environment, frontend: F) -> Result<(), RunError>
where
    F: FnOnce(Gateway) -> R,
    R: Future<Output = Result<Output, BuildError>>,
{
    let channel = stdio::channel().await.map_err(RunError::Connect)?;
    let gateway = Gateway::open(channel, BuildId::default(), environment).await.map_err(RunError::Open)?;
    let result = frontend(gateway.clone()).await;
    gateway.give_back(result).await.map_err(RunError::Return)
}

impl Gateway {
    /// Returns a result or an error. The other side takes one.
    pub(crate) async fn give_back(&self, result: Result<Output, BuildError>) -> Result<(), BuildError> {
        let request = match result {
            Ok(output) => frontend::ReturnRequest { result: Some(output.into_message()), error: None },
            Err(error) => frontend::ReturnRequest { result: None, error: Some(error.to_status()) },
        };
        self.bridge().r#return(request).await?;
        Ok(())
    }
}
