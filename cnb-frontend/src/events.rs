//! What a build tells: BuildKit shows phases and output itself, so warnings are what is left.

use std::sync::Mutex;
use std::sync::PoisonError;

use cnb_core::event::Event;
use cnb_core::event::EventSink;

/// Keeps warnings until they can be sent.
#[derive(Debug, Default)]
pub(crate) struct Warnings(Mutex<Vec<String>>);

impl Warnings {
    /// Takes those that there are.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl EventSink for Warnings {
    fn event(&self, event: Event) {
        if let Event::Warning { message } = event {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_kept_once() {
        let warnings = Warnings::default();
        warnings.event(Event::PhaseStarted { phase: "build".to_owned() });
        warnings.event(Event::Warning { message: "odd".to_owned() });
        assert_eq!(warnings.take(), ["odd"]);
        assert!(warnings.take().is_empty());
    }
}
