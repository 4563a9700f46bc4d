//! Graphs out of messages: tests of the client need little of them, and more than one way to make them is good.

use std::collections::BTreeMap;

use cnb_llb::pb::ops;
use cnb_llb::pb::ops::op::Op as Kind;
use prost::Message;
use sha2::Digest;
use sha2::Sha256;

use crate::engine::hex;
use crate::engine::id;

/// A graph under construction; the last operation is the result.
#[derive(Clone, Default)]
pub(crate) struct Graph {
    operations: Vec<Vec<u8>>,
    metadata: BTreeMap<String, ops::OpMetadata>,
    source: ops::Source,
}

impl Graph {
    /// A local directory of the session, which is not that of any other session.
    pub(crate) fn local(name: &str, attributes: &[(&str, &str)]) -> Self {
        let unique = id();
        Self::source(&format!("local://{name}"), &[attributes, &[("local.unique", &unique)]].concat())
    }

    /// The root of containers, from the session: a copy, whose identity is what is in it.
    pub(crate) fn root() -> Self {
        let copy = ops::FileActionCopy {
            src: "/".to_owned(),
            dest: "/".to_owned(),
            mode: -1,
            dir_copy_contents: true,
            timestamp: 0,
            ..ops::FileActionCopy::default()
        };
        let action = ops::FileAction {
            input: -1,
            secondary_input: 0,
            output: 0,
            action: Some(ops::file_action::Action::Copy(copy)),
        };
        Self::local("root", &[]).then(Kind::File(ops::FileOp { actions: vec![action] }))
    }

    /// Any source.
    pub(crate) fn source(identifier: &str, attributes: &[(&str, &str)]) -> Self {
        let attrs = attributes.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let source = ops::SourceOp { identifier: identifier.to_owned(), attrs };
        Self::default().then(Kind::Source(source))
    }

    /// A shell command in the result, which it changes.
    pub(crate) fn shell(self, command: &str) -> Self {
        self.run(command, Vec::new(), Vec::new())
    }

    /// The same with more mounts and secrets in variables.
    pub(crate) fn run(self, command: &str, mounts: Vec<ops::Mount>, secretenv: Vec<ops::SecretEnv>) -> Self {
        let args = ["/bin/sh", "-c", command].map(str::to_owned).to_vec();
        let env = vec!["PATH=/bin".to_owned()];
        let root = ops::Mount { dest: "/".to_owned(), ..ops::Mount::default() };
        self.then(Kind::Exec(ops::ExecOp {
            meta: Some(ops::Meta { args, env, cwd: "/".to_owned(), ..ops::Meta::default() }),
            mounts: [vec![root], mounts].concat(),
            network: ops::NetMode::None.into(),
            secretenv,
            ..ops::ExecOp::default()
        }))
    }

    /// A shell command with another graph mounted at a path.
    pub(crate) fn beside(mut self, other: &ops::Definition, path: &str, command: &str) -> Self {
        // Its last operation only points to the one before.
        let operations = &other.def[..other.def.len() - 1];
        let head = operations.last().expect("there is one");
        let mount = ops::Mount { input: 1, output: -1, dest: path.to_owned(), ..ops::Mount::default() };
        let mut graph = self.clone().run(command, vec![mount], Vec::new());
        let exec =
            ops::Op::decode(graph.operations.pop().expect("there is one").as_slice()).expect("it is one");
        self.metadata.extend(other.metadata.clone());
        self.operations.splice(0..0, operations.iter().cloned());
        let inputs = [exec.inputs.clone(), vec![ops::Input { digest: digest(head), index: 0 }]].concat();
        self.push(ops::Op { inputs, ..exec });
        self
    }

    /// Says on which line of a file the last operation is.
    pub(crate) fn at(mut self, filename: &str, text: &str, line: i32) -> Self {
        let position = Some(ops::Position { line, character: 0 });
        let location =
            ops::Location { source_index: 0, ranges: vec![ops::Range { start: position, end: position }] };
        let info = ops::SourceInfo {
            filename: filename.to_owned(),
            data: text.into(),
            ..ops::SourceInfo::default()
        };
        self.source.infos = vec![info];
        self.source.locations.insert(self.head(), ops::Locations { locations: vec![location] });
        self
    }

    /// The digest of the last operation.
    pub(crate) fn head(&self) -> String {
        digest(self.operations.last().expect("there is one"))
    }

    fn then(mut self, kind: Kind) -> Self {
        let inputs = self.operations.last().map(|last| ops::Input { digest: digest(last), index: 0 });
        let platform = ops::Platform {
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            ..ops::Platform::default()
        };
        self.push(ops::Op {
            inputs: inputs.into_iter().collect(),
            op: Some(kind),
            platform: Some(platform),
            constraints: Some(ops::WorkerConstraints::default()),
        });
        self
    }

    fn push(&mut self, op: ops::Op) {
        // As Go has it: the kind comes after the platform.
        let bytes = match op.op.clone() {
            Some(kind) => {
                let rest = ops::Op { op: None, ..op };
                let kind = ops::Op { op: Some(kind), ..ops::Op::default() };
                [rest.encode_to_vec(), kind.encode_to_vec()].concat()
            }
            None => op.encode_to_vec(),
        };
        self.metadata.insert(digest(&bytes), ops::OpMetadata::default());
        self.operations.push(bytes);
    }
}

impl From<Graph> for ops::Definition {
    fn from(mut graph: Graph) -> Self {
        let inputs = vec![ops::Input { digest: graph.head(), index: 0 }];
        graph.push(ops::Op { inputs, ..ops::Op::default() });
        Self { def: graph.operations, metadata: graph.metadata, source: Some(graph.source) }
    }
}

/// A secret as a file.
pub(crate) fn secret(id: &str, path: &str) -> ops::Mount {
    let secret = ops::SecretOpt { id: id.to_owned(), mode: 0o400, ..ops::SecretOpt::default() };
    ops::Mount {
        input: -1,
        output: -1,
        dest: path.to_owned(),
        mount_type: ops::MountType::Secret.into(),
        secret_opt: Some(secret),
        ..ops::Mount::default()
    }
}

/// An agent's socket.
pub(crate) fn agent(id: &str, path: &str) -> ops::Mount {
    let ssh = ops::SshOpt { id: id.to_owned(), mode: 0o600, ..ops::SshOpt::default() };
    ops::Mount {
        input: -1,
        output: -1,
        dest: path.to_owned(),
        mount_type: ops::MountType::Ssh.into(),
        ssh_opt: Some(ssh),
        ..ops::Mount::default()
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}
