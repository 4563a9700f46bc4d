//! Git repositories.

use std::collections::BTreeMap;

use super::Source;
use super::url::GitUrl;
use crate::Annotate;
use crate::Capability;
use crate::annotate::Annotations;
use crate::state::State;

/// The files of a commit.
///
/// ```
/// use cnb_llb::Git;
///
/// let state =
/// Git::new("https://github.com/moby/buildkit.git").reference("v0.34.2").subdir("solver").state();
/// ```
#[derive(Clone, Debug)]
pub struct Git {
    url: GitUrl,
    reference: String,
    subdir: String,
    known_hosts: String,
    ssh_agent: String,
    /// Those that do not depend on the address.
    attrs: BTreeMap<&'static str, String>,
    annotations: Annotations,
}

impl Annotate for Git {
    fn annotations(&mut self) -> &mut Annotations {
        &mut self.annotations
    }
}

/// Which signatures of commits and tags are good.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GitSignature {
    /// The public keys that may have made it, OpenPGP, armoured, or SSH.
    pub public_keys: String,
    /// Refuses keys that have expired.
    pub reject_expired: bool,
    /// Refuses tags that are not signed.
    pub require_signed_tag: bool,
    /// Does not look at the signatures of tags.
    pub ignore_signed_tag: bool,
}

impl Git {
    /// The default branch of the repository at an address: `https://host/path`, `git@host:path`, or
    /// `host/path`.
    ///
    /// A query and a fragment of the address do not count. The secrets `GIT_AUTH_TOKEN` and `GIT_AUTH_HEADER`
    /// of the client are used if it has them.
    pub fn new(url: impl AsRef<str>) -> Self {
        let attrs = BTreeMap::from([
            ("git.authtokensecret", "GIT_AUTH_TOKEN".to_owned()),
            ("git.authheadersecret", "GIT_AUTH_HEADER".to_owned()),
        ]);
        Self {
            url: GitUrl::parse(url.as_ref()),
            reference: String::new(),
            subdir: String::new(),
            known_hosts: String::new(),
            ssh_agent: "default".to_owned(),
            attrs,
            annotations: Annotations::default(),
        }
    }

    /// A branch, a tag or a commit.
    #[must_use]
    pub fn reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = reference.into();
        self
    }

    /// Only what is in this directory.
    #[must_use]
    pub fn subdir(mut self, path: impl Into<String>) -> Self {
        self.subdir = path.into();
        self
    }

    /// Keeps the directory `.git`.
    #[must_use]
    pub fn keep_git_dir(self) -> Self {
        self.set("git.keepgitdir", "true", Some(Capability::SOURCE_GIT_KEEP_DIR))
    }

    /// The secret that is the token of HTTP authentication.
    #[must_use]
    pub fn auth_token_secret(self, id: impl Into<String>) -> Self {
        self.set("git.authtokensecret", id, Some(Capability::SOURCE_GIT_HTTP_AUTH))
    }

    /// The secret that is sent as the header `Authorization`.
    #[must_use]
    pub fn auth_header_secret(self, id: impl Into<String>) -> Self {
        self.set("git.authheadersecret", id, Some(Capability::SOURCE_GIT_HTTP_AUTH))
    }

    /// The keys of hosts, lines of a `known_hosts` file, for addresses with SSH. Several are added up.
    ///
    /// Go's client asks the network for them if there are none; this one asks nobody.
    #[must_use]
    pub fn known_ssh_hosts(mut self, lines: impl AsRef<str>) -> Self {
        let lines = lines.as_ref();
        self.known_hosts += lines.strip_suffix('\n').unwrap_or(lines);
        self.known_hosts.push('\n');
        self
    }

    /// The SSH agent of the client, for addresses with SSH; `default` if not said.
    #[must_use]
    pub fn ssh_agent(mut self, id: impl Into<String>) -> Self {
        self.ssh_agent = id.into();
        self
    }

    /// The commit that the reference must be: all digits or the first ones.
    #[must_use]
    pub fn checksum(self, commit: impl Into<String>) -> Self {
        self.set("git.checksum", commit, Some(Capability::SOURCE_GIT_CHECKSUM))
    }

    /// Fetches the commit of the [`checksum`](Self::checksum) without asking what the reference is now.
    #[must_use]
    pub fn fetch_by_commit(self) -> Self {
        self.set("git.fetchbycommit", "true", Some(Capability::SOURCE_GIT_FETCH_BY_COMMIT))
    }

    /// Without submodules.
    #[must_use]
    pub fn skip_submodules(self) -> Self {
        self.set("git.skipsubmodules", "true", Some(Capability::SOURCE_GIT_SKIP_SUBMODULES))
    }

    /// Files get the time of the commit; that of the checkout if not said.
    #[must_use]
    pub fn commit_time(self) -> Self {
        self.set("git.mtime", "commit", Some(Capability::SOURCE_GIT_MTIME))
    }

    /// Shows what Git advises.
    #[must_use]
    pub fn advice(self) -> Self {
        self.set("git.advice", "true", None)
    }

    /// Takes the commits from a bundle, a blob by its address: `docker-image+blob://` or
    /// `oci-layout+blob://`.
    #[must_use]
    pub fn bundle(self, address: impl Into<String>) -> Self {
        self.set("git.bundle", address, Some(Capability::SOURCE_GIT_BUNDLE))
    }

    /// The session that has the bundle, and what it calls its content store, for `oci-layout+blob://`.
    #[must_use]
    pub fn bundle_store(self, session: impl Into<String>, store: impl Into<String>) -> Self {
        self.set("oci.session", session, None).set("oci.store", store, None)
    }

    /// Makes a bundle, the file `bundle`, in place of a directory with files.
    #[must_use]
    pub fn checkout_bundle(self) -> Self {
        self.set("git.checkoutbundle", "true", Some(Capability::SOURCE_GIT_CHECKOUT_BUNDLE))
    }

    /// The signature that the commit or the tag must have.
    #[must_use]
    pub fn verify(self, signature: GitSignature) -> Self {
        let flags = [
            ("git.sig.rejectexpired", signature.reject_expired),
            ("git.sig.requiresignedtag", signature.require_signed_tag),
            ("git.sig.ignoresignedtag", signature.ignore_signed_tag),
        ];
        let capability = Capability::SOURCE_GIT_SIGNATURE_VERIFY;
        let git = self.set("git.sig.pubkey", signature.public_keys, Some(capability));
        let flags = flags.into_iter().filter(|(_, is_set)| *is_set);
        flags.fold(git, |git, (attribute, _)| git.set(attribute, "true", None))
    }

    /// Its files.
    pub fn state(mut self) -> State {
        if self.url.is_ssh {
            let (hosts, agent) = (std::mem::take(&mut self.known_hosts), std::mem::take(&mut self.ssh_agent));
            self = self.set("git.knownsshhosts", hosts, Some(Capability::SOURCE_GIT_KNOWN_SSH_HOSTS));
            self = self.set("git.mountsshsock", agent, Some(Capability::SOURCE_GIT_MOUNT_SSH_SOCK));
        }
        let mut source = Source::new(self.identifier(), Capability::SOURCE_GIT);
        source.annotations.extend(self.annotations);
        source.set_needed("git.fullurl", self.url.remote, Capability::SOURCE_GIT_FULL_URL);
        if !self.subdir.is_empty() {
            source.annotations.need(Capability::SOURCE_GIT_SUBDIR);
        }
        for (attribute, value) in self.attrs.into_iter().filter(|(_, value)| !value.is_empty()) {
            source.set(attribute, value);
        }
        source.state()
    }

    fn identifier(&self) -> String {
        let fragment = match (self.reference.as_str(), self.subdir.as_str()) {
            ("", "") => String::new(),
            (reference, "") => format!("#{reference}"),
            (reference, subdir) => format!("#{reference}:{subdir}"),
        };
        format!("git://{}{fragment}", self.url.repository)
    }

    fn set(
        mut self,
        attribute: &'static str,
        value: impl Into<String>,
        capability: Option<Capability>,
    ) -> Self {
        self.attrs.insert(attribute, value.into());
        if let Some(capability) = capability {
            self.annotations.need(capability);
        }
        self
    }
}
