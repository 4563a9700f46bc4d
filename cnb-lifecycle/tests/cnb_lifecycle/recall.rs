//! Phases that do not run, because nothing that they read has changed.

use std::sync::Arc;

use async_trait::async_trait;
use cnb_cache::namespace::Namespace;
use cnb_cache::namespace::Project;
use cnb_cache::store::CacheStore as _;
use cnb_cache::store::MemoryStore;
use cnb_core::backend::CacheId;
use cnb_core::backend::File;
use cnb_core::backend::SecretBytes;
use cnb_core::backend::Source;
use cnb_core::event::Event;
use cnb_core::event::Origin;
use cnb_core::memory::Memory;
use cnb_core::memory::Process;
use cnb_core::memory::Program;
use cnb_lifecycle::platform;
use cnb_lifecycle::platform::BuildRequest;
use cnb_lifecycle::platform::Built;
use cnb_lifecycle::platform::Records;
use futures_lite::future::block_on;

use crate::counted::Counted;
use crate::fixture;
use crate::fixture::text;
use crate::fixture::write;
use crate::seen::Seen;

/// One buildpack, whose launch layer it keeps when it was there before, and a slice of the application.
#[derive(Debug)]
struct Lifecycle;

#[async_trait]
impl Program for Lifecycle {
    async fn run(&self, process: &mut Process<'_>) -> i32 {
        let argv = process.argv().to_vec();
        match argv[0].rsplit('/').next().expect("a path has a last name") {
            "detector" => {
                write(
                    process,
                    "/layers/group.toml",
                    "[[group]]\nid = \"x/dep\"\nversion = \"1\"\napi = \"0.10\"\n",
                );
                write(process, "/layers/plan.toml", "");
            }
            "restorer" => {
                let analyzed = text(process, "/layers/analyzed.toml");
                if analyzed.contains("x/dep") {
                    write(process, "/layers/x_dep/libs.toml", "[types]\nlaunch = false\n");
                }
            }
            "builder" => {
                if process.read("/layers/x_dep/libs.toml").is_err() {
                    let library = text(process, "/platform/env/MODE");
                    write(process, "/layers/x_dep/libs/lib.so", &library);
                }
                write(process, "/layers/x_dep/libs.toml", "[types]\nlaunch = true\n");
                let metadata = "[[buildpacks]]\nid = \"x/dep\"\nversion = \"1\"\napi = \"0.10\"\n\n[[slices]]\npaths = [\"*.txt\"]\n";
                write(process, "/layers/config/metadata.toml", metadata);
            }
            _ => {}
        }
        0
    }
}

/// What a build did.
struct Outcome {
    built: Built,
    /// The phases that ran in containers.
    ran: Vec<String>,
    /// Why, in words.
    because: Vec<String>,
    origins: Vec<(String, bool, Origin)>,
    warnings: Vec<String>,
}

/// An application that is built again and again.
struct Bench {
    backend: Counted,
    store: MemoryStore,
    request: BuildRequest,
}

impl Bench {
    fn new() -> Self {
        let store = MemoryStore::new(Arc::new(|| 1));
        let mut request = fixture::request("memory:app");
        request.records = Some(records(&store));
        Self { backend: backend("library"), store, request }
    }

    fn build(&self) -> Outcome {
        self.build_with(|_| {})
    }

    fn build_with(&self, change: impl FnOnce(&mut BuildRequest)) -> Outcome {
        let mut request = self.request.clone();
        change(&mut request);
        let told = Seen::default();
        let built = block_on(platform::build(&self.backend, &request, &told)).expect("it builds");
        let (mut ran, mut because) = (Vec::new(), Vec::new());
        let (mut origins, mut warnings) = (Vec::new(), Vec::new());
        for event in told.0.into_inner().expect("no holder panics") {
            match event {
                Event::PhaseFinished { phase, .. } => ran.push(phase),
                Event::Decided { because: reasons, phase, reused } => {
                    assert_eq!(reused, reasons.is_empty(), "{reasons:?}");
                    because.extend(reasons.iter().map(|reason| format!("{phase}: {reason}")));
                }
                Event::Layer { id, reused, origin, .. } => origins.push((id, reused, origin)),
                Event::Warning { message } => warnings.push(message),
                _ => {}
            }
        }
        ran.retain(|phase| !matches!(phase.as_str(), "analyze" | "export"));
        Outcome { built, ran, because, origins, warnings }
    }
}

fn backend(beside: &str) -> Counted {
    Counted::new(fixture::backend(Lifecycle, vec![File::regular("/beside", beside.to_owned())]))
}

fn records(store: &MemoryStore) -> Records {
    let namespace = Namespace::new(Project::Name("app".to_owned()), "builder", "linux/amd64");
    Records::new(Arc::new(store.clone()), namespace, [7; 32])
}

const ALL: [&str; 4] = ["detect", "restore", "build", "cache"];

#[test]
fn nothing_runs_when_nothing_changed() {
    let bench = Bench::new();
    let first = bench.build();
    assert_eq!(first.ran, ALL);
    assert_eq!(
        first.because,
        ["detect: nothing is known of an earlier run", "build: nothing is known of an earlier run"]
    );
    for _ in 0..2 {
        bench.backend.finished();
        let again = bench.build();
        // Layers may be large: none is hashed twice.
        let (mut ids, mut finished) =
            (again.origins.iter().map(|(id, ..)| id).collect::<Vec<_>>(), bench.backend.finished());
        ids.sort();
        finished.sort();
        assert!(finished.iter().eq(ids), "{finished:?}");
        assert!(again.ran.is_empty() && again.because.is_empty(), "{:?} {:?}", again.ran, again.because);
        assert_eq!(again.built.config, first.built.config);
        let all = again.origins.iter().all(|(_, reused, origin)| *reused && *origin == Origin::Recorded);
        assert!(all && again.origins.len() == first.origins.len(), "{:?}", again.origins);
    }
}

#[test]
fn whatever_a_phase_reads_makes_it_run_again() {
    type Change = fn(&mut BuildRequest);
    let cases: &[(&str, &[&str], Change)] = &[
        ("application app.txt changed", &ALL, |request| {
            // As long as before, in the same second.
            request.app = Source::Files(vec![File::regular("/app.txt", "APP")]);
        }),
        ("application app.txt changed", &ALL, |request| {
            request.app = Source::Files(vec![File::regular("/app.txt", "app").with_mode(0o755)]);
        }),
        ("application new.txt is new", &ALL, |request| {
            request.app =
                Source::Files(vec![File::regular("/app.txt", "app"), File::regular("/new.txt", "")]);
        }),
        ("application app.txt is gone", &ALL, |request| request.app = Source::Files(Vec::new())),
        ("variable MODE changed", &ALL, |request| request.env[0].1 = "slow".to_owned()),
        ("variable MORE is new", &ALL, |request| request.env.push(("MORE".to_owned(), String::new()))),
        ("variable MODE is gone", &ALL, |request| request.env.clear()),
        ("variable HTTP_PROXY of the container is new", &ALL, |request| {
            request.container_env.push(("HTTP_PROXY".to_owned(), "http://proxy".to_owned()));
        }),
        ("binding db/key changed", &ALL, |request| {
            request.bindings[0].files[0].content = SecretBytes::new("GEHEIM").into();
        }),
        ("network changed", &ALL, |request| request.network = cnb_core::backend::Network::None),
        // Its buildpacks are those of before, and so the rest needs not run.
        ("order of buildpacks is new", &ALL[..1], |request| {
            request.order =
                Some(toml::from_str("[[order]]\n[[order.group]]\nid = \"x/dep\"\n").expect("an order"));
        }),
        ("buildpack x/1/bin/build is new", &ALL, |request| {
            let source = Source::Files(vec![File::regular("/bin/build", "")]);
            request.buildpacks.push(platform::ExtraBuildpack {
                id: "x".to_owned(),
                version: "1".to_owned(),
                source,
            });
        }),
        ("lifecycle launcher is new", &ALL, |request| {
            let program = |name: &str| Memory::executable(format!("/{name}"), "lifecycle");
            request.lifecycle = Some(Source::Files(
                ["lifecycle", "launcher", "detector", "restorer", "builder"].map(program).into(),
            ));
        }),
        ("cache /cache changed", &ALL[1..], |request| request.cache = CacheId::new("other")),
        ("it was asked for", &ALL, |request| request.run_all = true),
        ("it was asked for", &ALL, |request| request.skip_layers = true),
    ];
    for (reason, ran, change) in cases {
        let bench = Bench::new();
        let first = bench.build();
        let changed = bench.build_with(change);
        assert!(changed.because.iter().any(|told| told.ends_with(reason)), "{reason}: {:?}", changed.because);
        assert_eq!(changed.ran, *ran, "{reason}");
        // And back again: the record is that of the last build.
        let back = bench.build();
        assert_eq!(back.built.config, first.built.config, "{reason}");
    }
}

#[test]
fn another_builder_under_the_same_name_runs_everything() {
    let bench = Bench::new();
    bench.build();
    let moved = Bench { backend: backend("other"), ..bench };
    let outcome = moved.build();
    assert_eq!(outcome.ran, ALL);
    assert!(outcome.because.contains(&"detect: builder changed".to_owned()), "{:?}", outcome.because);
}

#[test]
fn another_base_for_the_same_target_is_no_reason_to_build() {
    let bench = Bench::new();
    let first = bench.build();
    let run = fixture::name("memory:patched");
    let backend = Counted::new(
        bench
            .backend
            .memory
            .clone()
            .with_image(&run, vec![File::regular("/etc/os-release", "ID=x\nPATCH=1\n")]),
    );
    let patched = Bench { backend, ..bench };
    let outcome = patched.build_with(|request| request.run_image = Some(run));
    assert!(outcome.ran.is_empty(), "{:?}", outcome.because);
    assert_ne!(outcome.built.config, first.built.config);
}

#[test]
fn an_image_of_somebody_else_is_another_start() {
    let bench = Bench::new();
    bench.build();
    // What the next build starts with is neither what the last one started with nor what it made.
    let foreign = fixture::name("memory:foreign");
    let mut request = bench.request.clone();
    request.records = None;
    request.outputs = vec![foreign.clone()];
    request.env[0].1 = "another library".to_owned();
    block_on(platform::build(&bench.backend, &request, &Seen::default())).expect("it builds");
    let outcome = bench.build_with(|request| request.previous = Some(foreign));
    assert_eq!(outcome.because, ["build: previous image changed"]);
    assert_eq!(outcome.ran, ALL[1..]);
}

#[test]
fn without_an_image_and_its_label_a_build_starts_as_the_first_one_did() {
    let bench = Bench::new();
    let first = bench.build();
    let outcome = bench.build_with(|request| request.outputs = vec![fixture::name("memory:other")]);
    assert!(outcome.ran.is_empty(), "{:?}", outcome.because);
    assert_eq!(outcome.built.config, first.built.config);
}

#[test]
fn what_is_lost_is_made_again() {
    let bench = Bench::new();
    let first = bench.build();
    // The same builder and run image without any layer of the application.
    let lost = Bench { backend: backend("library"), ..bench };
    let outcome = lost.build();
    assert_eq!(outcome.ran, ALL[1..]);
    assert!(outcome.because[0].starts_with("build: "), "{:?}", outcome.because);
    assert_eq!(outcome.built.config, first.built.config);
    assert!(lost.build().ran.is_empty());
}

#[test]
fn records_that_make_no_sense_cost_time_and_no_build() {
    let bench = Bench::new();
    let first = bench.build();
    let namespace = bench.request.records.as_ref().expect("records").namespace.clone();
    for content in ["", "{}", "{\"version\":1}", "{\"version\":2,\"inputs\":{},\"left\":{}}"] {
        for phase in ["phase:detect", "phase:build"] {
            let writer = cnb_cache::store::Writer::new(&namespace);
            let entry = cnb_cache::store::NewEntry::new(phase, writer);
            bench.store.put(&namespace, entry, &mut content.as_bytes()).expect("a store");
        }
        let outcome = bench.build();
        assert_eq!((outcome.ran.as_slice(), outcome.warnings.len()), (&ALL.map(str::to_owned)[..], 0));
        assert_eq!(outcome.built.config, first.built.config);
    }
}

#[test]
fn labels_and_processes_are_no_reason_to_build() {
    let bench = Bench::new();
    let first = bench.build();
    let labelled = bench.build_with(|request| request.labels.push(("team".to_owned(), "a".to_owned())));
    assert!(labelled.ran.is_empty(), "{:?}", labelled.because);
    assert_ne!(labelled.built.config, first.built.config);
}
