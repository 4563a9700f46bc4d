//! The whole of it: from what BuildKit tells a frontend to what the frontend gives back.

use std::collections::BTreeMap;
use std::pin::pin;

use cnb_core::diagnostic::Diagnostic;
use cnb_core::diagnostic::Diagnostics;
use cnb_core::epoch::Epoch;
use cnb_lifecycle::platform as builds;
use cnb_lifecycle::platform::BuildRequest;
use cnb_lifecycle::platform::BuilderBuildpacks;
use cnb_lifecycle::platform::Until;
use cnb_llb::Platform;
use cnb_llb::State;
use cnb_llb::Warning;
use cnb_llb::backend::BuildKit;
use cnb_llb::errdefs::BuildError;
use cnb_llb::errdefs::Code;
use cnb_llb::gateway::Gateway;
use cnb_llb::gateway::Options;
use cnb_llb::gateway::Output;
use cnb_llb::gateway::PlatformOutput;
use cnb_llb::gateway::Solve;
use cnb_llb::gateway::Subrequest;

use crate::buildpacks;
use crate::buildpacks::Candidate;
use crate::capabilities;
use crate::contexts;
use crate::descriptor;
use crate::directories::Directories;
use crate::directories::Found;
use crate::error;
use crate::events::Warnings;
use crate::options;
use crate::place::Place;
use crate::platform;
use crate::request::APPLICATION;
use crate::request::Asked;
use crate::request::TOOL;
use crate::settings::Settings;
use crate::subrequest;
use crate::target::Target;

/// Builds what BuildKit asks for, or answers its question.
///
/// # Errors
/// Whatever is wrong, with lines of the descriptor from when there is one.
pub async fn build(gateway: Gateway) -> Result<Output, BuildError> {
    answer(gateway).await.map_err(error::shown)
}

async fn answer(gateway: Gateway) -> Result<Output, BuildError> {
    let options = Options::read(&gateway.environment().options).map_err(|error| error::invalid(&error))?;
    capabilities::check(&options.capabilities)?;
    let question = options.request.as_deref().map(Subrequest::read).transpose()?;
    if let Some(answer) = question.and_then(subrequest::answer_at_once) {
        return Ok(answer);
    }
    let directories = Directories::new(&gateway, &options)?;
    let found = directories.descriptor().await?;
    let start = Place::start(&found.file);
    let built = Build { gateway: &gateway, options: &options, directories: &directories, found: &found };
    built.run(question).await.map_err(|error| error::placed(error, &start))
}

/// A build whose descriptor was found.
struct Build<'a> {
    gateway: &'a Gateway,
    options: &'a Options,
    directories: &'a Directories<'a>,
    found: &'a Found,
}

impl Build<'_> {
    async fn run(&self, question: Option<Subrequest>) -> Result<Output, BuildError> {
        let options = self.options;
        let settings = Settings::read(&options.build_args).map_err(|error| error::invalid(&error))?;
        let target = Target::read(options.target.as_deref()).map_err(|error| error::invalid(&error))?;
        let epoch = options.source_date_epoch().map_err(|error| error::invalid(&error))?;
        let epoch = epoch.map(Epoch::try_from).transpose().map_err(|error| error::invalid(&error))?;
        let platforms = platform::read_all(&options.platforms).map_err(|error| error::invalid(&error))?;
        let is_index = options.multi_platform.unwrap_or(platforms.len() > 1);
        if platforms.len() > 1 && !is_index {
            let message = "several platforms are asked for, and one result that is no index";
            return Err(BuildError::new(Code::InvalidArgument, message));
        }
        let (descriptor, warnings) = descriptor::read(&self.found.file, options.frontend.as_deref())
            .map_err(|errors| error::of_diagnostics(&errors))?;
        let platforms = if platforms.is_empty() { vec![self.own_platform()] } else { platforms };
        let asked =
            |platform| Asked { options, settings: &settings, descriptor: &descriptor, platform, epoch };
        if question == Some(Subrequest::Outline) {
            return Ok(subrequest::outline(&asked(&platforms[0]), target).answer());
        }
        self.warn(&warnings).await?;
        self.warn_of_what_is_not_done(&asked(&platforms[0]), target).await?;
        let application = self.directories.application(self.found);
        let builds = async {
            let mut outputs = Vec::new();
            for platform in &platforms {
                let output = self.build(&asked(platform), &application, target).await?;
                outputs.push(PlatformOutput { id: platform.to_string(), output });
            }
            Ok::<_, BuildError>(outputs)
        };
        // The client sends its files while images are found. When that fails, whoever needs them says so.
        let files = self.gateway.solve(Solve::graph(&application.definition()).evaluated());
        let mut builds = pin!(builds);
        let mut outputs = tokio::select! {
            outputs = &mut builds => outputs?,
            _ = files => builds.await?,
        };
        match outputs.pop() {
            Some(only) if !is_index => Ok(only.output),
            last => Ok(Output::for_platforms(outputs.into_iter().chain(last))),
        }
    }

    /// Builds for one platform.
    async fn build(
        &self,
        asked: &Asked<'_>,
        application: &State,
        target: Target,
    ) -> Result<Output, BuildError> {
        let mut request = asked.request()?;
        let failed = |error: builds::Error| error::of_build(&error, asked);
        let mut backend = self.backend(asked, application)?;
        if buildpacks::are_asked_for(asked) {
            let builder = BuilderBuildpacks::find(&backend, &request.builder).await.map_err(failed)?;
            backend = self.add_buildpacks(backend, &mut request, asked, &builder).await?;
        }
        let events = Warnings::default();
        let until = match target {
            Target::Detect => Some(Until::Detect),
            Target::Build => Some(Until::Build),
            Target::Image => None,
        };
        let made = match until {
            Some(until) => builds::build_until(&backend, &request, until, &events).await.map(Some),
            None => builds::build(&backend, &request, &events).await.map(|_| None),
        };
        for message in events.take() {
            self.warn_of(message).await?;
        }
        match made.map_err(failed)? {
            Some(tree) => {
                let action = "hand over what was built".to_owned();
                let reference = backend.reference(&tree).await;
                let reference =
                    reference.map_err(|source| failed(builds::Error::Backend { action, source }))?;
                Ok(Output::new(reference))
            }
            None => backend.take_output().ok_or_else(|| BuildError::new(Code::Internal, "there is no image")),
        }
    }

    fn backend(&self, asked: &Asked<'_>, application: &State) -> Result<BuildKit, BuildError> {
        let options = self.options;
        let own = self.gateway.own_image()?;
        Ok(BuildKit::new(self.gateway.clone(), own.clone())
            .with_platform(asked.platform.clone())
            .with_network(options.network)
            .with_extra_hosts(options.extra_hosts.clone())
            .with_resolve_mode(options.resolve_mode)
            .with_cache_imports(options.cache_imports.clone())
            .with_contexts(contexts::with_full_names(&options.contexts))
            .with_no_cache(options::ignores_cache(&options.no_cache))
            .with_cleared_caches(asked.settings.clear_cache)
            .with_location(asked.place_of_work().location())
            .with_directory(APPLICATION, application.clone())
            .with_directory(TOOL, own))
    }

    /// Puts the buildpacks that are asked for into the request, and their files into the backend.
    async fn add_buildpacks(
        &self,
        mut backend: BuildKit,
        request: &mut BuildRequest,
        asked: &Asked<'_>,
        builder: &BuilderBuildpacks,
    ) -> Result<BuildKit, BuildError> {
        let candidates = buildpacks::candidates(asked, builder);
        let mut found = BTreeMap::new();
        for (candidate, text, files) in self.look_at(asked, candidates).await? {
            let name = format!("buildpack {candidate}");
            backend = backend.with_directory(name.as_str(), files);
            found.insert(candidate, (text, name));
        }
        let warnings = buildpacks::apply(request, asked, builder, &found);
        let warnings = warnings.map_err(|errors| error::of_diagnostics(&errors))?;
        self.warn(&warnings).await?;
        Ok(backend)
    }

    /// The candidates that have a buildpack.toml, with its text and their files.
    async fn look_at(
        &self,
        asked: &Asked<'_>,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<(Candidate, String, State)>, BuildError> {
        const FILE: &str = "buildpack.toml";
        let directory = self.found.file.name().rsplit_once('/').map(|(directory, _)| directory);
        let at =
            |path: &str| directory.map_or_else(|| path.to_owned(), |directory| format!("{directory}/{path}"));
        let paths = candidates.iter().filter_map(|candidate| match candidate {
            Candidate::Beside(path) => Some(at(&format!("{path}/{FILE}"))),
            Candidate::Context(_) => None,
        });
        let mut texts = self.directories.read_beside(&paths.collect::<Vec<_>>()).await?.into_iter();
        let mut found = Vec::new();
        for candidate in candidates {
            let (text, files) = match &candidate {
                Candidate::Beside(path) => (texts.next().flatten(), self.directories.beside(&at(path))),
                Candidate::Context(name) => {
                    let context = contexts::find(&self.options.contexts, name, asked.platform);
                    let Some(context) = context else { continue };
                    let files = self.directories.context(context)?;
                    (self.directories.read_in(&files, FILE).await?, files)
                }
            };
            if let Some(text) = text {
                found.push((candidate, text, files));
            }
        }
        Ok(found)
    }

    async fn warn(&self, warnings: &Diagnostics) -> Result<(), BuildError> {
        for diagnostic in warnings {
            self.gateway.warn(error::warning(&self.found.vertex, diagnostic)).await?;
        }
        Ok(())
    }

    /// Warns of something that is in no file.
    async fn warn_of(&self, short: String) -> Result<(), BuildError> {
        let vertex = self.found.vertex.clone();
        self.gateway.warn(Warning { vertex, level: 1, short, ..Warning::default() }).await
    }

    async fn warn_of_what_is_not_done(&self, asked: &Asked<'_>, target: Target) -> Result<(), BuildError> {
        for option in options::unsupported(&self.gateway.environment().options) {
            self.warn_of(format!("`{option}` is not supported by this frontend, and ignored")).await?;
        }
        let doubts: Option<Diagnostic> = asked.doubts().filter(|_| target != Target::Detect);
        self.warn(&doubts.map(Into::into).unwrap_or_default()).await
    }

    /// The platform of a build that asks for none.
    fn own_platform(&self) -> Platform {
        let own = self.gateway.workers().first().and_then(|worker| worker.platforms.first());
        own.and_then(|own| platform::read(&own.to_string()).ok()).unwrap_or_else(Platform::native)
    }
}
