//! TOML: the documents of the specifications, and those that people write.
//!
//! The first line of an input is the name of the document. Besides not panicking, what was read can be written,
//! and reads as the same; errors can be shown with the lines that they are about.

use std::fmt::Debug;
use std::path::Path;

use cnb_core::analyzed::Analyzed;
use cnb_core::api::BuildpackApi;
use cnb_core::api::PlatformApi;
use cnb_core::build_metadata::BuildMetadata;
use cnb_core::builder_config::BuilderConfig;
use cnb_core::buildpack::build::Build;
use cnb_core::buildpack::descriptor::BuildpackDescriptor;
use cnb_core::buildpack::dockerfile::Dockerfile;
use cnb_core::buildpack::extend_config::ExtendConfig;
use cnb_core::buildpack::extension::ExtensionDescriptor;
use cnb_core::buildpack::group::Group;
use cnb_core::buildpack::launch::Launch;
use cnb_core::buildpack::layer::Layer;
use cnb_core::buildpack::order::Order;
use cnb_core::buildpack::plan::BuildPlan;
use cnb_core::buildpack::plan::Plan;
use cnb_core::buildpack::store::Store;
use cnb_core::buildpack::system::System;
use cnb_core::diagnostic::Diagnostics;
use cnb_core::diagnostic::SourceFile;
use cnb_core::document;
use cnb_core::document::InvalidDocument;
use cnb_core::encode::any;
use cnb_core::encode::go_json;
use cnb_core::encode::go_toml;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_core::lifecycle::LifecycleDescriptor;
use cnb_core::project::Descriptor;
use cnb_core::project_metadata::ProjectMetadata;
use cnb_core::report::Report;
use cnb_core::run::Run;
use cnb_core::run::Stack;
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Table;
use toml::Value;
use toml::value::Offset;

use crate::Input;
use crate::choice;
use crate::choice::Check;

/// Reads one document of any kind.
pub fn check(data: &[u8]) -> Input {
    choice::run(&DOCUMENTS, data)
}

const DOCUMENTS: [(&str, Check); 22] = [
    ("analyzed.toml", analyzed),
    ("any.toml", any),
    ("build-plan.toml", build_plan),
    ("build.toml", |text| drop(shown(Build::read(FILE.as_ref(), text)))),
    ("builder.toml", builder),
    ("buildpack.toml", buildpack),
    ("Dockerfile", dockerfile),
    ("extend-config.toml", |text| drop(shown(ExtendConfig::read(FILE.as_ref(), text)))),
    ("extension.toml", extension),
    ("group.toml", |text| rewritten(text, Group::read, Group::to_toml)),
    ("launch.toml", launch),
    ("layer.toml", layer),
    ("lifecycle.toml", |text| rewritten(text, LifecycleDescriptor::read, LifecycleDescriptor::to_toml)),
    ("metadata.toml", metadata),
    ("order.toml", |text| rewritten(text, Order::read, to_toml)),
    ("plan.toml", |text| rewritten(text, Plan::read, Plan::to_toml)),
    ("project-metadata.toml", project_metadata),
    ("project.toml", project),
    ("report.toml", |text| rewritten(text, document::read::<Report>, to_toml)),
    ("run.toml", run),
    ("store.toml", |text| rewritten(text, Store::read, Store::to_toml)),
    ("system.toml", |text| drop(shown(System::read(FILE.as_ref(), text)))),
];

/// The name in errors; nothing depends on it.
const FILE: &str = "file.toml";

type Read<T> = fn(&Path, &str) -> Result<T, InvalidDocument>;

fn analyzed(text: &str) {
    let Some(analyzed) = read::<Analyzed>(text) else { return };
    rewritten(text, document::read::<Analyzed>, to_toml);
    // What is in a label comes back from there.
    if let Ok(label) = LifecycleMetadata::try_from(analyzed.metadata) {
        go_json::to_string(&label).expect("a label is JSON");
    }
}

fn any(text: &str) {
    rewritten(text, document::read::<Table>, to_toml);
    if let Some(json) = read::<Table>(text).and_then(|table| any::table_from_toml(&table).ok()) {
        go_json::to_string(&json).expect("it is JSON");
    }
}

fn build_plan(text: &str) {
    if let Some(plan) = shown(BuildPlan::read(FILE.as_ref(), text)) {
        assert_eq!(plan.sections().len(), plan.or.len() + 1);
    }
}

fn builder(text: &str) {
    let source = SourceFile::new("builder.toml", text);
    if let Some(builder) = told(BuilderConfig::read(&source)) {
        builder.to_order();
    }
}

fn buildpack(text: &str) {
    if let Some(descriptor) = shown(BuildpackDescriptor::read(FILE.as_ref(), text)) {
        descriptor.is_composite();
        descriptor.inferred_targets(true);
    }
}

fn dockerfile(text: &str) {
    if let Some(dockerfile) = shown(Dockerfile::read("run.Dockerfile".as_ref(), text)) {
        let _ = (dockerfile.as_build(), dockerfile.as_run(), dockerfile.not_recommended().count());
    }
}

fn extension(text: &str) {
    if let Some(descriptor) = shown(ExtensionDescriptor::read(FILE.as_ref(), text)) {
        descriptor.inferred_targets(true);
    }
}

fn launch(text: &str) {
    for api in BuildpackApi::supported() {
        shown(Launch::read(FILE.as_ref(), text, api));
    }
}

fn layer(text: &str) {
    if let Some(layer) = shown(Layer::read(FILE.as_ref(), text)) {
        let written = Layer::restored_toml(layer.metadata.as_ref());
        let restored = Layer::read(FILE.as_ref(), &written).expect("what was written is read");
        let [found, expected] = [restored, layer].map(|layer| format!("{:?}", layer.metadata.map(normal)));
        assert_eq!(found, expected, "{written}");
    }
}

fn metadata(text: &str) {
    if let Some(metadata) = shown(BuildMetadata::read(FILE.as_ref(), text)) {
        for api in PlatformApi::supported() {
            let written = metadata.to_toml(api);
            let read = BuildMetadata::read(FILE.as_ref(), &written).expect("what was written is read");
            assert_eq!(read.to_toml(api), written);
        }
    }
}

fn project(text: &str) {
    told(Descriptor::read(&SourceFile::new("project.toml", text)));
}

fn project_metadata(text: &str) {
    if let Some(label) = read::<ProjectMetadata>(text).and_then(|metadata| metadata.to_label().ok()) {
        go_json::to_string(&label).expect("a label is JSON");
    }
}

fn run(text: &str) {
    read::<Stack>(text);
    if let Some(run) = read::<Run>(text) {
        for image in &run.images {
            assert!(image.contains(&image.image));
        }
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    shown(document::read(FILE.as_ref(), text))
}

fn to_toml<T: Serialize>(document: &T) -> String {
    go_toml::to_string(document).expect("what was read as TOML can be written as TOML")
}

/// What was read and written reads as the same, and is then written as the same.
fn rewritten<T: Serialize + Debug>(text: &str, read: Read<T>, write: fn(&T) -> String) {
    let Some(first) = shown(read(FILE.as_ref(), text)) else { return };
    let written = write(&first);
    let second = read(FILE.as_ref(), &written)
        .unwrap_or_else(|error| panic!("what was written is not read: {error}\n{written}"));
    assert_same(&second, &first, &written);
    assert_eq!(write(&second), written);
}

/// Compares what the library `toml` makes of both, which is not under test here.
fn assert_same<T: Serialize>(found: &T, expected: &T, written: &str) {
    let value = |value: &T| toml::to_string(value).ok()?.parse().ok().map(Value::Table).map(normal);
    let (found, expected) = (value(found), value(expected));
    assert!(format!("{found:?}") == format!("{expected:?}"), "{found:?}\nis not\n{expected:?}\n{written}");
}

/// Times at no distance from UTC have several forms, as have times of a full minute, and numbers that are none.
fn normal(value: Value) -> Value {
    match value {
        Value::Datetime(mut time) => {
            if let Some(Offset::Custom { minutes: 0 }) = time.offset {
                time.offset = Some(Offset::Z);
            }
            if let Some(time) = &mut time.time {
                time.second.get_or_insert(0);
            }
            Value::Datetime(time)
        }
        Value::Float(number) if number.is_nan() => Value::Float(f64::NAN),
        Value::Array(values) => Value::Array(values.into_iter().map(normal).collect()),
        Value::Table(table) => {
            Value::Table(table.into_iter().map(|(key, value)| (key, normal(value))).collect())
        }
        other => other,
    }
}

/// Whatever is wrong can be said, with the lines that it is about.
fn shown<T>(result: Result<T, InvalidDocument>) -> Option<T> {
    let error = match result {
        Ok(document) => return Some(document),
        Err(error) => error,
    };
    assert!(!error.to_string().is_empty());
    assert!(!error.diagnostic().render(false).is_empty());
    None
}

fn told<T>(result: Result<(T, Diagnostics), Diagnostics>) -> Option<T> {
    let (document, diagnostics) = match result {
        Ok((document, warnings)) => (Some(document), warnings),
        Err(diagnostics) => (None, diagnostics),
    };
    // Showing them takes longer than finding them.
    for diagnostic in diagnostics.iter().take(2) {
        assert!(!diagnostic.to_string().is_empty());
        assert!(!diagnostic.render(true).is_empty());
    }
    document
}
