//! Layers whose digests were recorded from the Go lifecycle 0.21.

use crate::backend::File;
use crate::backend::LayerContent;
use crate::backend::Ownership;
use crate::backend::Parent;
use crate::backend::Select;
use crate::backend::Tree;
use crate::backend::User;
use crate::conformance::Failure;
use crate::conformance::Outcome;
use crate::conformance::Target;
use crate::conformance::cases::layer::content;
use crate::conformance::cases::layer::diff_id;
use crate::conformance::cases::layer::owned;
use crate::conformance::failure::equal;

cases! { golden:
    the_empty_layer [LifecycleDialect],
    the_launcher [LifecycleDialect],
    process_types [LifecycleDialect],
    a_buildpack_layer [LifecycleDialect],
    the_application [LifecycleDialect],
    slices_of_the_application [LifecycleDialect],
}

async fn the_empty_layer(target: &Target) -> Outcome {
    let digest = diff_id(target, LayerContent::Files(Vec::new())).await?;
    equal("the digest", digest.hex(), "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef")
}

async fn the_launcher(target: &Target) -> Outcome {
    let files = vec![
        File::directory("/cnb"),
        File::directory("/cnb/lifecycle"),
        File::regular("/cnb/lifecycle/launcher", "launcher").with_mode(0o755),
    ];
    let digest = diff_id(target, LayerContent::Files(files)).await?;
    equal("the digest", digest.hex(), "3ef01a62276c42d9781edd25fceee5c2620c83803a3b03191f2524841936c920")
}

async fn process_types(target: &Target) -> Outcome {
    let recorded: [(&[&str], &str); 2] = [
        (&["web"], "83d85471d9f8a3834b4e27cf701e3f0aef220cc816d9c173c7d32cd73909a590"),
        (&["alt", "web"], "09d65bcf9c70167e51e99ca28729d2e21c4ee0b47c3eff2d791af1dbae36c3c0"),
    ];
    for (types, expected) in recorded {
        let mut files = vec![File::directory("/cnb"), File::directory("/cnb/process")];
        let link =
            |name| File::symlink(format!("/cnb/process/{name}"), "/cnb/lifecycle/launcher").with_mode(0o755);
        files.extend(types.iter().map(link));
        equal("the digest", diff_id(target, LayerContent::Files(files)).await?.hex(), expected)?;
    }
    Ok(())
}

async fn a_buildpack_layer(target: &Target) -> Outcome {
    let long = format!("/l/{}/{}/{}", "d".repeat(90), "e".repeat(90), "f".repeat(120));
    let files = vec![
        File::regular("/l/a/f", "f\n"),
        File::regular("/l/a-b/g", "g\n").with_mode(0o600),
        File::regular("/l/x", "x\n").with_mode(0o755),
        File::regular("/l/y", "x\n").with_mode(0o755),
        File::symlink("/l/s", "a/f"),
        File::regular("/l/é", "u\n"),
        File::regular(long, "long\n"),
    ];
    let tree = target.tree(files).await?;
    let parent = |path: &str| Parent { path: path.to_owned(), owner: User::new(1000, 1000), mode: 0o755 };
    let parents = vec![parent("/layers"), parent("/layers/a_bp")];
    let ownership = Ownership { parents, ..owned() };
    let digest = diff_id(target, content(&tree, "/l", "/layers/a_bp/l", Select::Walk, ownership)).await?;
    equal("the digest", digest.hex(), "3504a2d4f93e2b35c85e0abdccbe645f07146a27014ac1cfa82b0bf8b57d1adb")
}

async fn the_application(target: &Target) -> Outcome {
    let tree = application(target).await?;
    let digest = diff_id(target, content(&tree, "/", "/workspace", Select::Sorted, owned())).await?;
    equal("the digest", digest.hex(), "420d90440ebea6de802e8b5e0e3730478f6a462fe66ed41571318dcab9b4f301")
}

async fn slices_of_the_application(target: &Target) -> Outcome {
    let tree = application(target).await?;
    let recorded: [(&[&str], &str); 4] = [
        (&[".", "sub", "sub/1"], "94a68231de908e5f3f19ce59537198a355314442dec0182bb21a3600e59b8f1c"),
        (
            &[".", "a", "a-b", "a-b/4", "a/3", "sub2", "sub2/2"],
            "f3f15b21eb2245784f8c2a8bd745a78fb2010a427ca5f6d84e02a1c34da34fb6",
        ),
        (&[".", "a", "a/3"], "82c2aaf3c26515e41af995ca8f49de6b492d324a529760b9576b639f63b3707a"),
        (
            &[".", "a-b", "a-b/4", "sub2", "sub2/2"],
            "d9074aa0a5a6afc01f42cc874ea623b9fab550299ea6bfef7db64902e135741e",
        ),
    ];
    for (paths, expected) in recorded {
        let select = Select::Paths(paths.iter().map(|&path| path.to_owned()).collect());
        let digest = diff_id(target, content(&tree, "/", "/workspace", select, owned())).await?;
        equal("the digest", digest.hex(), expected)?;
    }
    Ok(())
}

async fn application(target: &Target) -> Result<Tree, Failure> {
    let files = [("/a/3", "3\n"), ("/a-b/4", "4\n"), ("/sub/1", "1\n"), ("/sub2/2", "2\n")];
    target.tree(files.map(|(path, content)| File::regular(path, content)).to_vec()).await
}
