//! From a graph to a definition.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::btree_map::Entry;
use std::ptr;
use std::sync::Arc;

use super::Definition;
use crate::Capability;
use crate::digest::Digest;
use crate::location::SourceFile;
use crate::ops::Location;
use crate::ops::Op;
use crate::ops::OpMetadata;
use crate::ops::Source;
use crate::ops::{self};
use crate::vertex::Output;
use crate::vertex::Vertex;
use crate::wire;

impl Definition {
    /// The graph below an output.
    pub(crate) fn of(head: Option<&Output>) -> Self {
        let Some(head) = head else {
            return Self::default();
        };
        let mut collected = Collected::default();
        for vertex in post_order(&head.vertex) {
            collected.add(vertex);
        }
        Self { message: collected.into_message(head) }
    }
}

#[derive(Default)]
struct Collected<'a> {
    def: Vec<Arc<[u8]>>,
    metadata: BTreeMap<String, Arc<OpMetadata>>,
    files: Vec<&'a SourceFile>,
    locations: BTreeMap<String, ops::Locations>,
}

impl<'a> Collected<'a> {
    /// Vertices that are the same operation are one in the definition, with what is said of each.
    fn add(&mut self, vertex: &'a Vertex) {
        match self.metadata.entry(vertex.digest.to_string()) {
            Entry::Occupied(known) => Arc::make_mut(known.into_mut()).extend((*vertex.metadata).clone()),
            Entry::Vacant(new) => {
                new.insert(Arc::clone(&vertex.metadata));
                self.def.push(Arc::clone(&vertex.bytes));
            }
        }
        for location in &vertex.locations {
            let location =
                Location { source_index: self.file(&location.file), ranges: location.ranges.clone() };
            self.locations.entry(vertex.digest.to_string()).or_default().locations.push(location);
        }
    }

    fn file(&mut self, file: &'a SourceFile) -> i32 {
        let index = self.files.iter().position(|known| *known == file).unwrap_or_else(|| {
            self.files.push(file);
            self.files.len() - 1
        });
        i32::try_from(index).expect("nobody writes so many files")
    }

    fn into_message(mut self, head: &Output) -> ops::Definition {
        let last: Arc<[u8]> = wire::encode(&Op { inputs: vec![head.input()], ..Op::default() }).into();
        let needed = OpMetadata { caps: self.capabilities_of_all(), ..OpMetadata::default() };
        self.metadata.insert(Digest::of(&last).to_string(), Arc::new(needed));
        self.def.push(last);
        let source = Source {
            locations: self.locations,
            infos: self.files.into_iter().map(|file| file.info().clone()).collect(),
        };
        ops::Definition {
            def: self.def,
            metadata: self.metadata,
            source: Some(source).filter(|source| *source != Source::default()),
        }
    }

    /// What the operations need together is said of the last one.
    fn capabilities_of_all(&self) -> BTreeSet<Capability> {
        let any = |says: fn(&OpMetadata) -> bool| self.metadata.values().any(|metadata| says(metadata));
        let needed = [
            (true, Capability::CONSTRAINTS),
            (true, Capability::PLATFORM),
            (any(|metadata| metadata.ignore_cache), Capability::META_IGNORE_CACHE),
            (any(|metadata| !metadata.description.is_empty()), Capability::META_DESCRIPTION),
            (any(|metadata| metadata.export_cache.is_some()), Capability::META_EXPORT_CACHE),
        ];
        needed.into_iter().filter_map(|(is_needed, capability)| is_needed.then_some(capability)).collect()
    }
}

/// Every vertex once, inputs first, without recursion: graphs may be deep.
fn post_order(head: &Vertex) -> Vec<&Vertex> {
    let mut seen = BTreeSet::new();
    let mut ordered = Vec::new();
    let mut path = vec![(head, head.needs.iter())];
    while let Some((vertex, left)) = path.last_mut() {
        match left.next() {
            Some(input) if seen.contains(&Arc::as_ptr(input)) => {}
            Some(input) => path.push((input, input.needs.iter())),
            None => {
                seen.insert(ptr::from_ref::<Vertex>(vertex));
                ordered.push(*vertex);
                path.pop();
            }
        }
    }
    ordered
}
