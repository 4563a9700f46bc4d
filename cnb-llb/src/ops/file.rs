//! Changes to files.

use crate::wire::messages;

messages! {
    /// `pb.FileOp`: changes, one after the other.
    FileOp {
        2 actions "actions": Vec<FileAction>,
    }

    /// `pb.FileAction`: one change, of one of the kinds. Inputs count the inputs of the operation, then its
    /// actions.
    FileAction {
        1 input "input": i64,
        2 secondary_input "secondaryInput": i64,
        3 output "output": i64,
        4 copy "copy": Option<FileActionCopy>,
        5 mkfile "mkfile": Option<FileActionMkFile>,
        6 mkdir "mkdir": Option<FileActionMkDir>,
        7 rm "rm": Option<FileActionRm>,
        8 symlink "symlink": Option<FileActionSymlink>,
    }

    /// `pb.FileActionCopy`: from the secondary input on top of the input.
    FileActionCopy {
        1 src "src": String,
        2 dest "dest": String,
        3 owner "owner": Option<ChownOpt>,
        4 mode "mode": i32,
        5 follow_symlink "followSymlink": bool,
        6 dir_copy_contents "dirCopyContents": bool,
        7 attempt_unpack "attemptUnpackDockerCompatibility": bool,
        8 create_dest_path "createDestPath": bool,
        9 allow_wildcard "allowWildcard": bool,
        10 allow_empty_wildcard "allowEmptyWildcard": bool,
        11 timestamp "timestamp": i64,
        12 include_patterns "include_patterns": Vec<String>,
        13 exclude_patterns "exclude_patterns": Vec<String>,
        14 always_replace_existing_dest_paths "alwaysReplaceExistingDestPaths": bool,
        15 mode_str "modeStr": String,
        16 required_paths "required_paths": Vec<String>,
    }

    /// `pb.FileActionMkFile`.
    FileActionMkFile {
        1 path "path": String,
        2 mode "mode": i32,
        3 data "data": Vec<u8>,
        4 owner "owner": Option<ChownOpt>,
        5 timestamp "timestamp": i64,
    }

    /// `pb.FileActionMkDir`.
    FileActionMkDir {
        1 path "path": String,
        2 mode "mode": i32,
        3 make_parents "makeParents": bool,
        4 owner "owner": Option<ChownOpt>,
        5 timestamp "timestamp": i64,
    }

    /// `pb.FileActionRm`.
    FileActionRm {
        1 path "path": String,
        2 allow_not_found "allowNotFound": bool,
        3 allow_wildcard "allowWildcard": bool,
    }

    /// `pb.FileActionSymlink`.
    FileActionSymlink {
        1 oldpath "oldpath": String,
        2 newpath "newpath": String,
        3 owner "owner": Option<ChownOpt>,
        4 timestamp "timestamp": i64,
    }

    /// `pb.ChownOpt`.
    ChownOpt {
        1 user "user": Option<UserOpt>,
        2 group "group": Option<UserOpt>,
    }

    /// `pb.UserOpt`: a name or a number.
    UserOpt {
        1 by_name "byName": Option<NamedUserOpt>,
        2 by_id "byID": Option<u32>,
    }

    /// `pb.NamedUserOpt`: a name that `/etc/passwd` or `/etc/group` of an input explains.
    NamedUserOpt {
        1 name "name": String,
        2 input "input": i64,
    }
}
