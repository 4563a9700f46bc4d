//! Records of phases.

use std::sync::Arc;
use std::sync::OnceLock;

use async_trait::async_trait;
use bytes::Bytes;
use cnb_cache::namespace::Namespace;
use cnb_cache::namespace::Project;
use cnb_cache::store::CacheStore as _;
use cnb_cache::store::MemoryStore;
use cnb_cache::store::NewEntry;
use cnb_cache::store::Writer;
use cnb_core::backend::Backend as _;
use cnb_core::backend::File;
use cnb_core::backend::ImagePlan;
use cnb_core::backend::ImageRequest;
use cnb_core::backend::Source;
use cnb_core::event::NoEvents;
use cnb_core::image_name::ImageName;
use cnb_core::labels::lifecycle::RunImageNames;
use cnb_core::memory::Memory;
use cnb_core::memory::Process;
use cnb_core::memory::Program;
use cnb_lifecycle::builder;
use cnb_lifecycle::builder::BuilderRequest;
use cnb_lifecycle::platform;
use cnb_lifecycle::platform::BuildRequest;
use cnb_lifecycle::platform::Built;
use cnb_lifecycle::platform::Error;
use cnb_lifecycle::platform::Records;
use futures_lite::future::block_on;
use serde_json::Value;
use serde_json::json;

use super::clock;

/// Builds with this record of the detection.
pub(super) fn detect(text: &str) {
    build_with("phase:detect", text);
}

/// Builds with this record of the build.
pub(super) fn build(text: &str) {
    build_with("phase:build", text);
}

/// A record that is not that of the phase is no reason for another image.
fn build_with(key: &str, text: &str) {
    static FIRST: OnceLock<First> = OnceLock::new();
    let first = FIRST.get_or_init(First::new);
    let own = first.record(key);
    let text = text.replace("$inputs", &own["inputs"].to_string()).replace("$diff-id", &first.diff_id);
    let built = first.build(key, &text);
    // What is recorded for the same inputs is what the phase left, whatever it is.
    let is_of_phase =
        serde_json::from_str::<Value>(&text).is_ok_and(|record| record["inputs"] == own["inputs"]);
    if !is_of_phase {
        assert!(built.expect("phases run").config == first.config, "another image");
    }
}

/// A build of which nothing was known.
struct First {
    backend: Memory,
    store: MemoryStore,
    config: Bytes,
    /// One of its layers.
    diff_id: String,
}

impl First {
    fn new() -> Self {
        let (backend, store) = (backend(), MemoryStore::new(clock()));
        let built = block_on(platform::build(&backend, &request(&store), &NoEvents)).expect("it builds");
        let config: Value = serde_json::from_slice(&built.config).expect("a config");
        let diff_ids = config["rootfs"]["diff_ids"].as_array().expect("layers");
        let diff_id = diff_ids.last().and_then(Value::as_str).expect("a layer").to_owned();
        Self { backend, store, config: built.config, diff_id }
    }

    /// Builds the same with this record of a phase.
    fn build(&self, key: &str, record: &str) -> Result<Built, Error> {
        let store = MemoryStore::new(clock());
        let entry = NewEntry::new(key, Writer::new(&namespace()));
        store.put(&namespace(), entry, &mut record.as_bytes()).expect("memory takes everything");
        block_on(platform::build(&self.backend, &request(&store), &NoEvents))
    }

    fn record(&self, key: &str) -> Value {
        let id = namespace().id();
        let entry = self.store.entry(&id, key).expect("memory can be read").expect("it was recorded");
        serde_json::from_slice(&self.store.bytes(&id, &entry).expect("it is whole")).expect("JSON")
    }
}

/// A builder of one buildpack, and a run image.
fn backend() -> Memory {
    let base = |name: &str| (name_of(name), vec![File::regular("/etc/os-release", "ID=x\n")]);
    let (build, files) = base("memory:base");
    let (run, run_files) = base("memory:run");
    let backend = Memory::new()
        .with_program("lifecycle", Lifecycle)
        .with_image(&build, files)
        .with_image(&run, run_files);
    let resolve = || block_on(backend.resolve(ImageRequest::new(build.clone()))).expect("it is there");
    let image = resolve();
    let mut config: Value = serde_json::from_slice(&image.config).expect("a config");
    config["config"] = json!({ "Env": ["CNB_USER_ID=1001", "CNB_GROUP_ID=1002"] });
    let plan = ImagePlan::new(image, Vec::new(), config.to_string());
    block_on(backend.export(plan, std::slice::from_ref(&build))).expect("memory takes everything");
    let programs = ["lifecycle", "launcher"].map(|name| Memory::executable(format!("/{name}"), "lifecycle"));
    let mut request = BuilderRequest::new(resolve(), Source::Files(programs.into()));
    request.run_images = vec![RunImageNames { image: "example.com/run:1".to_owned(), mirrors: Vec::new() }];
    block_on(builder::create(&backend, request, &[name_of("memory:builder")])).expect("a builder");
    backend
}

fn request(store: &MemoryStore) -> BuildRequest {
    let app = Source::Files(vec![File::regular("/app.txt", "app")]);
    let tool = Source::Files(vec![Memory::executable("/lifecycle", "lifecycle")]);
    let mut request = BuildRequest::new(app, name_of("memory:builder"), tool);
    request.run_image = Some(name_of("memory:run"));
    request.records = Some(Records::new(Arc::new(store.clone()), namespace(), [7; 32]));
    request
}

/// One buildpack with one launch layer.
#[derive(Debug)]
struct Lifecycle;

#[async_trait]
impl Program for Lifecycle {
    async fn run(&self, process: &mut Process<'_>) -> i32 {
        const GROUP: &str = "id = \"x/dep\"\nversion = \"1\"\napi = \"0.10\"\n";
        let files = match process.argv()[0].rsplit('/').next() {
            Some("detector") => {
                vec![
                    ("/layers/group.toml", format!("[[group]]\n{GROUP}")),
                    ("/layers/plan.toml", String::new()),
                ]
            }
            Some("builder") => vec![
                ("/layers/x_dep/libs/lib.so", "library".to_owned()),
                ("/layers/x_dep/libs.toml", "[types]\nlaunch = true\n".to_owned()),
                ("/layers/config/metadata.toml", format!("[[buildpacks]]\n{GROUP}")),
            ],
            _ => Vec::new(),
        };
        for (path, content) in files {
            for (slash, _) in path.match_indices('/').skip(1) {
                // Directories above may be there already.
                let _ = process.make_directory(&path[..slash]);
            }
            process.write(path, content).expect("its directory is there");
        }
        0
    }
}

fn namespace() -> Namespace {
    Namespace::new(Project::Name("app".to_owned()), "builder", "linux/amd64")
}

fn name_of(text: &str) -> ImageName {
    text.parse().expect("a name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_for_the_same_inputs_is_used() {
        let first = First::new();
        let mut record = first.record("phase:build");
        let config =
            |record: &Value| first.build("phase:build", &record.to_string()).expect("it builds").config;
        assert_eq!(config(&record), first.config);
        record["left"]["layers"]["/config/metadata.toml"]["text"] =
            "[[labels]]\nkey = 'k'\nvalue = 'v'\n".into();
        assert_ne!(config(&record), first.config);
        record["inputs"]["digests"]["builder"] = json!([]);
        assert_eq!(config(&record), first.config);
    }
}
