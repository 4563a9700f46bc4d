//! What the platform asks of the builder's lifecycle, word for word.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use cnb_cache::namespace::Namespace;
use cnb_cache::namespace::Project;
use cnb_core::api::PlatformApi;
use cnb_core::backend::File;
use cnb_core::event::NoEvents;
use cnb_core::lifecycle::LifecycleDescriptor;
use cnb_core::memory::Process;
use cnb_core::memory::Program;
use cnb_core::project::CacheScope;
use cnb_lifecycle::platform;
use cnb_lifecycle::platform::BuildRequest;
use cnb_lifecycle::platform::SharedCache;
use futures_lite::future::block_on;

use crate::fixture;
use crate::fixture::write;

/// A lifecycle without buildpacks that keeps what it is told.
#[derive(Clone, Debug, Default)]
struct Told(Arc<Mutex<Vec<Command>>>);

#[derive(Clone, Debug)]
struct Command {
    argv: String,
    env: BTreeMap<String, String>,
}

#[async_trait]
impl Program for Told {
    async fn run(&self, process: &mut Process<'_>) -> i32 {
        let command =
            Command { argv: process.argv().join(" "), env: process.environment().iter().cloned().collect() };
        if command.argv.contains("/detector ") {
            write(process, "/layers/group.toml", "");
            write(process, "/layers/plan.toml", "");
        }
        if command.argv.contains("/builder ") {
            write(process, "/layers/config/metadata.toml", "");
        }
        self.0.lock().expect("no holder panics").push(command);
        0
    }
}

/// What the phases are told in a build with a lifecycle that knows one Platform API.
fn told(api: PlatformApi) -> Vec<Command> {
    told_with(api, &fixture::request("memory:app"))
}

fn told_with(api: PlatformApi, request: &BuildRequest) -> Vec<Command> {
    let mut descriptor = LifecycleDescriptor::new("1.2.3");
    descriptor.apis.platform.supported = vec![api.to_string()];
    let told = Told::default();
    let files = vec![File::regular("/lifecycle.toml", descriptor.to_toml())];
    let backend = fixture::backend(told.clone(), files);
    block_on(platform::build(&backend, request, &NoEvents)).expect("it builds");
    told.0.lock().expect("no holder panics").clone()
}

#[test]
fn every_phase_gets_the_flags_of_its_platform_api() {
    let common = "-app /workspace -layers /layers -platform /platform";
    for api in PlatformApi::supported() {
        let since = |minor, flags: &'static str| if api >= PlatformApi::v0(minor) { flags } else { "" };
        let analyzed = " -analyzed /layers/analyzed.toml";
        // No registry, daemon or layout. The restorer of the Go lifecycle reads the builder's run.toml when it is
        // not told of another, and asks a registry for the run image when that is named in it.
        let expected = [
            format!(
                "/cnb/lifecycle/detector {common} -group /layers/group.toml -plan /layers/plan.toml{}",
                since(10, analyzed)
            ),
            format!(
                "/cnb/lifecycle/restorer -layers /layers -group /layers/group.toml{analyzed} -uid 1001 -gid 1002 \
                 -cache-dir /cache{}",
                since(14, " -run /dev/null")
            ),
            format!(
                "/cnb/lifecycle/builder {common} -group /layers/group.toml -plan /layers/plan.toml{}",
                since(12, analyzed)
            ),
            "/cnb-tool/lifecycle cache-save -layers /layers -group /layers/group.toml -cache-dir /cache"
                .to_owned(),
        ];
        let told = told(api);
        assert_eq!(told.iter().map(|command| command.argv.as_str()).collect::<Vec<_>>(), expected, "{api}");
        for Command { argv, env } in told {
            let variable = |name: &str| env.get(name).map(String::as_str);
            assert_eq!(variable("CNB_PLATFORM_API"), Some(api.to_string().as_str()), "{api} {argv}");
            assert_eq!(variable("CNB_EXEC_ENV").is_some(), api >= PlatformApi::v0(15), "{api} {argv}");
        }
    }
}

#[test]
fn layers_are_shared_by_a_step_before_and_with_the_last() {
    let namespace = Namespace::new(Project::Id("one".to_owned()), "b", "linux/amd64");
    let mut request = fixture::request("memory:app");
    request.shared_cache = SharedCache::new(&namespace, CacheScope::Machine);
    let ours = |request: &BuildRequest| -> Vec<String> {
        let told = told_with(PlatformApi::NEWEST, request);
        let ours = told.into_iter().filter(|command| command.argv.starts_with("/cnb-tool/lifecycle "));
        ours.map(|command| command.argv).collect()
    };
    let [fill, save] = &ours(&request)[..] else { panic!("two of the steps are ours") };
    let group = "-layers /layers -group /layers/group.toml -cache-dir /cache -shared-cache /shared-cache";
    assert_eq!(*fill, format!("/cnb-tool/lifecycle cache-fill {group}"));
    let written =
        format!("/cnb-tool/lifecycle cache-save {group} -cache-writer {namespace} -builder-digest sha256:");
    assert!(save.starts_with(&written), "{save}");

    request.cache_read_only = true;
    assert_eq!(ours(&request), std::slice::from_ref(fill));
    request.skip_layers = true;
    assert_eq!(ours(&request), [""; 0]);
    (request.cache_read_only, request.skip_layers, request.cache) = (false, false, None);
    assert_eq!(ours(&request), [""; 0], "there is no volume to fill");
}
