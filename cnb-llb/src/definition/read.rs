//! From bytes to a definition and to a graph.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::Definition;
use crate::digest::Digest;
use crate::location::Location;
use crate::location::SourceFile;
use crate::ops::Op;
use crate::ops::{self};
use crate::state::State;
use crate::vertex::Output;
use crate::vertex::Vertex;
use crate::wire;
use crate::wire::WireError;

/// Why bytes are no definition.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ReadError {
    /// They are no `pb.Definition`.
    Definition(WireError),
    /// An operation, counted from 0, is no `pb.Op`.
    Operation(usize, WireError),
    /// An operation, counted from 0, is not of exactly one kind.
    Kind(usize),
    /// An input of an operation, counted from 0, is none of the operations before it.
    Input(usize, String),
    /// The last operation is of a kind, or points to no other.
    Head,
    /// What somebody wrote is said to be in a file that is not there: which one, counted from 0.
    File(i32),
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Definition(_) => formatter.write_str("the definition cannot be read"),
            Self::Operation(number, _) => {
                write!(formatter, "operation {number} of the definition cannot be read")
            }
            Self::Kind(number) => {
                write!(formatter, "operation {number} of the definition is not of one kind")
            }
            Self::Input(number, digest) => {
                write!(
                    formatter,
                    "operation {number} of the definition needs {digest:?}, which is not before it"
                )
            }
            Self::Head => {
                formatter.write_str("the last operation of the definition does not just point to another one")
            }
            Self::File(index) => write!(formatter, "the definition has no source file {index}"),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Definition(source) | Self::Operation(_, source) => Some(source),
            Self::Kind(_) | Self::Input(..) | Self::Head | Self::File(_) => None,
        }
    }
}

impl Definition {
    /// Reads a `pb.Definition`, as `buildctl`, `buildx` and [`to_bytes`](Self::to_bytes) write it.
    ///
    /// The bytes of the operations stay as they are. Of the rest, what is not known here is lost.
    ///
    /// # Errors
    /// When it is malformed, and when an operation is not after its inputs.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReadError> {
        let message = wire::decode(bytes).map_err(ReadError::Definition)?;
        check_operations(&message)?;
        message.source.as_ref().map_or(Ok(()), check_files)?;
        Ok(Self { message })
    }

    /// The tree that it makes, as a part of other graphs.
    pub fn state(&self) -> State {
        let infos = self.message.source.iter().flat_map(|source| &source.infos);
        // Once for all operations: there may be many, and files are large.
        let files: Vec<SourceFile> = infos.cloned().map(SourceFile::of).collect();
        let mut vertices = BTreeMap::new();
        for vertex in self.vertices() {
            let find = |input: &ops::Input| Arc::clone(&vertices[&input.digest]);
            let read = Vertex {
                bytes: vertex.bytes.into(),
                digest: vertex.digest,
                metadata: self.message.metadata.get(vertex.digest.as_str()).cloned().unwrap_or_default(),
                locations: self.locations(vertex.digest, &files),
                needs: vertex.op.inputs.iter().map(find).collect(),
            };
            vertices.insert(vertex.digest.to_string(), Arc::new(read));
        }
        let Some((digest, index)) = self.head() else {
            return State::scratch();
        };
        let head = Output { vertex: Arc::clone(&vertices[&digest]), index };
        let platform = wire::decode::<Op>(&head.vertex.bytes).expect("it was checked").platform;
        State::of(head, platform)
    }

    /// Where an operation was written, in these files of the definition.
    fn locations(&self, digest: Digest, files: &[SourceFile]) -> Vec<Location> {
        let source = self.message.source.as_ref();
        let locations = source.and_then(|source| source.locations.get(digest.as_str()));
        let read = locations.into_iter().flat_map(|locations| &locations.locations).map(|location| {
            let file = at(files, location.source_index).expect("it was checked").clone();
            Location { file, ranges: location.ranges.clone() }
        });
        read.collect()
    }
}

fn check_operations(message: &ops::Definition) -> Result<(), ReadError> {
    let mut known = BTreeSet::new();
    for (number, bytes) in message.def.iter().enumerate() {
        let op = wire::decode::<Op>(bytes).map_err(|source| ReadError::Operation(number, source))?;
        let is_last = number + 1 == message.def.len();
        match (is_last, kinds(&op), op.inputs.len()) {
            (true, 0, 1..) | (false, 1, _) => {}
            (true, ..) => return Err(ReadError::Head),
            (false, ..) => return Err(ReadError::Kind(number)),
        }
        if let Some(input) = op.inputs.into_iter().find(|input| !known.contains(&input.digest)) {
            return Err(ReadError::Input(number, input.digest));
        }
        known.insert(Digest::of(bytes).to_string());
    }
    Ok(())
}

fn check_files(source: &ops::Source) -> Result<(), ReadError> {
    let mut locations = source.locations.values().flat_map(|locations| &locations.locations);
    let unknown = locations.find(|location| at(&source.infos, location.source_index).is_none());
    unknown.map_or(Ok(()), |location| Err(ReadError::File(location.source_index)))
}

fn at<T>(files: &[T], index: i32) -> Option<&T> {
    files.get(usize::try_from(index).ok()?)
}

fn kinds(op: &Op) -> usize {
    let kinds = [
        op.exec.is_some(),
        op.source.is_some(),
        op.file.is_some(),
        op.build.is_some(),
        op.merge.is_some(),
        op.diff.is_some(),
        op.passthrough.is_some(),
    ];
    kinds.into_iter().filter(|is_of_kind| *is_of_kind).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Annotate as _;
    use crate::MakeDir;

    #[test]
    fn operations_share_the_file_that_they_come_from() {
        let file = SourceFile::new("project.toml", "a\nb\n");
        let make = |path: &str, line| crate::FileOp::new(MakeDir::new(path, 0o755)).at(file.line(line));
        let definition = State::scratch().file(make("/a", 1)).file(make("/b", 2)).definition();
        let read = Definition::from_bytes(&definition.to_bytes()).expect("it was written").state();
        let upper = &read.output().expect("it has files").vertex;
        let [one, other] = [upper, &upper.needs[0]].map(|vertex| vertex.locations[0].file.info());
        assert!(std::ptr::eq(one, other), "the file is there twice");
        assert_eq!(read.definition(), definition);
    }
}
