//! Secrets of steps.

use std::collections::BTreeMap;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::File;
use cnb_core::backend::Result;
use cnb_core::backend::Secret;
use cnb_core::backend::SecretFile;
use cnb_core::backend::Step;
use cnb_core::backend::User;

use super::BuildKit;
use super::files;
use super::files::Known;
use crate::Exec;

impl BuildKit {
    /// Mounts secret files. Below their mounts there is a read-only tree with the directories and empty files that they
    /// are mounted on, so that nothing can be added.
    ///
    /// A client serves them. A frontend cannot, nor can it keep what it knows from its graph: there, what is given as
    /// bytes is a file of that tree. Secrets of the client never get there.
    pub(super) fn mount_secrets(
        &self,
        exec: Exec,
        target: &str,
        secrets: &[SecretFile],
        user: User,
    ) -> Result<Exec> {
        let mut below = Vec::new();
        let mut mounted = Vec::new();
        for SecretFile { path, content } in secrets {
            let file = |content: &[u8]| File::regular(format!("/{path}"), content.to_vec());
            let id = match (content, &self.settings.client) {
                (Secret::OfClient { id }, _) => id.clone(),
                (Secret::Bytes(bytes), Some(side)) => side.keep(bytes.expose()),
                (Secret::Bytes(bytes), None) => {
                    below.push(file(bytes.expose()).with_mode(0o400).with_owner(user));
                    continue;
                }
                _ => return Err(unsupported()),
            };
            below.push(file(&[]));
            let secret = crate::Secret::file(id, format!("{target}/{path}"));
            mounted.push(secret.owner(user.uid, user.gid));
        }
        let twice =
            || Error::new(ErrorKind::InvalidInput, format!("two secrets have one path below {target}"));
        let tree = files::tree(&below, &Known::default())?.ok_or_else(twice)?;
        let exec = exec.mount(tree.mount(target).read_only());
        Ok(mounted.into_iter().fold(exec, Exec::secret))
    }

    /// Secret variables of the helper, which passes them on to steps.
    pub(super) fn secret_variables(&self, exec: Exec, steps: &[Step]) -> Result<Exec> {
        let mut ids = BTreeMap::new();
        for (name, secret) in steps.iter().flat_map(|step| &step.secret_env) {
            let id = match (secret, &self.settings.client) {
                (Secret::OfClient { id }, _) => id.clone(),
                (Secret::Bytes(bytes), Some(side)) => side.keep(bytes.expose()),
                _ => return Err(unsupported()),
            };
            if ids.insert(name, id.clone()).is_some_and(|other| other != id) {
                let message = format!("steps of a chain have different secrets in the variable `{name}`");
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        }
        let variable = |exec: Exec, (name, id): (&String, String)| {
            exec.secret(crate::Secret::variable(id, name.as_str()))
        };
        Ok(ids.into_iter().fold(exec, variable))
    }

    /// Mounts the socket of an agent of the client.
    pub(super) fn mount_agent(exec: Exec, target: &str, id: &str, user: User) -> Exec {
        exec.ssh(crate::Ssh::agent().id(id).path(target).owner(user.uid, user.gid))
    }
}

fn unsupported() -> Error {
    Error::new(ErrorKind::Unsupported, "a frontend cannot give secrets to steps but those of its client")
}
