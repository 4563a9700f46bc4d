//! The status of a solve as events.

use std::collections::BTreeMap;
use std::time::Duration;
use std::time::SystemTime;

use super::Event;
use super::Log;
use super::Progress;
use super::Stream;
use super::Vertex;
use crate::Warning;
use crate::errdefs::Source;
use crate::pb::control;
use crate::pb::google::protobuf::Timestamp;

/// What was said of each vertex: BuildKit repeats itself.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    vertices: BTreeMap<String, Times>,
}

#[derive(Debug, Default)]
struct Times {
    started: Option<SystemTime>,
    completed: Option<SystemTime>,
}

impl Seen {
    /// Tells what is new in a part of the status.
    pub(crate) fn tell(&mut self, status: control::StatusResponse, events: &mut (dyn FnMut(Event) + Send)) {
        let mut completed = Vec::new();
        for vertex in status.vertexes {
            completed.extend(self.vertex(vertex, events));
        }
        for part in status.statuses {
            events(Event::Progress(progress(part)));
        }
        for written in status.logs {
            events(Event::Log(log(written)));
        }
        for message in status.warnings {
            events(Event::Warning(warning(message)));
        }
        // What a vertex wrote may come with its end, and was before.
        completed.into_iter().for_each(events);
    }

    /// Tells what is new of a vertex but its end, which it gives.
    fn vertex(&mut self, vertex: control::Vertex, events: &mut (dyn FnMut(Event) + Send)) -> Option<Event> {
        let control::Vertex { digest, inputs, name, cached, started, completed, error, progress_group } =
            vertex;
        if !self.vertices.contains_key(&digest) {
            let group = progress_group.map(|group| group.name);
            events(Event::Declared(Vertex { digest: digest.clone(), inputs, name, group }));
        }
        let seen = self.vertices.entry(digest.clone()).or_default();
        if let Some(at) = started.map(time).filter(|at| seen.started.as_ref() != Some(at)) {
            seen.started = Some(at);
            events(Event::Started { vertex: digest.clone(), at });
        }
        let at = completed.map(time).filter(|at| seen.completed.as_ref() != Some(at))?;
        seen.completed = Some(at);
        let error = Some(error).filter(|error| !error.is_empty());
        Some(Event::Completed { vertex: digest, at, cached, error })
    }
}

fn progress(part: control::VertexStatus) -> Progress {
    let control::VertexStatus { id, vertex, name, current, total, started, completed, .. } = part;
    let (started, completed) = (started.map(time), completed.map(time));
    Progress { vertex, id, name, current, total, started, completed }
}

fn log(written: control::VertexLog) -> Log {
    let stream = if written.stream == 2 { Stream::Stderr } else { Stream::Stdout };
    Log { vertex: written.vertex, stream, bytes: written.msg, at: written.timestamp.map(time) }
}

fn warning(message: control::VertexWarning) -> Warning {
    let control::VertexWarning { vertex, level, short, detail, url, info, ranges } = message;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let ranges = ranges.into_iter().map(Into::into).collect();
    Warning {
        vertex,
        level,
        short: text(short),
        detail: detail.into_iter().map(text).collect(),
        url,
        source: info.map(|info| Source { info: info.into(), ranges }),
    }
}

/// Times before 1970 are 1970: nothing happened then. So are those that are too far away to be times.
fn time(at: Timestamp) -> SystemTime {
    let seconds = u64::try_from(at.seconds).unwrap_or_default();
    let nanoseconds = u32::try_from(at.nanos).unwrap_or_default();
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds)).unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vertex(started: Option<i64>, completed: Option<i64>) -> control::StatusResponse {
        let at = |seconds| Timestamp { seconds, nanos: 0 };
        let vertex = control::Vertex {
            digest: "sha256:a".to_owned(),
            name: "a".to_owned(),
            started: started.map(at),
            completed: completed.map(at),
            ..control::Vertex::default()
        };
        control::StatusResponse { vertexes: vec![vertex], ..control::StatusResponse::default() }
    }

    #[test]
    fn what_is_repeated_is_told_once() {
        let mut seen = Seen::default();
        let mut told = Vec::new();
        let seconds =
            |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).expect("it is later").as_secs();
        let parts = [
            (None, None),
            (Some(1), None),
            (Some(1), None),
            (Some(1), Some(2)),
            (Some(1), Some(2)),
            (Some(3), Some(4)),
        ];
        for (started, completed) in parts {
            seen.tell(vertex(started, completed), &mut |event| {
                told.push(match event {
                    Event::Declared(vertex) => format!("declared {}", vertex.name),
                    Event::Started { at, .. } => format!("started {}", seconds(at)),
                    Event::Completed { at, .. } => format!("completed {}", seconds(at)),
                    other => format!("{other:?}"),
                });
            });
        }
        assert_eq!(told, ["declared a", "started 1", "completed 2", "started 3", "completed 4"]);
    }
}
