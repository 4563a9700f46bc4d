//! What a daemon must be able to do.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use crate::dump::Tree;
use crate::wire::Field;
use crate::wire::Value;
use crate::wire::WireError;
use crate::wire::write_bytes;
use crate::wire::write_nested;

/// The name of something that a daemon must be able to do for an operation.
///
/// A definition says for each of its operations what it needs; a daemon that lacks it refuses before anything
/// runs, and tells its clients what it has.
///
/// ```
/// use cnb_llb::{Capability, Http};
///
/// let state = Http::new("https://example.com/").chmod(0o644).state();
/// let definition = state.definition();
/// assert!(definition.capabilities().contains(&Capability::SOURCE_HTTP_PERM));
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Capability(Cow<'static, str>);

macro_rules! capabilities {
    ($($constant:ident $name:literal,)*) => {
        impl Capability {
            $(#[doc = concat!("`", $name, "`")] pub const $constant: Self = Self(Cow::Borrowed($name));)*

            /// Those that an operation of this version of LLB can need.
            pub const ALL: &[Self] = &[$(Self::$constant),*];
        }
    };
}

capabilities! {
    SOURCE_IMAGE "source.image",
    SOURCE_IMAGE_RESOLVE_MODE "source.image.resolvemode",
    SOURCE_IMAGE_LAYER_LIMIT "source.image.layerlimit",
    SOURCE_IMAGE_CHECKSUM "source.image.checksum",
    SOURCE_LOCAL "source.local",
    SOURCE_LOCAL_UNIQUE "source.local.unique",
    SOURCE_LOCAL_SESSION_ID "source.local.sessionid",
    SOURCE_LOCAL_INCLUDE_PATTERNS "source.local.includepatterns",
    SOURCE_LOCAL_FOLLOW_PATHS "source.local.followpaths",
    SOURCE_LOCAL_EXCLUDE_PATTERNS "source.local.excludepatterns",
    SOURCE_LOCAL_SHARED_KEY_HINT "source.local.sharedkeyhint",
    SOURCE_LOCAL_DIFFER "source.local.differ",
    SOURCE_LOCAL_METADATA_TRANSFER "source.local.metadatatransfer",
    SOURCE_GIT "source.git",
    SOURCE_GIT_KEEP_DIR "source.git.keepgitdir",
    SOURCE_GIT_FULL_URL "source.git.fullurl",
    SOURCE_GIT_HTTP_AUTH "source.git.httpauth",
    SOURCE_GIT_KNOWN_SSH_HOSTS "source.git.knownsshhosts",
    SOURCE_GIT_MOUNT_SSH_SOCK "source.git.mountsshsock",
    SOURCE_GIT_SUBDIR "source.git.subdir",
    SOURCE_GIT_CHECKSUM "source.git.checksum",
    SOURCE_GIT_SKIP_SUBMODULES "source.git.skipsubmodules",
    SOURCE_GIT_SIGNATURE_VERIFY "source.git.signatureverify",
    SOURCE_GIT_MTIME "source.git.mtime",
    SOURCE_GIT_FETCH_BY_COMMIT "source.git.fetchbycommit",
    SOURCE_GIT_BUNDLE "source.git.bundle",
    SOURCE_GIT_CHECKOUT_BUNDLE "source.git.checkoutbundle",
    SOURCE_HTTP "source.http",
    SOURCE_HTTP_AUTH "source.http.auth",
    SOURCE_HTTP_CHECKSUM "source.http.checksum",
    SOURCE_HTTP_PERM "source.http.perm",
    // Misspelt in BuildKit, for good.
    SOURCE_HTTP_UID_GID "soruce.http.uidgid",
    SOURCE_HTTP_HEADER "source.http.header",
    SOURCE_HTTP_SIGNATURE_VERIFY "source.http.signatureverify",
    SOURCE_IMAGE_BLOB "source.imageblob",
    SOURCE_OCI_LAYOUT "source.ocilayout",
    BUILD_LLB_FILENAME "source.buildop.llbfilename",
    EXEC_META_BASE "exec.meta.base",
    EXEC_META_CGROUP_PARENT "exec.meta.cgroup.parent",
    EXEC_META_NETWORK "exec.meta.network",
    EXEC_META_PROXY "exec.meta.proxyenv",
    EXEC_META_SECURITY "exec.meta.security",
    EXEC_META_ULIMIT "exec.meta.ulimit",
    EXEC_META_CDI "exec.meta.cdi",
    EXEC_META_LINUX_RESOURCES "exec.meta.linux.resources",
    EXEC_MOUNT_BIND "exec.mount.bind",
    EXEC_MOUNT_BIND_READ_WRITE_NO_OUTPUT "exec.mount.bind.readwrite-nooutput",
    EXEC_MOUNT_CACHE "exec.mount.cache",
    EXEC_MOUNT_CACHE_SHARING "exec.mount.cache.sharing",
    EXEC_MOUNT_SELECTOR "exec.mount.selector",
    EXEC_MOUNT_TMPFS "exec.mount.tmpfs",
    EXEC_MOUNT_TMPFS_SIZE "exec.mount.tmpfs.size",
    EXEC_MOUNT_SECRET "exec.mount.secret",
    EXEC_MOUNT_SSH "exec.mount.ssh",
    EXEC_MOUNT_CONTENT_CACHE "exec.mount.cache.content",
    EXEC_SECRET_ENV "exec.secretenv",
    EXEC_VALID_EXIT_CODE "exec.validexitcode",
    FILE_BASE "file.base",
    FILE_RM_WILDCARD "file.rm.wildcard",
    FILE_COPY_INCLUDE_EXCLUDE_PATTERNS "file.copy.includeexcludepatterns",
    FILE_COPY_REQUIRED_PATHS "file.copy.requiredpaths",
    FILE_COPY_ALWAYS_REPLACE "file.copy.alwaysreplaceexistingdestpaths",
    FILE_COPY_MODE_STRING "file.copy.modestring",
    FILE_SYMLINK_CREATE "file.symlink.create",
    CONSTRAINTS "constraints",
    PLATFORM "platform",
    META_IGNORE_CACHE "meta.ignorecache",
    META_DESCRIPTION "meta.description",
    META_EXPORT_CACHE "meta.exportcache",
    MERGE_OP "mergeop",
    DIFF_OP "diffop",
    PASSTHROUGH_OP "passthroughop",
}

impl Capability {
    /// One by its name; it need not be known here.
    pub fn new(name: impl Into<String>) -> Self {
        Self(Cow::Owned(name.into()))
    }

    /// Its name, as daemons write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Capability {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// `map<string, bool>`: those that are needed. One that is said not to be needed is as one that is not there.
impl Field for BTreeSet<Capability> {
    fn is_default(&self) -> bool {
        self.is_empty()
    }

    fn write(&self, tag: u32, out: &mut Vec<u8>) {
        for capability in self {
            write_nested(tag, out, |out| {
                write_bytes(1, capability.0.as_bytes(), out);
                true.write(2, out);
            });
        }
    }

    fn merge_value(&mut self, value: Value<'_>, depth: u32) -> Result<(), WireError> {
        let mut entry = BTreeMap::<String, bool>::new();
        entry.merge_value(value, depth)?;
        self.extend(
            entry.into_iter().filter(|(_, is_needed)| *is_needed).map(|(name, _)| Capability::new(name)),
        );
        Ok(())
    }

    fn tree(&self) -> Tree {
        Tree::Object(self.iter().map(|capability| (capability.0.clone(), Tree::Bool(true))).collect())
    }
}
