//! Definitions and where their operations come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::OpMetadata;
use crate::wire::messages;

messages! {
    /// `pb.Definition`: a marshalled graph.
    Definition {
        1 def "def": Vec<Arc<[u8]>>,
        2 metadata "metadata": BTreeMap<String, Arc<OpMetadata>>,
        3 source "Source": Option<Source>,
    }

    /// `pb.Source`: the files that people wrote, and where in them each operation is.
    Source {
        1 locations "locations": BTreeMap<String, Locations>,
        2 infos "infos": Vec<SourceInfo>,
    }

    /// `pb.Locations`: of one operation.
    Locations {
        1 locations "locations": Vec<Location>,
    }

    /// `pb.SourceInfo`: a file that somebody wrote.
    SourceInfo {
        1 filename "filename": String,
        2 data "data": Vec<u8>,
        3 definition "definition": Option<Definition>,
        4 language "language": String,
    }

    /// `pb.Location`: places in one of the files.
    Location {
        1 source_index "sourceIndex": i32,
        2 ranges "ranges": Vec<Range>,
    }

    /// `pb.Range`: from a position to another one, both included.
    Range {
        1 start "start": Option<Position>,
        2 end "end": Option<Position>,
    }

    /// `pb.Position`: a line, counted from 1, and a character in it, counted from 0.
    Position {
        1 line "line": i32,
        2 character "character": i32,
    }
}
