//! What a frontend gives back.

use std::collections::BTreeMap;

use serde_json::json;

use super::Reference;
use super::Solved;
use crate::pb::frontend;
use crate::pb::frontend::result::Result as Refs;

/// What a frontend gives back: files with what is to be said of them.
///
/// Source: `exporter/containerimage/exptypes` of BuildKit for the names of metadata.
#[derive(Clone, Debug, Default)]
pub struct Output {
    metadata: BTreeMap<String, Vec<u8>>,
    reference: Option<Reference>,
    platforms: Vec<PlatformOutput>,
}

/// What a frontend gives back for one of several platforms.
#[derive(Clone, Debug)]
pub struct PlatformOutput {
    /// What identifies it among the others, for example `linux/arm64/v8`: operating system, architecture, variant.
    pub id: String,
    /// The files, with what is to be said of them.
    pub output: Output,
}

impl Output {
    /// These files, or none.
    pub fn new(reference: impl Into<Option<Reference>>) -> Self {
        Self { reference: reference.into(), ..Self::default() }
    }

    /// One image for each platform. Exporters make an index of them, also of a single one.
    pub fn for_platforms(platforms: impl IntoIterator<Item = PlatformOutput>) -> Self {
        Self { platforms: platforms.into_iter().collect(), ..Self::default() }
    }

    /// The answer to a question: [`Subrequest`](super::Subrequest) has those that are known.
    pub fn answer(json: impl Into<Vec<u8>>, text: impl Into<Vec<u8>>, version: &str) -> Self {
        Self::default()
            .with_metadata("result.json", json)
            .with_metadata("result.txt", text)
            .with_metadata("version", version)
    }

    /// The config of the image, in JSON. Exporters fill in `rootfs` and what is missing of `history`.
    #[must_use]
    pub fn with_config(self, config: impl Into<Vec<u8>>) -> Self {
        self.with_metadata("containerimage.config", config)
    }

    /// The config of the image that it is based on, in JSON: what it has is older than any time that is asked for.
    #[must_use]
    pub fn with_base_config(self, config: impl Into<Vec<u8>>) -> Self {
        self.with_metadata("containerimage.base.config", config)
    }

    /// Something else that is to be said of the files.
    #[must_use]
    pub fn with_metadata(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    pub(super) fn into_message(self) -> frontend::Result {
        let mut metadata = self.metadata;
        let message =
            |reference: Option<Reference>| reference.map(Reference::into_message).unwrap_or_default();
        let result = if self.platforms.is_empty() {
            Refs::Ref(message(self.reference))
        } else {
            // Another frontend may have said more of them.
            let known = metadata.entry("refs.platforms".to_owned());
            known.or_insert_with(|| platforms(&self.platforms));
            let mut refs = frontend::RefMap::default();
            for PlatformOutput { id, output } in self.platforms {
                let of_platform = output.metadata.into_iter();
                metadata.extend(of_platform.map(|(name, value)| (format!("{name}/{id}"), value)));
                refs.refs.insert(id, message(output.reference));
            }
            Refs::Refs(refs)
        };
        frontend::Result {
            metadata: metadata.into_iter().collect(),
            result: Some(result),
            ..frontend::Result::default()
        }
    }
}

impl From<Solved> for Output {
    /// What another frontend made, with all that it says of it: for frontends that leave the work to one. Attestations are
    /// not passed on.
    fn from(solved: Solved) -> Self {
        let Solved { metadata, reference, platforms } = solved;
        let platforms = platforms.into_iter();
        let platforms = platforms.map(|(id, reference)| PlatformOutput { id, output: Self::new(reference) });
        Self { metadata, reference, platforms: platforms.collect() }
    }
}

/// `exptypes.Platforms`.
fn platforms(outputs: &[PlatformOutput]) -> Vec<u8> {
    let platform = |output: &PlatformOutput| {
        let mut names = output.id.splitn(3, '/');
        let mut platform = json!({});
        for key in ["os", "architecture", "variant"] {
            if let Some(name) = names.next() {
                platform[key] = name.into();
            }
        }
        json!({ "ID": output.id, "Platform": platform })
    };
    let platforms: Vec<_> = outputs.iter().map(platform).collect();
    json!({ "Platforms": platforms }).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_result_is_no_index() {
        let message = Output::new(None).with_config("{}").into_message();
        assert_eq!(message.result, Some(Refs::Ref(frontend::Ref::default())));
        assert_eq!(message.metadata["containerimage.config"], b"{}");
    }

    #[test]
    fn platforms_are_listed_in_order() {
        let output =
            |id: &str| PlatformOutput { id: id.to_owned(), output: Output::new(None).with_config(id) };
        let message = Output::for_platforms([output("linux/arm64/v8"), output("linux/amd64")]).into_message();
        assert_eq!(message.metadata["containerimage.config/linux/amd64"], b"linux/amd64");
        let listed: serde_json::Value =
            serde_json::from_slice(&message.metadata["refs.platforms"]).expect("it is JSON");
        let expected = json!({ "Platforms": [
            { "ID": "linux/arm64/v8", "Platform": { "os": "linux", "architecture": "arm64", "variant": "v8" } },
            { "ID": "linux/amd64", "Platform": { "os": "linux", "architecture": "amd64" } },
        ] });
        assert_eq!(listed, expected);
        assert!(matches!(message.result, Some(Refs::Refs(refs)) if refs.refs.len() == 2));
    }

    #[test]
    fn what_another_frontend_says_is_passed_on() {
        let platforms =
            br#"{"Platforms":[{"ID":"a","Platform":{"os":"windows","os.version":"10"}}]}"#.to_vec();
        let metadata = [("refs.platforms", platforms), ("containerimage.config/a", b"{}".to_vec())];
        let metadata = metadata.map(|(name, value)| (name.to_owned(), value));
        let platforms = BTreeMap::from([("a".to_owned(), None)]);
        let solved = Solved { metadata: metadata.clone().into(), reference: None, platforms };
        let message = Output::from(solved).into_message();
        assert_eq!(message.metadata, metadata.into());
        let refs = frontend::RefMap { refs: [("a".to_owned(), frontend::Ref::default())].into() };
        assert_eq!(message.result, Some(Refs::Refs(refs)));
    }
}
