//! BuildKit asks every few seconds whether the client is there.

use futures_util::stream;
use tonic::Request;
use tonic::Response;
use tonic::Status;

use super::serve::Streamed;
use crate::pb::health::HealthCheckRequest;
use crate::pb::health::HealthCheckResponse;
use crate::pb::health::HealthListRequest;
use crate::pb::health::HealthListResponse;
use crate::pb::health::health_check_response::ServingStatus;
use crate::pb::health::health_server::Health;

/// Serves, as long as it answers.
#[derive(Debug)]
pub(crate) struct Healthy;

#[tonic::async_trait]
impl Health for Healthy {
    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving.into() }))
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Result<Response<HealthListResponse>, Status> {
        Ok(Response::new(HealthListResponse::default()))
    }

    type WatchStream = Streamed<HealthCheckResponse>;

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let serving = HealthCheckResponse { status: ServingStatus::Serving.into() };
        Ok(Response::new(Box::pin(stream::iter([Ok(serving)]))))
    }
}
