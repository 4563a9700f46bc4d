//! Secrets of steps.

use std::collections::BTreeMap;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::File;
use cnb_core::backend::Result;
use cnb_core::backend::Secret;
use cnb_core::backend::SecretFile;
use cnb_core::backend::User;

use super::BuildKit;
use super::files;
use super::files::Known;
use crate::Exec;

impl BuildKit {
    /// Mounts secret files. Below their mounts there is a read-only tree with the directories and empty files that they
    /// are mounted on, so that nothing can be added.
    ///
    /// A frontend cannot keep what it knows from its graph, so secrets that are given as bytes are files of that tree.
    /// Those of the client never get there.
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
            match content {
                Secret::Bytes(bytes) => below.push(file(bytes.expose()).with_mode(0o400).with_owner(user)),
                Secret::OfClient { id } => {
                    below.push(file(&[]));
                    let secret = crate::Secret::file(id, format!("{target}/{path}"));
                    mounted.push(secret.owner(user.uid, user.gid));
                }
                _ => return Err(unsupported()),
            }
        }
        let twice =
            || Error::new(ErrorKind::InvalidInput, format!("two secrets have one path below {target}"));
        let tree = files::tree(&below, &Known::default())?.ok_or_else(twice)?;
        let exec = exec.mount(tree.mount(target).read_only());
        Ok(mounted.into_iter().fold(exec, Exec::secret))
    }

    /// Secret variables of the helper, which passes them on.
    pub(super) fn secret_variables(&self, exec: Exec, variables: &[(String, Secret)]) -> Result<Exec> {
        let mut ids = BTreeMap::new();
        for (name, secret) in variables {
            match secret {
                Secret::OfClient { id } => ids.insert(name, id),
                _ => return Err(unsupported()),
            };
        }
        let variable = |exec: Exec, (name, id): (&String, &String)| {
            exec.secret(crate::Secret::variable(id.as_str(), name.as_str()))
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
