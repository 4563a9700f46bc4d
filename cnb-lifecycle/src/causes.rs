//! Errors as one line of text.

/// An error and everything that caused it, outermost first, as Go wraps errors: `outer: inner`.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
