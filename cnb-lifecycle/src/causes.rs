//! Errors as one line of text.

use std::error::Error;
use std::io;

/// An error and everything that caused it, outermost first, as Go wraps errors: `outer: inner`.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    causes.fold(text(error), |text_so_far, cause| format!("{text_so_far}: {}", text(cause)))
}

/// Errors of the system are written as Go writes them: `no such file or directory`.
fn text(error: &(dyn Error + 'static)) -> String {
    let text = error.to_string();
    let code = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
    let Some(text) = code.and_then(|code| text.strip_suffix(&format!(" (os error {code})"))) else {
        return text;
    };
    let first = text.chars().next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(text.chars().skip(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_follow_and_errors_of_the_system_read_as_in_go() {
        #[derive(Debug, thiserror::Error)]
        #[error("chdir /nope")]
        struct Outer(#[source] io::Error);

        let cases = [
            (io::Error::from_raw_os_error(2), "chdir /nope: no such file or directory"),
            (io::Error::from_raw_os_error(40), "chdir /nope: too many levels of symbolic links"),
            (io::Error::other("Own text (os error 2)"), "chdir /nope: Own text (os error 2)"),
        ];
        for (source, expected) in cases {
            assert_eq!(with_causes(&Outer(source)), expected);
        }
    }
}
