//! Why a build did what it did, told at its end.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use cnb_core::event::Event;
use cnb_core::event::EventSink;
use cnb_core::event::Origin;
use cnb_core::event::Reason;

use super::Progress;
use super::tell;
use crate::exit::Failure;

/// Reasons that are told one by one; of more there is the number.
const MOST_REASONS: usize = 10;

/// Shows events, and what became of each phase and layer at the end.
#[derive(Debug)]
pub(super) struct Explained {
    shown: Arc<dyn Progress>,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    phases: Vec<(String, Vec<Reason>)>,
    layers: Vec<(String, bool, Origin)>,
}

impl Explained {
    pub(super) fn new(shown: Arc<dyn Progress>) -> Self {
        Self { shown, told: Mutex::default() }
    }
}

impl EventSink for Explained {
    fn event(&self, event: Event) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match &event {
            Event::Decided { phase, because, .. } => told.phases.push((phase.clone(), because.clone())),
            Event::Layer { id, reused, origin, .. } => told.layers.push((id.clone(), *reused, *origin)),
            _ => {}
        }
        drop(told);
        self.shown.event(event);
    }
}

impl Progress for Explained {
    fn finish(&self, failure: Option<&Failure>) {
        let told = std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner));
        for line in told.lines() {
            tell(&line);
        }
        self.shown.finish(failure);
    }
}

impl Told {
    fn lines(&self) -> Vec<String> {
        let names = self.phases.iter().map(|(name, _)| name).chain(self.layers.iter().map(|(name, ..)| name));
        let width = names.map(String::len).max().unwrap_or_default();
        let mut lines = Vec::new();
        for (phase, because) in &self.phases {
            let fate = if because.is_empty() { "reused" } else { "ran" };
            let mut name = phase.as_str();
            let mut fate = format!("{fate:<7}");
            for reason in reasons(because) {
                lines.push(format!("{name:<width$}  {fate}  {reason}"));
                (name, fate) = ("", " ".repeat(fate.len()));
            }
        }
        lines.extend(self.layers.iter().map(|(id, reused, origin)| {
            let (fate, why) = fate(*reused, *origin);
            format!("{id:<width$}  {fate:<7}  {why}")
        }));
        lines
    }
}

fn reasons(because: &[Reason]) -> Vec<String> {
    if because.is_empty() {
        return vec!["nothing that it reads has changed".to_owned()];
    }
    let mut told: Vec<String> = because.iter().take(MOST_REASONS).map(ToString::to_string).collect();
    if let Some(more) = because.len().checked_sub(MOST_REASONS).filter(|more| *more > 0) {
        told.push(format!("and {more} more"));
    }
    told
}

fn fate(reused: bool, origin: Origin) -> (&'static str, &'static str) {
    match (origin, reused) {
        (Origin::Recorded, _) => ("reused", "from the last build: what makes it did not run"),
        (Origin::Kept, _) => ("reused", "from the last image: its buildpack kept it"),
        (_, true) => ("reused", "made again, and the same as in the last image"),
        (_, false) => ("new", "not in the last image, or different there"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_and_layer_has_a_line() {
        let changed = |number| Reason::Changed { input: format!("application {number}") };
        let told = Told {
            phases: vec![
                ("detect".to_owned(), Vec::new()),
                ("build".to_owned(), (0..12).map(changed).collect()),
            ],
            layers: vec![
                ("x/pip:dependencies".to_owned(), true, Origin::Kept),
                ("app".to_owned(), false, Origin::Made),
            ],
        };
        let lines = told.lines();
        assert_eq!(lines[0], "detect              reused   nothing that it reads has changed");
        assert_eq!(lines[1], "build               ran      application 0 changed");
        assert_eq!(lines[2], "                             application 1 changed");
        assert_eq!(lines[11], "                             and 2 more");
        assert_eq!(lines[12], "x/pip:dependencies  reused   from the last image: its buildpack kept it");
        assert_eq!(lines[13], "app                 new      not in the last image, or different there");
        assert_eq!(lines.len(), 14);
    }
}
