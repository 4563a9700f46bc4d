//! An entry of `[[io.buildpacks.build.bindings]]`, which no specification has: service bindings for platforms where
//! whoever asks for a build has secrets under IDs, as with `docker build --secret id=ID`.
//!
//! ```toml
//! [[io.buildpacks.build.bindings]]
//! name = "db"
//! type = "postgresql"
//! secrets = { password = "db-password" } # the file and the ID of the secret
//! ```

use crate::binding::SecretBinding;
use crate::diagnostic::Severity;
use crate::diagnostic::Span;
use crate::handwritten::Table;

/// A service binding that the descriptor asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BindingEntry {
    /// What it is made of.
    pub binding: SecretBinding,
    /// Where its name is written.
    pub span: Span,
}

pub(super) fn read(mut table: Table<'_>) -> Option<BindingEntry> {
    let name = table.string("name");
    let r#type = table.string("type").unwrap_or_default().value;
    let provider = table.filled("provider").map(|provider| provider.value);
    let secrets = table.named_strings("secrets").into_iter().map(|(file, id)| (file, id.value));
    table.refuse_unread(Severity::Warning);
    let span = name.as_ref().map_or(table.span, |name| name.span);
    let name = name.unwrap_or_default().value;
    match SecretBinding::new(&name, &r#type, provider.as_deref(), secrets) {
        Ok(binding) => Some(BindingEntry { binding, span }),
        Err(error) => {
            table.error("invalid-binding", span, error.to_string());
            None
        }
    }
}
