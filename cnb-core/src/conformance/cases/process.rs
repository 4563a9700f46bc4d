//! What a process finds when it starts.

use futures_lite::future;

use crate::backend::File;
use crate::backend::MountKind;
use crate::backend::Part;
use crate::backend::SecretBytes;
use crate::backend::Step;
use crate::backend::User;
use crate::conformance::Failure;
use crate::conformance::Outcome;
use crate::conformance::Target;
use crate::conformance::bench::USER;
use crate::conformance::failure::equal;

cases! { process:
    gets_its_arguments_unchanged,
    has_exactly_the_environment_given,
    has_no_environment_but_home_when_none_is_given,
    has_the_home_of_its_user [Users],
    has_the_home_that_is_given,
    has_the_later_value_of_a_variable,
    has_the_secret_environment,
    runs_as_the_user_named [Users],
    may_not_change_what_is_not_its_users [Users],
    starts_in_the_working_directory,
    has_umask_022,
    may_write_to_its_root_and_leaves_nothing_there,
    does_not_see_what_others_write_to_the_same_root,
}

async fn gets_its_arguments_unchanged(target: &Target) -> Outcome {
    let root = target.image().await?.root;
    for text in ["two words", "", "$HOME `id` \"quoted\" \\n", "é\u{1f980}", "line\nbreak", "-", "*"] {
        let ran = target.succeed(Step::new("print", root.clone(), [Target::PROBE, "print", text])).await?;
        equal("the argument", ran.stdout.strip_suffix('\n'), Some(text))?;
    }
    Ok(())
}

async fn has_exactly_the_environment_given(target: &Target) -> Outcome {
    let step = with_home(target).await?.with_env("ONE", "1").with_env("EMPTY", "").with_env("TEXT", "a b=c");
    let expected = "EMPTY=\nHOME=/home\nONE=1\nTEXT=a b=c\n";
    equal("the environment", target.succeed(step).await?.stdout.as_str(), expected)
}

async fn has_no_environment_but_home_when_none_is_given(target: &Target) -> Outcome {
    let step = with_passwd(target, "").await?;
    equal("the environment", target.succeed(step).await?.stdout.as_str(), "HOME=/\n")
}

async fn has_the_home_of_its_user(target: &Target) -> Outcome {
    let passwd = "root:x:0:0:root:/root:/bin/sh\ncnb:x:1001:1002::/home/cnb:/bin/sh\nbare:x:8:8:::\n";
    for (uid, home) in [(0, "/root"), (1001, "/home/cnb"), (8, "/"), (7, "/")] {
        // The user decides, whatever its group.
        let step = with_passwd(target, passwd).await?.with_user(User::new(uid, 0));
        let expected = format!("HOME={home}\n");
        equal(&format!("the environment of {uid}"), target.succeed(step).await?.stdout, expected)?;
    }
    Ok(())
}

async fn has_the_home_that_is_given(target: &Target) -> Outcome {
    let step = || with_passwd(target, "root:x:0:0:root:/root:/bin/sh\n");
    let secret = SecretBytes::new("/secret");
    for (step, home) in [
        (step().await?.with_env("HOME", "/given"), "/given"),
        (step().await?.with_secret_env("HOME", secret), "/secret"),
        (step().await?.with_env("HOME", ""), "/root"),
        (step().await?.with_env("HOME", "/given").with_env("HOME", ""), "/root"),
    ] {
        equal("the environment", target.succeed(step).await?.stdout, format!("HOME={home}\n"))?;
    }
    Ok(())
}

/// A step that shows its environment; root's home is `/home`.
async fn with_home(target: &Target) -> Result<Step, Failure> {
    with_passwd(target, "root:x:0:0:root:/home:/bin/sh\n").await
}

/// A step that shows its environment in a root with this /etc/passwd.
async fn with_passwd(target: &Target, text: &'static str) -> Result<Step, Failure> {
    let mut step = target.step("env").await?;
    let whole = Part::Copy { tree: step.root, from: "/".to_owned(), to: "/".to_owned() };
    let passwd = Part::Files(vec![File::regular("/etc/passwd", text)]);
    step.root = target.backend.compose(vec![whole, passwd]).await?;
    Ok(step)
}

async fn has_the_later_value_of_a_variable(target: &Target) -> Outcome {
    let step = with_home(target).await?.with_env("A", "1").with_env("B", "2").with_env("A", "3");
    equal("the environment", target.succeed(step).await?.stdout.as_str(), "A=3\nB=2\nHOME=/home\n")
}

async fn has_the_secret_environment(target: &Target) -> Outcome {
    let step = with_home(target).await?.with_env("A", "1");
    let step = step.with_secret_env("TOKEN", SecretBytes::new("t0ken"));
    equal("the environment", target.succeed(step).await?.stdout.as_str(), "A=1\nHOME=/home\nTOKEN=t0ken\n")
}

async fn runs_as_the_user_named(target: &Target) -> Outcome {
    equal("the user", target.succeed(target.step("id").await?).await?.stdout.as_str(), "0:0\n")?;
    let step = target.step("id").await?.with_user(USER);
    equal("the user", target.succeed(step).await?.stdout.as_str(), "1001:1002\n")
}

async fn may_not_change_what_is_not_its_users(target: &Target) -> Outcome {
    let tree = target.tree(Vec::new()).await?;
    let step = target.step("write /out/f 1").await?.with_mount("/out", MountKind::InOut(tree));
    target.fail(step.with_user(USER)).await
}

async fn starts_in_the_working_directory(target: &Target) -> Outcome {
    equal("the directory", target.succeed(target.step("pwd").await?).await?.stdout.as_str(), "/\n")?;
    let tree = target.tree(vec![crate::backend::File::directory("/sub")]).await?;
    let step = target.step("pwd -- write here 1").await?.with_mount("/out", MountKind::InOut(tree));
    let ran = target.succeed(step.with_cwd("/out/sub")).await?;
    equal("the directory", ran.stdout.as_str(), "/out/sub\n")?;
    equal("names in it", target.names(ran.tree("/out")?, "/sub").await?, ["here"])
}

async fn has_umask_022(target: &Target) -> Outcome {
    let tree = target.tree(Vec::new()).await?;
    let step = target.step("write /out/file 1 -- mkdir /out/dir").await?;
    let ran = target.succeed(step.with_mount("/out", MountKind::InOut(tree))).await?;
    for (name, mode) in [("file", 0o644), ("dir", 0o755)] {
        let found = target.entry(ran.tree("/out")?, "/", name).await?.mode;
        equal(name, format!("{found:o}"), format!("{mode:o}"))?;
    }
    Ok(())
}

async fn may_write_to_its_root_and_leaves_nothing_there(target: &Target) -> Outcome {
    let ran = target.succeed(target.step("write /marker 1 -- cat /marker").await?).await?;
    equal("the file", ran.stdout.as_str(), "1")?;
    target.fail(target.step("stat /marker").await?).await?;
    let names = target.names(&target.image().await?.root, "/").await?;
    equal("the file is in the image", names.contains(&"marker".to_owned()), false)
}

async fn does_not_see_what_others_write_to_the_same_root(target: &Target) -> Outcome {
    let step = |text| target.step(text);
    let one = async { target.succeed(step("write /shared 1 -- sleep 100 -- cat /shared").await?).await };
    let two = async { target.succeed(step("write /shared 2 -- sleep 100 -- cat /shared").await?).await };
    let (one, two) = future::try_zip(one, two).await?;
    equal("the files", (one.stdout.as_str(), two.stdout.as_str()), ("1", "2"))
}
