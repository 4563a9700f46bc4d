//! What `docker build --progress=rawjson` says of a build: which vertices worked when.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use serde_json::Deserializer;
use serde_json::Value;

use crate::Result;

/// The work of a build.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// Vertices by their digests.
    vertices: BTreeMap<String, Vertex>,
}

#[derive(Debug)]
struct Vertex {
    name: String,
    /// Since midnight.
    started: Duration,
    completed: Duration,
    cached: bool,
}

impl Timeline {
    /// Reads what a build prints: statuses, and what comes after them, which is returned as well.
    pub(super) fn read(mut output: impl Read) -> Result<(Self, String)> {
        let mut printed = String::new();
        output.read_to_string(&mut printed)?;
        let mut timeline = Self::default();
        let mut statuses = Deserializer::from_str(&printed).into_iter::<Value>();
        while let Some(Ok(status)) = statuses.next() {
            for vertex in status["vertexes"].as_array().into_iter().flatten() {
                timeline.add(vertex);
            }
        }
        Ok((timeline, printed[statuses.byte_offset()..].trim().to_owned()))
    }

    /// Prints the vertices that took longer than `shown`, in order, with times since the first of all.
    pub(super) fn print(&self, shown: Duration) {
        let mut vertices: Vec<&Vertex> = self.vertices.values().collect();
        vertices.sort_by_key(|vertex| vertex.started);
        let Some(first) = vertices.first().map(|vertex| vertex.started) else { return };
        for vertex in vertices {
            let (start, end) = (vertex.started.saturating_sub(first), vertex.completed.saturating_sub(first));
            if end.saturating_sub(start) > shown {
                let cached = if vertex.cached { " (cached)" } else { "" };
                println!(
                    "  {:>6.3} {:>6.3}  {}{cached}",
                    start.as_secs_f64(),
                    end.as_secs_f64(),
                    vertex.name
                );
            }
        }
    }

    /// A vertex is told again when it goes on.
    fn add(&mut self, vertex: &Value) {
        let text = |field: &str| vertex[field].as_str().unwrap_or_default();
        let (Some(started), Some(completed)) = (time(text("started")), time(text("completed"))) else {
            return;
        };
        let cached = vertex["cached"] == true;
        let new = Vertex { name: text("name").to_owned(), started, completed, cached };
        let known = self.vertices.entry(text("digest").to_owned()).or_insert(new);
        known.started = known.started.min(started);
        known.completed = known.completed.max(completed);
        known.cached &= cached;
    }
}

/// The time of day of a time of RFC 3339.
fn time(text: &str) -> Option<Duration> {
    let (_, time) = text.split_once('T')?;
    let time = time.trim_end_matches(|other: char| !other.is_ascii_digit());
    let time = time.split(['+', '-']).next()?;
    let mut seconds = 0.0;
    for part in time.split(':') {
        seconds = seconds * 60.0 + part.parse::<f64>().ok()?;
    }
    Some(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_are_read() {
        assert_eq!(time("2024-05-01T01:02:03.5Z"), Some(Duration::from_millis(3_723_500)));
        assert_eq!(time("2024-05-01T00:00:01+02:00"), Some(Duration::from_secs(1)));
        assert_eq!(time(""), None);
    }
}
