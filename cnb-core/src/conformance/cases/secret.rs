//! Secrets: seen by the step, and by nobody else.

use std::fmt::Debug;

use crate::backend::EntryKind;
use crate::backend::ErrorKind;
use crate::backend::File;
use crate::backend::ImageRequest;
use crate::backend::MountKind;
use crate::backend::SecretBytes;
use crate::backend::SecretFile;
use crate::backend::Step;
use crate::backend::Tree;
use crate::conformance::Failure;
use crate::conformance::Outcome;
use crate::conformance::Target;
use crate::conformance::bench::USER;
use crate::conformance::cases::export;
use crate::conformance::failure::ensure;
use crate::conformance::failure::equal;
use crate::conformance::failure::refused;
use crate::conformance::failure::whole_text;
use crate::event::NoEvents;

cases! { secret:
    can_be_read_by_the_step,
    can_be_read_by_a_user_who_is_not_root [Users],
    cannot_be_changed,
    does_not_show_in_debug_output,
    does_not_show_in_an_error,
    does_not_show_in_events_unless_printed,
    is_not_in_an_output_around_it,
    is_not_seen_by_the_next_step,
    is_not_in_an_exported_image [Export],
    outside_of_its_mount_is_refused,
}

/// Unlike anything that is in a tree by chance.
const SECRET: &str = "hunter2-5f0c1e9ad7b84";

async fn can_be_read_by_the_step(target: &Target) -> Outcome {
    let step = target.step("cat /secrets/deep/token").await?.with_mount("/secrets", secrets("deep/token"));
    equal("the file", target.succeed(step).await?.stdout.as_str(), SECRET)
}

async fn can_be_read_by_a_user_who_is_not_root(target: &Target) -> Outcome {
    let step = target.step("ls /secrets -- cat /secrets/token").await?.with_user(USER);
    let ran = target.succeed(step.with_mount("/secrets", secrets("token"))).await?;
    equal("the output", ran.stdout, format!("token\n{SECRET}"))
}

async fn cannot_be_changed(target: &Target) -> Outcome {
    for command in ["write /secrets/token x", "write /secrets/new x", "remove /secrets/token"] {
        let step = target.step(command).await?.with_mount("/secrets", secrets("token"));
        target.fail(step).await?;
    }
    Ok(())
}

async fn does_not_show_in_debug_output(target: &Target) -> Outcome {
    let step = with_secrets(target.step("write /cache 1").await?);
    hidden("the step", &step)?;
    let ran = target.succeed(step).await?;
    hidden("what the step left", &ran.output)?;
    hidden("the backend", &target.backend)
}

async fn does_not_show_in_an_error(target: &Target) -> Outcome {
    let root = target.image().await?.root;
    let missing = with_secrets(Step::new("missing", root, ["/no/such/program", "x"]));
    let relative = with_secrets(target.step("exit 0").await?).with_mount("relative", MountKind::Tmpfs);
    for step in [missing, relative] {
        let result = target.backend.run(step, &NoEvents).await;
        let error = result.err().ok_or_else(|| Failure::new("a step that cannot run did run"))?;
        hidden("the error", &error)?;
        ensure(!whole_text(&error).contains(SECRET), "the text of the error shows the secret")?;
    }
    Ok(())
}

async fn does_not_show_in_events_unless_printed(target: &Target) -> Outcome {
    for commands in ["print harmless", "cat /no/such/file", "abort"] {
        let ran = target.run(with_secrets(target.step(commands).await?)).await?;
        let text = format!("{:?}{}{}", ran.recorder.events(), ran.stdout, ran.stderr);
        ensure(!text.contains(SECRET), format!("the events of `{commands}` show the secret"))?;
    }
    Ok(())
}

async fn is_not_in_an_output_around_it(target: &Target) -> Outcome {
    let tree = target.tree(vec![File::directory("/secrets")]).await?;
    let step = target.step("cat /out/secrets/token").await?.with_mount("/out", MountKind::InOut(tree));
    let ran = target.succeed(step.with_mount("/out/secrets", secrets("token"))).await?;
    without_secret(target, ran.tree("/out")?).await
}

async fn is_not_seen_by_the_next_step(target: &Target) -> Outcome {
    target.succeed(with_secrets(target.step("cat /secrets/token").await?)).await?;
    let environment = target.succeed(target.step("env").await?).await?.stdout;
    equal("the secret is in the environment", environment.contains(SECRET), false)?;
    target.fail(target.step("cat /secrets/token").await?).await
}

async fn is_not_in_an_exported_image(target: &Target) -> Outcome {
    let tree = target.tree(Vec::new()).await?;
    let step = with_secrets(target.step("write /out/f 1").await?).with_mount("/out", MountKind::InOut(tree));
    let ran = target.succeed(step).await?;
    let output =
        export::write(target, "secret", vec![export::layer(ran.tree("/out")?, "/out")]).await?.output;
    let image = target.backend.resolve(ImageRequest::new(output)).await?;
    ensure(!String::from_utf8_lossy(&image.config).contains(SECRET), "the config shows the secret")?;
    without_secret(target, &image.root).await
}

async fn outside_of_its_mount_is_refused(target: &Target) -> Outcome {
    for path in ["../token", "a/../../token"] {
        let step = target.step("exit 0").await?.with_mount("/secrets", secrets(path));
        let result = target.backend.run(step, &NoEvents).await;
        refused(&format!("a secret at `{path}`"), result, ErrorKind::InvalidInput)?;
    }
    Ok(())
}

fn secrets(path: &str) -> MountKind {
    MountKind::Secrets(vec![SecretFile { path: path.to_owned(), content: SecretBytes::new(SECRET).into() }])
}

fn with_secrets(step: Step) -> Step {
    step.with_secret_env("TOKEN", SecretBytes::new(SECRET)).with_mount("/secrets", secrets("token"))
}

fn hidden(what: &str, value: &impl Debug) -> Outcome {
    let is_shown = format!("{value:?}{value:#?}").contains(SECRET);
    ensure(!is_shown, format!("the debug output of {what} shows the secret"))
}

/// Looks at every file of a tree.
async fn without_secret(target: &Target, tree: &Tree) -> Outcome {
    let mut directories = vec!["/".to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in target.backend.list(tree, &directory).await? {
            let path = format!("{}/{}", directory.trim_end_matches('/'), entry.name);
            match entry.kind {
                EntryKind::Directory => directories.push(path),
                EntryKind::Regular => {
                    let content = target.text(tree, &path).await?;
                    ensure(!content.contains(SECRET), format!("{path} has the secret"))?;
                }
                EntryKind::Symlink(_) | EntryKind::Other => {}
            }
        }
    }
    Ok(())
}
