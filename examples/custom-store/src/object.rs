//! An entry and its content as one object: a line of JSON, and then the content.

use cnb_cache::store::Entry;
use cnb_cache::store::Writer;
use serde_json::Value;
use serde_json::json;

/// What an object says of its entry, but for its last use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Object {
    /// The entry.
    pub entry: Entry,
    /// The namespace that it belongs to, printed.
    pub namespace: String,
    /// Its content.
    pub content: Vec<u8>,
}

impl Object {
    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Entry { key, writer, data, digest, size, .. } = &self.entry;
        let head = json!({
            "namespace": self.namespace, "key": key, "writer": writer, "data": data, "digest": digest, "size": size,
        });
        let mut bytes = head.to_string().into_bytes();
        bytes.push(b'\n');
        bytes.extend(&self.content);
        bytes
    }

    /// From bytes, if they are such an object. Whether it has the content that it should is found out when that is read.
    pub fn from_bytes(bytes: &[u8], used: u64) -> Option<Self> {
        let end = bytes.iter().position(|&byte| byte == b'\n')?;
        let head: Value = serde_json::from_slice(&bytes[..end]).ok()?;
        let text = |name: &str| head[name].as_str().map(str::to_owned);
        let entry = Entry {
            key: text("key")?,
            writer: serde_json::from_value::<Writer>(head["writer"].clone()).ok()?,
            data: text("data")?,
            digest: text("digest")?.parse().ok()?,
            size: head["size"].as_u64()?,
            used,
        };
        Some(Self { entry, namespace: text("namespace")?, content: bytes[end + 1..].to_vec() })
    }
}
