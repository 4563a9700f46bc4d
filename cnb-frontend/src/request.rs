//! From options, build arguments and descriptor to a build request.

use std::collections::BTreeMap;

use cnb_cache::namespace::Namespace;
use cnb_cache::namespace::Project;
use cnb_core::backend::Network;
use cnb_core::backend::Secret;
use cnb_core::backend::SecretBytes;
use cnb_core::backend::SecretFile;
use cnb_core::backend::Source;
use cnb_core::backend::User;
use cnb_core::binding;
use cnb_core::binding::SecretBinding;
use cnb_core::diagnostic::Diagnostic;
use cnb_core::diagnostic::Located;
use cnb_core::epoch::Epoch;
use cnb_core::image_name::ImageName;
use cnb_core::labels::is_of_lifecycle;
use cnb_core::labels::project::ProjectLabel;
use cnb_core::project::CacheScope;
use cnb_core::project::Descriptor;
use cnb_core::project::Files;
use cnb_lifecycle::platform::Binding;
use cnb_lifecycle::platform::BuildRequest;
use cnb_lifecycle::platform::SharedCache;
use cnb_llb::Platform;
use cnb_llb::errdefs::BuildError;
use cnb_llb::errdefs::Code;
use cnb_llb::gateway::Options;

use crate::contexts;
use crate::error;
use crate::place::Place;
use crate::repository;
use crate::settings::Named;
use crate::settings::Settings;

/// What the backend has to call the application.
pub const APPLICATION: &str = "application";

/// What the backend has to call the image of the frontend, which has the file `/lifecycle`.
pub const TOOL: &str = "lifecycle";

/// The execution environment of a build that says none.
pub const EXEC_ENV: &str = "production";

/// What somebody asks for, for one platform.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Options.
    pub options: &'a Options,
    /// Build arguments.
    pub settings: &'a Settings,
    /// The descriptor.
    pub descriptor: &'a Descriptor,
    /// The platform of the image.
    pub platform: &'a Platform,
    /// When the image was made.
    pub epoch: Option<Epoch>,
}

impl Asked<'_> {
    /// The build, but for buildpacks in place of the builder's order. Its result goes to no output.
    ///
    /// # Errors
    /// When there is no builder, an image has no name that a daemon can read, or a label is the lifecycle's own.
    pub fn request(&self) -> Result<BuildRequest, BuildError> {
        let Self { options, settings, descriptor, .. } = self;
        let app = Source::Context {
            name: APPLICATION.to_owned(),
            files: descriptor.files.clone(),
            owner: User::ROOT,
        };
        let mut request = BuildRequest::new(app, self.builder()?, tool());
        request.run_image = self.image(settings.run_image.as_ref(), contexts::RUN_IMAGE)?;
        request.previous = self.image(settings.previous_image.as_ref(), contexts::PREVIOUS_IMAGE)?;
        let namespace = self.namespace(&request.builder);
        request.shared_cache = namespace.as_ref().and_then(|it| SharedCache::new(it, self.scope()));
        request.cache = namespace.map(|namespace| namespace.id());
        request.cache_read_only = settings.cache_read_only;
        request.skip_layers = settings.clear_cache;
        request.env = self.env();
        request.container_env = settings
            .container_env
            .iter()
            .map(|variable| (variable.name.clone(), variable.value.clone()))
            .collect();
        request.bindings = self.bindings().map(files).collect();
        request.secrets = settings.secrets.iter().map(|id| secret(id, id)).collect();
        request.agents.clone_from(&settings.ssh);
        request.platform_api = settings.platform_api;
        request.network = match options.network {
            cnb_llb::Network::None => Network::None,
            _ => Network::Host,
        };
        request.labels = self.labels()?;
        request.project = self.project();
        self.exec_env().clone_into(&mut request.exec_env);
        request.epoch = self.epoch;
        request.process_type.clone_from(&settings.default_process);
        Ok(request)
    }

    fn labels(&self) -> Result<Vec<(String, String)>, BuildError> {
        if let Some(name) = self.options.labels.keys().find(|name| is_of_lifecycle(name)) {
            let message = format!("the lifecycle writes the label `{name}`, and needs it at the next build");
            return Err(BuildError::new(Code::InvalidArgument, message));
        }
        Ok(self.options.labels.clone().into_iter().collect())
    }

    /// The execution environment.
    pub fn exec_env(&self) -> &str {
        self.settings.exec_env.as_deref().unwrap_or(EXEC_ENV)
    }

    /// Where the descriptor names the builder, or its first line when that is not the one that is used.
    pub fn place_of_builder(&self) -> Place {
        let context = contexts::find(&self.options.contexts, contexts::BUILDER, self.platform);
        if self.settings.builder.is_some() || context.is_some() {
            return Place::start(&self.descriptor.source);
        }
        Place::of_builder(self.descriptor)
    }

    /// Where the descriptor asks for the buildpacks that are used, or else for the builder that has them.
    pub fn place_of_work(&self) -> Place {
        let is_described = self.settings.buildpacks.is_empty();
        let place = is_described.then(|| Place::of_buildpacks(self.descriptor, self.exec_env())).flatten();
        place.unwrap_or_else(|| self.place_of_builder())
    }

    /// A warning where nothing says whose cache it is, so that there is none: what is shared by mistake is worse.
    pub fn doubts(&self) -> Option<Diagnostic> {
        if self.project_identity().is_some() {
            return None;
        }
        let message = "nothing says which project this is, so layers are not kept for the next build";
        let warning = Diagnostic::warning("no-project", message).at(&self.descriptor.source, 0..0, "");
        Some(warning.with_help("say `id` in the table `[_]`, or pass `--build-arg CNB_CACHE_KEY=...`"))
    }

    /// The service bindings, by name; one of the command line takes the place of one of the descriptor.
    pub fn bindings(&self) -> impl Iterator<Item = &SecretBinding> {
        let described = self.descriptor.bindings.iter().map(|entry| &entry.binding);
        let all = described.chain(&self.settings.bindings).map(|binding| (binding.name.as_str(), binding));
        all.collect::<BTreeMap<_, _>>().into_values()
    }

    fn builder(&self) -> Result<ImageName, BuildError> {
        if let Some(builder) = self.image(self.settings.builder.as_ref(), contexts::BUILDER)? {
            return Ok(builder);
        }
        let descriptor = self.descriptor;
        let Some(builder) = &descriptor.builder else {
            let error = Diagnostic::error("no-builder", "no builder").at(&descriptor.source, 0..0, "");
            let error = error.with_help(
                "name one as `builder` in the table `[io.buildpacks]`, or pass `--build-arg builder=IMAGE`",
            );
            return Err(error::of_diagnostics(&error.into()));
        };
        contexts::image(&builder.value, contexts::BUILDER, &self.options.contexts).map_err(|error| {
            error::of_diagnostics(
                &descriptor.error_at(builder.span, "invalid-builder", error.to_string()).into(),
            )
        })
    }

    /// The image that a build argument names, or else the context for it.
    fn image(&self, named: Option<&Named>, role: &'static str) -> Result<Option<ImageName>, BuildError> {
        let contexts = &self.options.contexts;
        let Some(named) = named else {
            let context = contexts::find(contexts, role, self.platform);
            return Ok(context.map(|context| contexts::of_context(&context.name)));
        };
        let image = contexts::image(&named.value, role, contexts).map_err(|error| {
            let message = format!("the build argument `{}` cannot be used: {error}", named.argument);
            let place = Place::start(&self.descriptor.source);
            error::placed(BuildError::new(cnb_llb::errdefs::Code::InvalidArgument, message), &place)
        })?;
        Ok(Some(image))
    }

    /// Descriptor, then build arguments: a later value of a name wins.
    fn env(&self) -> Vec<(String, String)> {
        let described = self.descriptor.env_for(self.exec_env());
        let mut env: BTreeMap<&str, &str> = described.collect();
        env.extend(
            self.settings.env.iter().map(|variable| (variable.name.as_str(), variable.value.as_str())),
        );
        env.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Where the source comes from, of the descriptor or else of the client.
    fn project(&self) -> ProjectLabel {
        let described = ProjectLabel::described(self.descriptor).source;
        ProjectLabel { source: described.or_else(|| repository::source(&self.options.repository)) }
    }

    fn project_identity(&self) -> Option<Project> {
        let explicit = self.settings.cache_key.clone().map(Project::Explicit);
        let described = || Project::described(self.descriptor);
        let of_repository = || repository::identity(&self.options.repository).map(Project::Repository);
        explicit.or_else(described).or_else(of_repository)
    }

    /// The build argument wins over the descriptor, which whoever runs the build need not have written.
    fn scope(&self) -> CacheScope {
        let described = || self.descriptor.cache_scope.as_ref().map(|scope| scope.value);
        self.settings.cache_scope.or_else(described).unwrap_or_default()
    }

    fn namespace(&self, builder: &ImageName) -> Option<Namespace> {
        let builder = contexts::stable_name(builder, &self.options.contexts, self.platform);
        let namespace = Namespace::new(self.project_identity()?, builder, self.platform.to_string());
        let namespace = namespace.with_exec_env(self.exec_env());
        Some(match self.options.cache_namespace() {
            Some(operator) => namespace.with_operator(operator),
            None => namespace,
        })
    }
}

/// The static `lifecycle` in the image of the frontend.
fn tool() -> Source {
    let only = Located { value: "/lifecycle".to_owned(), ..Located::default() };
    Source::Context { name: TOOL.to_owned(), files: Files::Include(vec![only]), owner: User::ROOT }
}

/// Type and provider are said in descriptors and build arguments, and so are no secrets.
fn files(of: &SecretBinding) -> Binding {
    let said = [(binding::TYPE, Some(&of.r#type)), (binding::PROVIDER, of.provider.as_ref())];
    let said = said.into_iter().filter_map(|(path, text)| {
        let content = SecretBytes::new(text?.clone()).into();
        Some(SecretFile { path: path.to_owned(), content })
    });
    let secrets = of.secrets.iter().map(|(path, id)| secret(path, id));
    Binding { name: of.name.clone(), files: said.chain(secrets).collect() }
}

fn secret(path: &str, id: &str) -> SecretFile {
    SecretFile { path: path.to_owned(), content: Secret::OfClient { id: id.to_owned() } }
}

#[cfg(test)]
mod tests {
    use cnb_core::diagnostic::SourceFile;

    use super::*;

    struct Given {
        options: Options,
        settings: Settings,
        descriptor: Descriptor,
        platform: Platform,
    }

    impl Given {
        fn new(text: &str, options: &[(&str, &str)]) -> Self {
            let options: BTreeMap<String, String> =
                options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let options = Options::read(&options).expect("valid options");
            let text = format!("# syntax=f\n[_]\nschema-version = '0.2'\n{text}");
            let source = SourceFile::new("project.toml", text);
            Self {
                settings: Settings::read(&options.build_args).expect("valid arguments"),
                options,
                descriptor: Descriptor::read(&source).expect("valid descriptor").0,
                platform: Platform::new("linux", "amd64"),
            }
        }

        fn asked(&self) -> Asked<'_> {
            let Self { options, settings, descriptor, platform } = self;
            Asked { options, settings, descriptor, platform, epoch: Epoch::try_from(7).ok() }
        }

        fn request(&self) -> BuildRequest {
            self.asked().request().expect("a request")
        }

        fn cache(&self) -> Option<String> {
            self.request().cache.map(|cache| cache.as_str().to_owned())
        }
    }

    const BUILDER: &str = "[io.buildpacks]\nbuilder = 'example.com/own'\n";

    #[test]
    fn the_builder_of_the_command_line_wins() {
        let builder = |given: Given| given.request().builder.to_string();
        assert_eq!(builder(Given::new(BUILDER, &[])), "docker://example.com/own:latest");
        let context = ("context:builder", "docker-image://example.com/other");
        assert_eq!(builder(Given::new(BUILDER, &[context])), "context:builder");
        let argument = ("build-arg:builder", "example.com/new:1");
        assert_eq!(builder(Given::new(BUILDER, &[context, argument])), "docker://example.com/new:1");
        let line = |given: Given| given.asked().place_of_builder().source().ranges[0].start.line;
        assert_eq!(line(Given::new(BUILDER, &[])), 5);
        assert_eq!(line(Given::new(BUILDER, &[context])), 1);
        assert_eq!(line(Given::new(BUILDER, &[argument])), 1);
    }

    #[test]
    fn a_builder_that_cannot_be_is_said_where_it_is() {
        let error = |given: Given| {
            let error = given.asked().request().expect_err("it cannot be");
            let line = error.sources().next().expect("a place").ranges[0].start.line;
            (line, error.message().lines().next().unwrap_or_default().to_owned())
        };
        assert_eq!(error(Given::new("", &[])), (1, "project.toml:1:1: no builder".to_owned()));
        let (line, message) = error(Given::new("[io.buildpacks]\nbuilder = 'oci:x'\n", &[]));
        assert!(line == 5 && message.contains("`oci:x` is on the machine of whoever builds"), "{message}");
        let (line, message) = error(Given::new(BUILDER, &[("build-arg:CNB_RUN_IMAGE", "context:x")]));
        let expected = "the build argument `CNB_RUN_IMAGE` cannot be used: there is no context `x`";
        assert!(line == 1 && message.starts_with(expected), "{message}");
    }

    #[test]
    fn labels_of_the_lifecycle_are_its_own() {
        let given = Given::new(BUILDER, &[("label:io.buildpacks.lifecycle.metadata", "{}")]);
        let error = given.asked().request().expect_err("the next build needs it");
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(error.message().contains("io.buildpacks.lifecycle.metadata"), "{error}");
    }

    #[test]
    fn everything_that_is_asked_for_is_in_the_request() {
        let text = format!(
            "version = '3'\nid = 'shop'\n{BUILDER}exclude = ['*.md']\n\
             [[io.buildpacks.build.env]]\nname = 'A'\nvalue = '1'\n\
             [[io.buildpacks.build.env]]\nname = 'B'\nvalue = '1'\n\
             [[io.buildpacks.build.bindings]]\nname = 'db'\ntype = 't'\nsecrets = {{ key = 'described' }}\n"
        );
        let given = Given::new(
            &text,
            &[
                ("build-arg:B", "2"),
                ("build-arg:HTTP_PROXY", "p"),
                ("build-arg:CNB_BINDING_db", "type=u,provider=v,key=given"),
                ("build-arg:CNB_SECRETS", "npm"),
                ("build-arg:CNB_SSH", "default"),
                ("build-arg:CNB_DEFAULT_PROCESS", "web"),
                ("build-arg:CNB_EXEC_ENV", "test"),
                ("build-arg:CNB_CACHE_READ_ONLY", "1"),
                ("label:l", "m"),
                ("force-network-mode", "none"),
            ],
        );
        let request = given.request();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(request.env, [pair("A", "1"), pair("B", "2")]);
        assert_eq!(request.container_env, [pair("HTTP_PROXY", "p")]);
        assert_eq!(request.labels, [pair("l", "m")]);
        assert_eq!((request.network, request.epoch.map(Epoch::seconds)), (Network::None, Some(7)));
        assert_eq!((request.exec_env.as_str(), request.process_type.as_deref()), ("test", Some("web")));
        assert_eq!(request.agents, ["default"]);
        assert_eq!(request.project.source.expect("the descriptor says it").version["declared"], "3");
        assert!(
            matches!(&request.app, Source::Context { name, files: Files::Exclude(_), .. } if name == APPLICATION)
        );
        assert!(request.outputs.is_empty() && request.cache.is_some() && request.cache_read_only);

        let content = |file: &SecretFile| match &file.content {
            Secret::OfClient { id } => format!("{}=id {id}", file.path),
            other => format!("{}={}", file.path, String::from_utf8_lossy(other.expose().expect("bytes"))),
        };
        let [binding] = &request.bindings[..] else { panic!("one takes the place of the other") };
        let files: Vec<String> = binding.files.iter().map(content).collect();
        assert_eq!(
            (binding.name.as_str(), files),
            ("db", vec!["type=u".into(), "provider=v".into(), "key=id given".into()])
        );
        assert_eq!(request.secrets.iter().map(content).collect::<Vec<_>>(), ["npm=id npm"]);
    }

    #[test]
    fn the_source_is_that_of_the_repository_where_the_descriptor_says_none() {
        let given =
            Given::new(BUILDER, &[("vcs:revision", "abc"), ("vcs:source", "https://t@example.com/a")]);
        let source = given.request().project.source.expect("the client says it");
        assert_eq!(
            (&source.version["commit"], &source.metadata["url"]),
            (&"abc".into(), &"https://example.com/a".into())
        );
    }

    #[test]
    fn layers_are_shared_where_somebody_says_so() {
        let described = format!("id = 'a'\n{BUILDER}[io.buildpacks.cache]\nscope = 'namespace'\n");
        let other = described.replace("'a'", "'b'");
        let shared = |text: &str, options: &[(&str, &str)]| {
            let request = Given::new(text, options).request();
            let id = request.cache.map(|cache| cache.as_str().to_owned());
            let shared = request.shared_cache.map(|shared| shared.id.as_str().to_owned());
            assert!(shared.is_none() || shared != id, "it is no cache of the project");
            shared
        };
        let scope = |scope: &'static str| ("build-arg:CNB_CACHE_SCOPE", scope);
        let team = ("build-arg:BUILDKIT_CACHE_MOUNT_NS", "team");
        let namespace = shared(&described, &[]).expect("it is shared");
        assert!(namespace.starts_with("shared-namespace-"), "{namespace}");
        assert_eq!(shared(&other, &[]), Some(namespace.clone()), "the project makes no difference");
        assert_ne!(shared(&other, &[team]), Some(namespace), "the operator does");
        let machine = shared(&described, &[scope("machine")]).expect("the argument wins");
        assert!(machine.starts_with("shared-machine-"), "{machine}");
        assert_eq!(shared(&other, &[scope("machine"), team]), Some(machine));
        assert_eq!(shared(&described, &[scope("project")]), None);
        assert_eq!(shared(&format!("id = 'a'\n{BUILDER}"), &[]), None);
        assert_eq!(shared(BUILDER, &[scope("machine")]), None, "without a project there is no cache to fill");
    }

    #[test]
    fn caches_are_never_shared_by_chance() {
        let named = format!("name = 'n'\n{BUILDER}");
        let repository = [("vcs:source", "https://example.com/a"), ("vcs:localdir:context", "api")];
        assert_eq!(Given::new(BUILDER, &[]).cache(), None);
        assert_eq!(Given::new(BUILDER, &repository[..1]).cache(), None);
        let doubts = Given::new(BUILDER, &[]).asked().doubts().expect("there is no cache").to_string();
        assert!(doubts.starts_with("project.toml:1:1: nothing says which project this is"), "{doubts}");
        assert_eq!(Given::new(&named, &[]).asked().doubts(), None);
        let caches = [
            Given::new(BUILDER, &repository).cache(),
            Given::new(&named, &repository).cache(),
            Given::new(&format!("id = 'n'\n{BUILDER}"), &[]).cache(),
            Given::new(&named, &[("build-arg:CNB_CACHE_KEY", "n")]).cache(),
            Given::new(&named, &[("build-arg:builder", "example.com/other")]).cache(),
            Given::new(&named, &[("build-arg:CNB_EXEC_ENV", "test")]).cache(),
            Given::new(&named, &[("build-arg:BUILDKIT_CACHE_MOUNT_NS", "team")]).cache(),
        ];
        let different: std::collections::BTreeSet<_> = caches.iter().flatten().collect();
        assert_eq!(different.len(), caches.len());
    }
}
