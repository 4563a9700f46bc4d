//! A builder and a run image on the backend in memory, and a request to build with them.

use cnb_core::backend::Backend as _;
use cnb_core::backend::CacheId;
use cnb_core::backend::File;
use cnb_core::backend::ImagePlan;
use cnb_core::backend::ImageRequest;
use cnb_core::backend::SecretBytes;
use cnb_core::backend::SecretFile;
use cnb_core::backend::Source;
use cnb_core::image_name::ImageName;
use cnb_core::labels::lifecycle::RunImageNames;
use cnb_core::memory::Memory;
use cnb_core::memory::Process;
use cnb_core::memory::Program;
use cnb_lifecycle::builder;
use cnb_lifecycle::builder::BuilderRequest;
use cnb_lifecycle::platform::Binding;
use cnb_lifecycle::platform::BuildRequest;
use futures_lite::future::block_on;
use serde_json::Value;

/// A backend with a builder `memory:builder`, whose lifecycle is this program with these files beside it, and a
/// run image `memory:run`.
pub(crate) fn backend(lifecycle: impl Program + 'static, beside: Vec<File>) -> Memory {
    let base = |name: &ImageName| (name.clone(), vec![File::regular("/etc/os-release", "ID=x\n")]);
    let (build, files) = base(&name("memory:base"));
    let (run, run_files) = base(&name("memory:run"));
    let backend = Memory::new()
        .with_program("lifecycle", lifecycle)
        .with_image(&build, files)
        .with_image(&run, run_files);
    let image = block_on(backend.resolve(ImageRequest::new(build.clone()))).expect("a base");
    let mut config: Value = serde_json::from_slice(&image.config).expect("JSON");
    config["config"] = serde_json::json!({ "Env": ["CNB_USER_ID=1001", "CNB_GROUP_ID=1002"] });
    let plan = ImagePlan::new(image, Vec::new(), config.to_string());
    block_on(backend.export(plan, std::slice::from_ref(&build))).expect("a base");
    let image = block_on(backend.resolve(ImageRequest::new(build))).expect("a base");
    let programs = ["lifecycle", "launcher"].map(|name| Memory::executable(format!("/{name}"), "lifecycle"));
    let files = programs.into_iter().chain(beside).collect();
    let mut request = BuilderRequest::new(image, Source::Files(files));
    request.run_images = vec![RunImageNames { image: "example.com/run:1".to_owned(), mirrors: Vec::new() }];
    block_on(builder::create(&backend, request, &[name("memory:builder")])).expect("a builder");
    backend
}

/// A request for the application `app.txt` with a cache, a variable and a binding.
pub(crate) fn request(output: &str) -> BuildRequest {
    let app = Source::Files(vec![File::regular("/app.txt", "app")]);
    let tool = Source::Files(vec![Memory::executable("/lifecycle", "lifecycle")]);
    let mut request = BuildRequest::new(app, name("memory:builder"), tool).with_output(name(output));
    request.run_image = Some(name("memory:run"));
    request.env = vec![("MODE".to_owned(), "fast".to_owned())];
    request.cache = CacheId::new("project");
    let key = SecretFile { path: "key".to_owned(), content: SecretBytes::new("geheim").into() };
    request.bindings = vec![Binding { name: "db".to_owned(), files: vec![key] }];
    request
}

/// Writes a file, and makes its directories.
pub(crate) fn write(process: &mut Process<'_>, path: &str, content: &str) {
    for (slash, _) in path.match_indices('/').skip(1) {
        // Directories above may be there already.
        let _ = process.make_directory(&path[..slash]);
    }
    process.write(path, content.to_owned()).expect(path);
}

/// The content of a file.
pub(crate) fn text(process: &Process<'_>, path: &str) -> String {
    String::from_utf8(process.read(path).expect(path).to_vec()).expect("text")
}

pub(crate) fn name(text: &str) -> ImageName {
    text.parse().expect(text)
}
