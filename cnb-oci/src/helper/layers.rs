//! `cnb-helper layers`: the trees of layers, and their diffIDs.

use std::fs;
use std::fs::File;
use std::fs::Metadata;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use cnb_core::backend;
use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Result;
use cnb_core::backend::Select;
use cnb_core::backend::User;
use cnb_core::digest::DiffId;
use cnb_core::helper::LayerPlan;
use cnb_core::helper::LayerPlanContent;
use cnb_core::helper::LayersPlan;
use cnb_core::helper::PlanParent;
use cnb_core::helper::PlanSelect;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;

use super::files;
use crate::apply;
use crate::layer;
use crate::layer::Dialect;
use crate::layer::LayerWriter;
use crate::layer::Selection;
use crate::layer::directory;
use crate::parallel;
use crate::tree;
use crate::tree::Draft;
use crate::tree::Owners;
use crate::tree::draft;
use crate::tree::error::at as at_path;
use crate::tree::error::errno_at;
use crate::tree::error::from_layer;
use crate::tree::inside;

/// Makes the layers, several at a time.
pub(super) fn make(plan: &LayersPlan, owners: Owners) -> Result<()> {
    let layers: Vec<&LayerPlan> = plan.layers.iter().collect();
    let layer = |plan: &LayerPlan| layer(plan, owners).map_err(|error| error.with("layer", &plan.to));
    let diff_ids = parallel::map(layers, layer)?;
    let report = Path::new(&plan.report);
    let json = serde_json::to_vec(&diff_ids).expect("digests are text");
    fs::write(report, json).map_err(at_path("write", report))
}

fn layer(plan: &LayerPlan, owners: Owners) -> Result<DiffId> {
    if plan.content != LayerPlanContent::Made {
        write(plan, owners)?;
    }
    let mut writer = LayerWriter::new(io::sink(), Dialect::BuildKit);
    let written = writer.snapshot(Path::new(&plan.to)).and_then(|()| writer.finish());
    let (_, written) = written.map_err(from_layer)?;
    Ok(written.diff_id)
}

/// Writes the tree of a layer.
fn write(plan: &LayerPlan, owners: Owners) -> Result<()> {
    let draft = files::draft(&plan.to, owners)?;
    match &plan.content {
        LayerPlanContent::Made => {}
        LayerPlanContent::Files(files) => draft.add(&files::read(files)?)?,
        LayerPlanContent::Tree { root, from, at, select, owner, parents } => {
            let select = match select {
                PlanSelect::All => Select::Walk,
                PlanSelect::Paths(paths) => Select::Paths(paths.clone()),
            };
            inside::check(at)?;
            let unpacked = Path::new(root).is_file().then(|| unpack(root, &plan.to)).transpose()?;
            let (root, from) = unpacked.as_ref().map_or((root, from), |directory| (directory, at));
            let tree = files::open(root)?;
            let (from, selection) = tree::select(&tree, from, select)?;
            let from = &Path::new(root).join(from.trim_start_matches('/'));
            Writing { draft: &draft, from, at: at.as_ref(), owner: *owner }.write(&selection, parents)?;
            if let Some(directory) = unpacked.as_deref().map(Path::new) {
                fs::remove_dir_all(directory).map_err(at_path("remove", directory))?;
            }
        }
    }
    set_times(&draft)
}

/// Unpacks a tar beside the tree of a layer; returns where it is.
fn unpack(tar: &str, to: &str) -> Result<String> {
    let directory = format!("{}.unpacked", to.trim_end_matches('/'));
    fs::create_dir(&directory).map_err(at_path("make", Path::new(&directory)))?;
    let file = File::open(tar).map_err(at_path("open", Path::new(tar)))?;
    let options = apply::Options::alone(apply::Owners::Process);
    let applied = apply::apply(Path::new(&directory), tar, io::BufReader::new(file), &options);
    applied.map_err(|error| {
        let kind =
            if matches!(error, apply::Error::Write { .. }) { ErrorKind::Other } else { ErrorKind::Corrupt };
        Error::new(kind, format!("could not unpack {tar}")).with_source(error)
    })?;
    Ok(directory)
}

/// Why a file could not be visited, or not become part of a layer.
struct Failure(Error);

impl From<layer::Error> for Failure {
    fn from(error: layer::Error) -> Self {
        Self(from_layer(error))
    }
}

/// A part of a tree while it becomes a layer.
struct Writing<'a> {
    draft: &'a Draft,
    from: &'a Path,
    at: &'a Path,
    owner: User,
}

impl Writing<'_> {
    fn write(&self, selection: &Selection, parents: &[PlanParent]) -> Result<()> {
        if matches!(selection, Selection::Paths(paths) if paths.is_empty()) {
            return Ok(());
        }
        let parent = |PlanParent { path, owner, mode }: &PlanParent| {
            backend::File::directory(path).with_owner(*owner).with_mode(*mode)
        };
        self.draft.add(&parents.iter().map(parent).collect::<Vec<_>>())?;
        let visited = directory::visit(self.from, selection, &mut |path, metadata| {
            let file = directory::join(self.from, path);
            let target = directory::join(self.at, path);
            let added = self.entry(&file, metadata, &target);
            added.map_err(|error| Failure(draft::unwritable(target.display(), error)))
        });
        visited.map_err(|Failure(error)| error)
    }

    /// Writes a file as `LayerWriter::directory` describes it.
    fn entry(&self, file: &Path, metadata: &Metadata, target: &Path) -> io::Result<()> {
        let (kind, mode) = (metadata.file_type(), metadata.mode() & 0o7777);
        let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
            return Ok(self.draft.set_owner_and_mode(self.draft.inside().root(), ".", mode, self.owner)?);
        };
        if kind.is_socket() {
            return Ok(());
        }
        let parent = self.draft.inside().open_or_make_directory(parent.as_os_str().as_encoded_bytes())?;
        if kind.is_dir() {
            self.draft.make_directory(&parent, name, mode, self.owner)?;
        } else if kind.is_symlink() {
            self.draft.make_link(&parent, name, fs::read_link(file)?, self.owner)?;
        } else if kind.is_file() {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut content = File::from(rustix::fs::open(file, flags, Mode::empty())?);
            io::copy(&mut content, &mut draft::create(&parent, name)?)?;
            self.draft.finish_file(&parent, name, mode, self.owner)?;
        } else {
            let kind = FileType::from_raw_mode(metadata.mode());
            if !self.draft.make_special(&parent, name, kind, metadata.rdev(), mode, self.owner)? {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
        }
        Ok(())
    }
}

/// Gives all of a tree the time of layers. Directories need it last: every name that is made in them changes it.
fn set_times(draft: &Draft) -> Result<()> {
    let root: &OwnedFd = draft.inside().root();
    let visited = directory::visit(draft.path(), &Selection::Walk, &mut |path, _| {
        let set = draft::set_time(root, directory::join(Path::new("."), path));
        set.map_err(|errno| Failure(errno_at("change the time of", &draft.path().join(path))(errno)))
    });
    visited.map_err(|Failure(error)| error)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs::Permissions;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;

    use cnb_core::backend::Ownership;
    use cnb_core::backend::Parent;
    use cnb_core::helper::PlanFile;
    use cnb_core::helper::PlanFileKind;
    use rustix::fs::CWD;
    use tempfile::TempDir;

    use super::*;

    /// A tree in `tree`, and what `make` makes beside it. All belongs to whoever runs the tests.
    struct Bench(TempDir);

    impl Bench {
        fn new() -> Self {
            let bench = Self(TempDir::new().expect("a temporary directory"));
            let tree = bench.path("tree/a/b");
            fs::create_dir_all(tree.join("dir")).expect("directories");
            for (name, mode) in [("f", 0o640), ("dir/g", 0o4755), ("a-b", 0o444), ("dir-", 0o600)] {
                fs::write(tree.join(name), name).expect("a file");
                fs::set_permissions(tree.join(name), Permissions::from_mode(mode)).expect("a mode");
            }
            for (name, mode) in [("dir", 0o2775), (".", 0o755)] {
                fs::set_permissions(tree.join(name), Permissions::from_mode(mode)).expect("a mode");
            }
            fs::hard_link(tree.join("f"), tree.join("z")).expect("a hard link");
            symlink("dir", tree.join("link")).expect("a link");
            fs::write(tree.join(OsStr::from_bytes(b"\xff")), "").expect("a file");
            rustix::fs::mknodat(CWD, tree.join("pipe"), FileType::Fifo, Mode::RUSR, 0).expect("a pipe");
            UnixListener::bind(tree.join("socket")).expect("a socket");
            bench
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn text(&self, name: &str) -> String {
            self.path(name).to_str().expect("UTF-8").to_owned()
        }

        fn tree(&self, at: &str, select: PlanSelect, parents: &[Parent]) -> LayerPlanContent {
            LayerPlanContent::Tree {
                root: self.text("tree"),
                from: "/a/b".to_owned(),
                at: at.to_owned(),
                select,
                owner: user(),
                parents: parents.iter().cloned().map(PlanParent::from).collect(),
            }
        }

        fn make(&self, contents: Vec<LayerPlanContent>) -> Result<Vec<String>> {
            let layer = |(index, content)| {
                let to = self.text(&format!("layer{index}"));
                fs::create_dir(&to).expect("a directory");
                LayerPlan { to, content }
            };
            let layers: Vec<_> = contents.into_iter().enumerate().map(layer).collect();
            make(&LayersPlan { layers, report: self.text("report") }, Owners::Process)?;
            let report = fs::read(self.path("report")).expect("a report");
            let diff_ids: Vec<DiffId> = serde_json::from_slice(&report).expect("diffIDs");
            Ok(diff_ids.iter().map(|diff_id| diff_id.hex().to_owned()).collect())
        }
    }

    fn user() -> User {
        User::new(rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw())
    }

    fn parent(path: &str, mode: u32) -> Parent {
        Parent { path: path.to_owned(), owner: user(), mode }
    }

    /// The diffID that is known before there are files.
    fn predicted(write: impl FnOnce(&mut LayerWriter<io::Sink>)) -> String {
        let mut writer = LayerWriter::new(io::sink(), Dialect::BuildKit);
        write(&mut writer);
        writer.finish().expect("a layer").1.diff_id.hex().to_owned()
    }

    fn names(layer: &Path) -> Vec<String> {
        let mut names = Vec::new();
        let mut add = |path: &Path, metadata: &Metadata| {
            let time = (metadata.mtime(), metadata.mtime_nsec());
            assert_eq!(time, (315_532_801, 0), "the time of {}", path.display());
            names.push(format!("{:o} {}", metadata.mode() & 0o7777, path.display()));
            Ok::<_, crate::layer::Error>(())
        };
        directory::visit(layer, &Selection::Walk, &mut add).expect("it can be walked");
        names
    }

    #[test]
    fn what_is_written_has_the_diff_id_of_the_same_inputs() {
        let bench = Bench::new();
        let parents = [parent("/layers", 0o700), parent("/layers/x", 0o755)];
        let at = "/layers/x/y";
        let made = bench
            .make(vec![
                bench.tree(at, PlanSelect::All, &parents),
                bench.tree(at, PlanSelect::Paths(vec!["dir".into(), "dir/g".into(), ".".into()]), &parents),
                bench.tree(at, PlanSelect::Paths(Vec::new()), &parents),
                bench.tree("/", PlanSelect::All, &[]),
            ])
            .expect("layers");
        let from = bench.path("tree/a/b");
        let ownership = |parents: &[Parent]| Ownership { owner: user(), parents: parents.to_vec() };
        let directory = |to: &str, selection: &Selection, parents: &[Parent]| {
            predicted(|writer| {
                writer.directory(&from, to.as_ref(), selection, &ownership(parents)).expect("a layer");
            })
        };
        let some = Selection::Paths([".", "dir", "dir/g"].map(PathBuf::from).into());
        assert_eq!(made[0], directory(at, &Selection::Walk, &parents));
        assert_eq!(made[1], directory(at, &some, &parents));
        assert_eq!(made[2], predicted(|_| ()));
        assert_eq!(made[3], directory("/", &Selection::Walk, &[]));
        assert_eq!(
            names(&bench.path("layer1")),
            [
                "755 ",
                "700 layers",
                "755 layers/x",
                "755 layers/x/y",
                "2775 layers/x/y/dir",
                "4755 layers/x/y/dir/g"
            ]
        );
        assert_eq!(names(&bench.path("layer2")), ["755 "]);
        assert_eq!(fs::metadata(bench.path("layer0/layers/x/y/f")).expect("a file").nlink(), 1);
    }

    #[test]
    fn an_archive_is_the_same_layer_as_its_directory() {
        let bench = Bench::new();
        let (at, parents) = ("/layers/x/y", [parent("/layers", 0o700), parent("/layers/x", 0o755)]);
        let tar = File::create(bench.path("tar")).expect("a file");
        let mut writer = LayerWriter::new(tar, Dialect::Lifecycle);
        let ownership = Ownership { owner: user(), parents: vec![parent("/layers", 0o755)] };
        writer
            .directory(&bench.path("tree/a/b"), at.as_ref(), &Selection::Walk, &ownership)
            .expect("a layer");
        writer.finish().expect("a layer");
        let LayerPlanContent::Tree { select, owner, parents: plan, .. } =
            bench.tree(at, PlanSelect::All, &parents)
        else {
            unreachable!("it is one of a tree")
        };
        let archive = LayerPlanContent::Tree {
            root: bench.text("tar"),
            from: "/".to_owned(),
            at: at.to_owned(),
            select,
            owner,
            parents: plan,
        };
        let made = bench.make(vec![bench.tree(at, PlanSelect::All, &parents), archive]).expect("layers");
        assert_eq!(made[0], made[1]);
        assert!(!bench.path("layer1.unpacked").exists());

        fs::write(bench.path("tar"), "no tar").expect("a file");
        fs::remove_dir_all(bench.path("layer0")).expect("it can be removed");
        let broken = LayerPlanContent::Tree {
            root: bench.text("tar"),
            from: "/".to_owned(),
            at: at.to_owned(),
            select: PlanSelect::All,
            owner: user(),
            parents: Vec::new(),
        };
        assert_eq!(bench.make(vec![broken]).expect_err("no tar").kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn files_are_written_with_the_directories_above_them() {
        let bench = Bench::new();
        let file = |path: &str, kind, mode| PlanFile { path: path.to_owned(), kind, mode, owner: user() };
        let content = PlanFileKind::Regular { root: bench.text("tree"), path: "/a/b/link/g".to_owned() };
        let files = vec![
            file("/cnb/process/web", PlanFileKind::Symlink("/cnb/x".to_owned()), 0o755),
            file("/cnb/x", content, 0o600),
            file("/cnb", PlanFileKind::Directory, 0o750),
        ];
        let made = bench.make(vec![LayerPlanContent::Files(files)]).expect("layers");
        let expected = ["755 ", "750 cnb", "755 cnb/process", "777 cnb/process/web", "600 cnb/x"];
        assert_eq!(names(&bench.path("layer0")), expected);
        let expected = predicted(|writer| {
            for file in [
                backend::File::directory("/cnb").with_mode(0o750),
                backend::File::directory("/cnb/process"),
                backend::File::symlink("/cnb/process/web", "/cnb/x").with_mode(0o755),
                backend::File::regular("/cnb/x", "dir/g").with_mode(0o600),
            ] {
                writer.file(&file.with_owner(user())).expect("a file");
            }
        });
        assert_eq!(made, [expected]);
    }

    #[test]
    fn what_is_no_part_of_the_tree_is_refused() {
        let bench = Bench::new();
        let paths = |path: &str| PlanSelect::Paths(vec![path.to_owned()]);
        for (select, at, expected) in [
            (paths("../b"), "/x", ErrorKind::InvalidInput),
            (paths("/dir"), "/x", ErrorKind::InvalidInput),
            (paths("link/g"), "/x", ErrorKind::InvalidInput),
            (paths("missing"), "/x", ErrorKind::NotFound),
            (PlanSelect::All, "x", ErrorKind::InvalidInput),
            (PlanSelect::All, "/x/../y", ErrorKind::InvalidInput),
        ] {
            let error = bench.make(vec![bench.tree(at, select.clone(), &[])]).expect_err(at);
            assert_eq!(error.kind(), expected, "{select:?} at {at}: {error}");
            fs::remove_dir_all(bench.path("layer0")).expect("it can be removed");
        }
    }
}
