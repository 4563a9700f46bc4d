//! The command line of `cnb build`.

use std::path::PathBuf;

use cnb_core::api::PlatformApi;
use cnb_core::epoch::Epoch;
use cnb_core::image_name::ImageName;
use cnb_core::project::CacheScope;

use super::backend::Backend;
use crate::age;

/// Build an application into an image.
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The directory of the application.
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) app: PathBuf,

    /// What builds: `local`, containers of this machine; `docker`, the Docker Engine of $DOCKER_HOST, of docker's
    /// context or of its usual socket; `buildkit`, the BuildKit of $BUILDKIT_HOST or of its usual socket; or one at ADDRESS: unix://PATH,
    /// tcp://HOST:PORT, docker-container://NAME, docker://PATH or docker://HOST:PORT.
    #[arg(long, default_value = "local", value_name = "local|docker|buildkit[=ADDRESS]")]
    pub(crate) backend: Backend,

    /// Reach the BuildKit at tcp://HOST:PORT over TLS, with the files of DIR, in PEM: `ca.pem` or `ca.crt`, whom to trust;
    /// `cert.pem` and `key.pem`, or `tls.crt` and `tls.key`, who this is. For Docker Engine there are $DOCKER_TLS_VERIFY
    /// and $DOCKER_CERT_PATH, and the certificates of a context.
    #[arg(long, value_name = "DIR")]
    pub(crate) buildkit_tls: Option<PathBuf>,

    /// The name that the certificate of that BuildKit is for; HOST when not given.
    #[arg(long, value_name = "NAME", requires = "buildkit_tls")]
    pub(crate) buildkit_tls_server_name: Option<String>,

    /// The builder image; the descriptor's when not given.
    #[arg(long, short = 'B', value_name = "IMAGE")]
    pub(crate) builder: Option<ImageName>,

    /// The run image; the one that the builder names when not given.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) run_image: Option<ImageName>,

    /// Where the image goes; may be given several times.
    #[arg(long, short = 'o', value_name = "IMAGE", required = true)]
    pub(crate) output: Vec<ImageName>,

    /// The image of the last build, whose layers may be used again. When not given: the first output, or with
    /// another backend than `local` what it kept itself.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) previous_image: Option<ImageName>,

    /// A variable for the buildpacks; without a value, that of this process.
    #[arg(long, short = 'e', value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<String>,

    /// A file with one NAME[=VALUE] a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Vec<PathBuf>,

    /// The project descriptor; PATH/project.toml, if it exists, when not given.
    #[arg(long, short = 'd', value_name = "FILE")]
    pub(crate) descriptor: Option<PathBuf>,

    /// A buildpack to use instead of the descriptor's and the builder's order: a directory or
    /// ID or ID@VERSION of the builder; may be given several times.
    #[arg(long, short = 'b', value_name = "BUILDPACK")]
    pub(crate) buildpack: Vec<String>,

    /// A service binding: the files of DIR under /platform/bindings/NAME, for the buildpacks only.
    #[arg(long, value_name = "NAME=DIR")]
    pub(crate) binding: Vec<String>,

    /// The Platform API to use; the newest that the lifecycle and this program know when not given.
    #[arg(long, value_name = "VERSION")]
    pub(crate) platform_api: Option<PlatformApi>,

    /// A directory with a lifecycle to use instead of the builder's.
    #[arg(long, value_name = "PATH")]
    pub(crate) lifecycle: Option<PathBuf>,

    /// Where unpacked builders, layers and caches are kept; $XDG_CACHE_HOME/cnb when not given. For --backend local.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// Forget what earlier builds of this application left.
    #[arg(long)]
    pub(crate) clear_cache: bool,

    /// Run every phase, even where nothing that it reads has changed. Layers and caches of earlier builds are used as ever.
    #[arg(long)]
    pub(crate) no_cache: bool,

    /// Use what earlier builds left, but leave nothing for later ones: for code that nobody has looked at, for
    /// example of a pull request.
    #[arg(long, conflicts_with = "clear_cache")]
    pub(crate) cache_read_only: bool,

    /// With whom layers that are cached, and not in the image, are shared: `project`, with nobody; `namespace`, with the
    /// builds of the same $BUILDKIT_CACHE_MOUNT_NS; `machine`, with all builds that say so. The descriptor's when not given.
    #[arg(long, value_name = "project|namespace|machine")]
    pub(crate) cache_scope: Option<CacheScope>,

    #[command(flatten)]
    pub(crate) registry: crate::registry::Registries,

    /// What the buildpacks can reach; `host` when not given, and `sandbox` with another backend than `local`.
    #[arg(long, value_enum, value_name = "NETWORK")]
    pub(crate) network: Option<Network>,

    /// The process that the image starts; the buildpacks' default when not given.
    #[arg(long, short = 'D', value_name = "TYPE")]
    pub(crate) default_process: Option<String>,

    /// A label of the image, which wins over those of the buildpacks; may be given several times.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) label: Vec<String>,

    /// When the image says that it was made: seconds since 1970, or `now`. When not given: $SOURCE_DATE_EPOCH, else
    /// 1980-01-01T00:00:01Z, so that the same inputs give the same image.
    #[arg(long, value_name = "SECONDS|now", value_parser = age::moment)]
    pub(crate) creation_time: Option<Epoch>,

    /// How to be root in the containers when this user is not; `auto` when not given. For --backend local.
    #[arg(long, value_enum, value_name = "MODE")]
    pub(crate) userns: Option<Userns>,

    /// The OCI runtime; the first of runc, crun and youki that works when not given. For --backend local.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) runtime: Option<PathBuf>,

    /// Say at the end which phases ran and why, and where each layer is from. With --json the events say it.
    #[arg(long)]
    pub(crate) explain: bool,

    /// Print the digest of the image and nothing else, unless something is wrong.
    #[arg(long, short = 'q', conflicts_with = "json")]
    pub(crate) quiet: bool,

    /// Print events, one JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What the buildpacks can reach.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Network {
    /// The network of the machine that builds. A BuildKit has to be allowed to give it.
    Host,
    /// Nothing.
    None,
    /// What the network of BuildKit's containers leads to.
    Sandbox,
}

/// How to be root in the containers.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Userns {
    /// Root as it is; else a range if there is one; else a single user.
    Auto,
    /// The range of /etc/subuid and /etc/subgid.
    Range,
    /// This user alone.
    Single,
}
