//! How a command becomes an operation.

use super::Exec;
use super::Mount;
use super::Run;
use super::Secret;
use super::run::ROOT;
use crate::ops::ExecOp;
use crate::ops::Op;
use crate::ops::Platform;
use crate::ops::{self};
use crate::state::State;
use crate::vertex::Inputs;
use crate::vertex::NONE;
use crate::vertex::Vertex;

const SSH_AUTH_SOCK: &str = "SSH_AUTH_SOCK";

impl Exec {
    /// The operation, with this tree as its root.
    pub(crate) fn on(mut self, root: &State) -> Run {
        let root_mount = Mount::bind(root, ROOT);
        self.mounts.insert(0, if self.read_only_root { root_mount.read_only() } else { root_mount });
        // By the bytes of their directories: outputs are counted in this order too.
        self.mounts.sort_by(|one, other| one.message.dest.cmp(&other.message.dest));
        let capabilities: Vec<_> = self.capabilities().collect();
        self.annotations.metadata.caps.extend(capabilities);
        self.set_environment();

        let mut inputs = Inputs::default();
        let mut mounts = self.bound_mounts(&mut inputs);
        let outputs: Vec<i64> = mounts.iter().map(|mount| mount.output).collect();
        mounts.extend(self.secrets.iter().filter_map(Secret::to_mount));
        mounts.extend(self.ssh.iter().enumerate().map(|(number, ssh)| ssh.to_mount(number)));
        let exec = ExecOp {
            meta: Some(self.meta),
            mounts,
            network: self.network,
            security: self.security,
            secretenv: self.secrets.iter().filter_map(Secret::to_env).collect(),
            cdi_devices: self.devices,
        };
        let platform = self.platform.as_ref().or(root.platform()).cloned();
        let op = Op {
            inputs: inputs.to_message(),
            platform: Some(platform.unwrap_or_else(Platform::native)),
            exec: Some(exec),
            ..Op::default()
        };
        let vertex = Vertex::new(op, inputs.into_vertices(), self.annotations);
        Run::new(&vertex, self.mounts.into_iter().zip(outputs), self.platform.as_ref())
    }

    /// The mounts with their inputs, if they have one, and their outputs, if they leave something.
    fn bound_mounts(&self, inputs: &mut Inputs) -> Vec<ops::Mount> {
        let mut outputs = 0..;
        let bound = self.mounts.iter().map(|mount| {
            let input = mount.state.output().map_or(NONE, |output| inputs.index(output));
            let output = if mount.has_output() { outputs.next() } else { None };
            ops::Mount { input, output: output.unwrap_or(NONE), ..mount.message.clone() }
        });
        bound.collect()
    }

    fn set_environment(&mut self) {
        if let Some(ssh) = self.ssh.first()
            && !self.env.iter().any(|(name, _)| name == SSH_AUTH_SOCK)
        {
            self.env.push((SSH_AUTH_SOCK.to_owned(), ssh.path_or_default(0)));
        }
        self.meta.env = self.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    }
}
