//! Downloads.

use super::Source;
use super::annotate;
use super::oci_layout::set_unless_empty;
use crate::Capability;
use crate::state::State;

/// A file from the web.
#[derive(Clone, Debug)]
pub struct Http {
    source: Source,
}

annotate!(Http);

/// A detached OpenPGP signature, armoured, and the keys that may have made it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HttpSignature {
    /// The signature.
    pub signature: String,
    /// The public keys.
    pub public_keys: String,
}

impl Http {
    /// The file at an address that starts with `http://` or `https://`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { source: Source::new(url.into(), Capability::SOURCE_HTTP) }
    }

    /// The digest that it must have.
    #[must_use]
    pub fn checksum(mut self, digest: impl Into<String>) -> Self {
        self.source.set_needed("http.checksum", digest, Capability::SOURCE_HTTP_CHECKSUM);
        self
    }

    /// What the file is called; the last part of its address if not said.
    #[must_use]
    pub fn filename(mut self, name: impl Into<String>) -> Self {
        self.source.set("http.filename", name);
        self
    }

    /// The permissions of the file, for example `0o644`.
    #[must_use]
    pub fn chmod(mut self, mode: u32) -> Self {
        let mode = format!("0{:o}", mode & 0o777);
        self.source.set_needed("http.perm", mode, Capability::SOURCE_HTTP_PERM);
        self
    }

    /// Who owns the file; root if not said.
    #[must_use]
    pub fn chown(mut self, uid: u32, gid: u32) -> Self {
        for (attribute, id) in [("http.uid", uid), ("http.gid", gid)] {
            if id != 0 {
                self.source.set_needed(attribute, id.to_string(), Capability::SOURCE_HTTP_UID_GID);
            }
        }
        self
    }

    /// The secret that is sent as the header `Authorization`.
    #[must_use]
    pub fn auth_header_secret(mut self, id: impl Into<String>) -> Self {
        self.source.set_needed("http.authheadersecret", id, Capability::SOURCE_HTTP_AUTH);
        self
    }

    /// What is sent as the header `Accept`.
    #[must_use]
    pub fn accept(mut self, types: impl Into<String>) -> Self {
        self.source.set_needed("http.header.accept", types, Capability::SOURCE_HTTP_HEADER);
        self
    }

    /// What is sent as the header `User-Agent`.
    #[must_use]
    pub fn user_agent(mut self, agent: impl Into<String>) -> Self {
        self.source.set_needed("http.header.user-agent", agent, Capability::SOURCE_HTTP_HEADER);
        self
    }

    /// The signature that it must match.
    #[must_use]
    pub fn verify(mut self, signature: HttpSignature) -> Self {
        set_unless_empty(&mut self.source, "http.sig.pubkey", signature.public_keys);
        set_unless_empty(&mut self.source, "http.sig.signature", signature.signature);
        self.source.annotations.need(Capability::SOURCE_HTTP_SIGNATURE_VERIFY);
        self
    }

    /// The file.
    pub fn state(self) -> State {
        self.source.state()
    }
}
