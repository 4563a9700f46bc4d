//! Files from outside of the graph.

mod blob;
mod git;
mod http;
mod image;
mod local;
mod oci_layout;
mod reference;
mod url;

pub use blob::ImageBlob;
pub use git::Git;
pub use git::GitSignature;
pub use http::Http;
pub use http::HttpSignature;
pub use image::Image;
pub use image::RecordType;
pub use image::ResolveMode;
pub use local::Differ;
pub use local::Local;
pub use oci_layout::OciLayout;

use std::collections::BTreeMap;

use crate::Capability;
use crate::annotate::Annotations;
use crate::ops::Op;
use crate::ops::Platform;
use crate::ops::SourceOp;
use crate::state::State;

/// What the builders of sources collect.
#[derive(Clone, Debug)]
struct Source {
    identifier: String,
    attrs: BTreeMap<String, String>,
    annotations: Annotations,
}

impl Source {
    fn new(identifier: String, capability: Capability) -> Self {
        let mut annotations = Annotations::default();
        annotations.need(capability);
        Self { identifier, attrs: BTreeMap::new(), annotations }
    }

    fn set(&mut self, attribute: impl Into<String>, value: impl Into<String>) {
        self.attrs.insert(attribute.into(), value.into());
    }

    /// Sets an attribute that a daemon must know.
    fn set_needed(&mut self, attribute: impl Into<String>, value: impl Into<String>, capability: Capability) {
        self.set(attribute, value);
        self.annotations.need(capability);
    }

    /// Files that are the same for every platform.
    fn state(self) -> State {
        self.of_platform(None)
    }

    /// Files of this platform.
    fn of_platform(self, platform: impl Into<Option<Platform>>) -> State {
        let platform = platform.into();
        let source = Some(SourceOp { identifier: self.identifier, attrs: self.attrs });
        let op = Op { platform: platform.clone(), source, ..Op::default() };
        State::source(op, platform, self.annotations)
    }
}

/// Gives builders that have a field `source` the trait.
macro_rules! annotate {
    ($($builder:ident)*) => {$(
        impl $crate::Annotate for $builder {
            fn annotations(&mut self) -> &mut $crate::annotate::Annotations {
                &mut self.source.annotations
            }
        }
    )*};
}

use annotate;

/// Texts as a JSON array, in the bytes that Go's `encoding/json` writes.
fn json_array(texts: &[String]) -> String {
    let mut out = String::new();
    for (number, text) in texts.iter().enumerate() {
        out.push(if number == 0 { '[' } else { ',' });
        crate::dump::write_json_text(text, &mut out);
    }
    out + "]"
}
