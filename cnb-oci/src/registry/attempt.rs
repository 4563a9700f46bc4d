//! Requests are made again where that may help.

use super::Registry;
use super::access::Access;
use super::answer::Answer;
use super::error::Error;
use super::transport::Request;

impl Registry {
    /// Does something until it succeeds, fails for good, or was tried often enough.
    pub(super) fn attempt<T>(
        &self,
        access: &Access,
        mut attempt: impl FnMut() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut failed = 0;
        loop {
            match attempt() {
                Err(error) if self.may_retry(&mut failed, &error) => {}
                result => return result.map_err(|error| self.with_requester(access, error)),
            }
        }
    }

    /// Whether to try again after one more failure; has waited already then.
    pub(super) fn may_retry(&self, failed: &mut u32, error: &Error) -> bool {
        let retry = &self.shared.options.retry;
        *failed += 1;
        if !error.is_retryable() || *failed >= retry.tries {
            return false;
        }
        tracing::warn!("trying again: {error}");
        retry.wait(*failed, error.retry_after());
        true
    }

    /// Makes a request; other statuses than these are errors.
    pub(super) fn send(
        &self,
        access: &Access,
        request: &Request<'_>,
        expected: &[u16],
    ) -> Result<Answer, Error> {
        self.attempt(access, || self.send_once(access, request)?.expect(expected))
    }
}
