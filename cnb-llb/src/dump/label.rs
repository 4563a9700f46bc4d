//! A few words on what an operation does.

use crate::ops::FileAction;
use crate::ops::Op;

/// A few words on what an operation does, those of `buildctl debug dump-llb --dot`: a reference, a command
/// line, paths.
pub fn label(op: &Op) -> String {
    if let Some(source) = &op.source {
        return source.identifier.clone();
    }
    if let Some(exec) = &op.exec {
        return exec.meta.as_ref().map(|meta| meta.args.join(" ")).unwrap_or_default();
    }
    if let Some(file) = &op.file {
        return file.actions.iter().map(action).collect::<Vec<_>>().join(",");
    }
    let names = [
        (op.build.is_some(), "build"),
        (op.merge.is_some(), "merge"),
        (op.diff.is_some(), "diff"),
        (op.passthrough.is_some(), "passthrough"),
    ];
    names.into_iter().find(|(is_kind, _)| *is_kind).map_or_else(String::new, |(_, name)| name.to_owned())
}

fn action(action: &FileAction) -> String {
    if let Some(copy) = &action.copy {
        return format!("copy{{src={}, dest={}}}", copy.src, copy.dest);
    }
    if let Some(file) = &action.mkfile {
        return format!("mkfile{{path={}}}", file.path);
    }
    if let Some(directory) = &action.mkdir {
        return format!("mkdir{{path={}}}", directory.path);
    }
    if let Some(remove) = &action.rm {
        return format!("rm{{path={}}}", remove.path);
    }
    action.symlink.as_ref().map_or_else(String::new, |link| {
        format!("symlink{{oldpath={}, newpath={}}}", link.oldpath, link.newpath)
    })
}
