//! Options of `docker build`, as a buildpack and the image show them.

use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use super::Place;
use super::build::Built;
use super::image::Image;
use super::pushed::Pushed;
use super::witness::Witness;
use super::witness::says;
use crate::Result;
use crate::test::step::timed;

/// Says what it can reach, and leaves a layer and a process.
const SCRIPT: &str = r#"
grep planted.test /etc/hosts || echo no such host
if (exec 3<>/dev/tcp/127.0.0.1/$PORT) 2>/dev/null; then echo the network is there; else echo no network; fi
if test -S "${SSH_AUTH_SOCK:-}"; then echo the agent is there; else echo no agent; fi
mkdir "$CNB_LAYERS_DIR/left"
echo left >"$CNB_LAYERS_DIR/left/file"
printf '[types]\nlaunch = true\n' >"$CNB_LAYERS_DIR/left.toml"
printf '[[processes]]\ntype = "web"\ncommand = ["cat"]\nargs = ["file"]\ndefault = true\n' \
    >"$CNB_LAYERS_DIR/launch.toml"
"#;

/// 2023-11-14T22:13:20Z.
const EPOCH: (&str, &str) = ("SOURCE_DATE_EPOCH=1700000000", "2023-11-14T22:13:20Z");

/// Each option is one that a buildpack or the image shows.
pub(super) fn check(place: &Place<'_>) -> Result<()> {
    let witness = Witness::new(place, "options", SCRIPT)?;
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = server.local_addr()?.port().to_string();
    // Nobody asks it anything. Beside the engine's own socket it has a path that is short enough.
    let agent = place.engine.socket().with_file_name("agent.sock");
    let _agent = UnixListener::bind(&agent)?;
    let ssh = format!("--ssh=default={}", agent.display());
    let make = |arguments: &[&str]| -> Result<(Built, Image)> {
        let mut build = witness.build(place, arguments)?;
        build.options.set("PORT", &port);
        Ok((build.succeed()?, Image::inspect(place.engine, witness.image())?))
    };
    let image = timed("a host, the network and an agent", || {
        let (built, image) =
            make(&["--add-host=planted.test:192.0.2.7", &ssh, "--build-arg=CNB_SSH=default"])?;
        says(&built.progress.output(), &["192.0.2.7", "the network is there", "the agent is there"])?;
        image.check(&Pushed::run_image())?;
        Ok(image)
    })?;
    timed("no network", || {
        let (built, _) = make(&["--network=none"])?;
        says(&built.progress.output(), &["no such host", "no network", "no agent"])
    })?;
    let dated = timed("a time", || {
        let (built, dated) = make(&["--build-arg", EPOCH.0])?;
        dated.differs_in_times(&image)?;
        dated.was_created(place.engine, EPOCH.1)?;
        Ok(built)
    })?;
    timed("nothing from the cache", || {
        let (built, _) = make(&["--build-arg", EPOCH.0, "--no-cache"])?;
        says(
            &built.progress.work().join("\n"),
            &["[build] find out which buildpacks take part, ", "[export]"],
        )?;
        if built.config == dated.config { Ok(()) } else { Err("it makes another image".into()) }
    })
}
