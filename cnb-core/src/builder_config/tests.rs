use super::*;

const IMAGES: &str = "build.image = 'b'\nrun.images = [{ image = 'r' }]\n";
const ORDER: &str = "[[order]]\n[[order.group]]\nid = 'a'\n";

fn diagnostics(text: &str) -> Vec<String> {
    let diagnostics = match BuilderConfig::read(&SourceFile::new("builder.toml", text)) {
        Ok((_, diagnostics)) | Err(diagnostics) => diagnostics,
    };
    let line = |d: &Diagnostic| {
        let position = d.position().expect("it has a place");
        format!("{}[{}] {position} {}", d.severity, d.code, d.message)
    };
    diagnostics.iter().map(line).collect()
}

#[test]
fn a_configuration_is_read_in_full() {
    let text = "
description = 'For Python'
[[buildpacks]]
id = 'example/pip'
version = '1.0'
uri = 'buildpacks/pip'
[[buildpacks]]
image = 'docker://example.com/node'
[[extensions]]
uri = 'extensions/curl'
[[order]]
[[order.group]]
id = 'example/pip'
version = '1.0'
[[order.group]]
id = 'example/procfile'
optional = true
[[order]]
group = [{ id = 'example/node' }]
[[order-extensions]]
[[order-extensions.group]]
id = 'example/curl'
[[system.pre.buildpacks]]
id = 'example/first'
version = '1'
[build]
image = 'oci:base:build'
[[build.env]]
name = 'PATH'
value = '/opt/bin'
suffix = 'prepend'
delim = ':'
exec-env = ['test']
[[run.images]]
image = 'oci:base:run'
mirrors = ['oci:mirror:run']
[lifecycle]
uri = 'lifecycle.tgz'
[[targets]]
os = 'linux'
arch = 'arm64'
variant = 'v8'
distros = [{ name = 'debian', version = '12' }]
";
    let (config, warnings) = BuilderConfig::read(&SourceFile::new("builder.toml", text)).expect("valid");
    assert_eq!(warnings.to_string(), "");
    assert_eq!(config.description.as_deref(), Some("For Python"));
    assert_eq!(config.buildpacks[0].id.as_ref().expect("an ID").value.as_str(), "example/pip");
    assert_eq!(config.buildpacks[0].version.as_ref().expect("a version").value, "1.0");
    assert_eq!(config.buildpacks[0].source, ModuleSource::Uri("buildpacks/pip".to_owned()));
    assert_eq!(config.buildpacks[1].source, ModuleSource::Image("docker://example.com/node".to_owned()));
    assert_eq!(config.extensions.len(), 1);
    let order = config.to_order();
    assert_eq!(order.order[0].group[0].to_string(), "example/pip@1.0");
    assert!(order.order[0].group[1].optional);
    assert_eq!(order.order[1].group[0].id.as_str(), "example/node");
    assert!(order.order_extensions[0].group[0].optional);
    assert_eq!((config.system_pre.len(), config.system_post.len()), (1, 0));
    assert_eq!(config.build_image.value, "oci:base:build");
    let files = [("PATH.prepend", "/opt/bin"), ("PATH.delim", ":")];
    assert_eq!(config.build_env[0].files(), files.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(config.build_env[0].exec_env, ["test"]);
    assert_eq!(config.run_images[0].image.value, "oci:base:run");
    assert_eq!(config.run_images[0].mirrors, ["oci:mirror:run"]);
    assert!(matches!(config.lifecycle, Some(Lifecycle::Uri(ref uri)) if uri.value == "lifecycle.tgz"));
    assert_eq!(config.targets[0].value.arch_variant, "v8");
    assert_eq!(config.targets[0].value.distros[0].name, "debian");
    let error = config.error_at(config.buildpacks[0].span, "no-buildpack", "not there");
    assert_eq!(error.to_string(), "builder.toml:6:7: not there");
}

#[test]
fn the_older_form_is_read() {
    let text = format!(
        "[stack]\nid = 'example'\nbuild-image = 'b'\nrun-image = 'r'\nrun-image-mirrors = ['m']\n{ORDER}"
    );
    let (config, warnings) = BuilderConfig::read(&SourceFile::new("builder.toml", text)).expect("valid");
    assert!(warnings.is_empty());
    assert_eq!(config.stack_id.as_deref(), Some("example"));
    assert_eq!(config.build_image.value, "b");
    assert_eq!((config.run_images[0].image.value.as_str(), &*config.run_images[0].mirrors[0]), ("r", "m"));
}

#[test]
fn rules_of_images_and_the_whole() {
    let table: &[(&str, &[&str])] = &[
        (
            "",
            &[
                "error[no-build-image] 1:1 `build.image` is required",
                "error[no-run-image] 1:1 `[[run.images]]` is required",
                "warning[empty-order] 1:1 without `[[order]]` a builder detects nothing",
            ],
        ),
        (
            "stack = { build-image = 'x', run-image = 'y' }\nbuild.image = 'b'\nrun.images = [{ image = 'r' }]\norder = [{}]\n",
            &[
                "error[two-images] 1:25 `build.image` and `stack.build-image` are not the same image",
                "error[two-images] 1:42 `run.images` and `stack.run-image` are not the same image",
            ],
        ),
        (
            "build.image = 'b'\nrun.images = [{ mirrors = [] }]\norder = [{}]\n",
            &["error[no-image] 2:15 an entry of `run.images` must have `image`"],
        ),
    ];
    for (text, expected) in table {
        assert_eq!(diagnostics(text), *expected, "{text}");
    }
}

/// Texts from line 6 on.
#[test]
fn rules_of_entries() {
    let table: &[(&str, &[&str])] = &[
        (
            "[[buildpacks]]\nid = 'a'\n",
            &["error[no-uri-or-image] 6:1 an entry of `buildpacks` must have `uri` or `image`"],
        ),
        (
            "[[buildpacks]]\nuri = 'a'\nimage = 'b'\n",
            &["error[uri-and-image] 8:9 `uri` and `image` cannot be used together"],
        ),
        (
            "[[buildpacks]]\nuri = 'a'\nverison = '1'\n",
            &["error[unknown-key] 8:1 unknown key `buildpacks.verison`"],
        ),
        (
            "[[order]]\n[[order.group]]\nversion = '1'\n",
            &["error[no-id] 7:1 an entry of `order.group` must have `id`"],
        ),
        (
            "[[order]]\n[[order.group]]\nid = '..'\n",
            &["error[invalid-id] 8:6 `..` is not an ID of a buildpack or an extension"],
        ),
        (
            "[lifecycle]\nuri = 'a'\nversion = '1'\n",
            &["error[uri-and-version] 8:11 `lifecycle.uri` and `lifecycle.version` cannot be used together"],
        ),
        (
            "[[build.env]]\nname = 'A'\nvalue = 'b'\nsuffix = 'append'\n",
            &["error[no-delim] 9:10 `append` and `prepend` need `delim`"],
        ),
        (
            "[[build.env]]\nname = 'A'\nvalue = 'b'\nsuffix = 'after'\n",
            &["error[unknown-suffix] 9:10 unknown suffix `after`"],
        ),
        ("[[build.env]]\nvalue = 'b'\n", &["error[no-name] 6:1 a variable must have `name`"]),
        (
            "[[build.env]]\nname = 'A.b'\n",
            &["error[invalid-name] 7:8 `A.b` cannot be the name of a variable"],
        ),
        (
            "[[build.env]]\nname = 'A b'\n",
            &["error[invalid-name] 7:8 `A b` cannot be the name of a variable"],
        ),
        (
            "[[build.env]]\nname = 'A'\nvalue = ''\n[[build.env]]\nname = 'A'\nvalue = 'x'\n",
            &[
                "warning[no-value] 7:8 `A` is empty",
                "warning[repeated-env] 10:8 `A` is written twice; the last one holds",
            ],
        ),
    ];
    for (text, expected) in table {
        assert_eq!(diagnostics(&format!("{IMAGES}{ORDER}{text}")), *expected, "{text}");
    }
}
