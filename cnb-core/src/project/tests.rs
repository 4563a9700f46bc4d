use super::*;

fn read(text: &str) -> Result<(Descriptor, Diagnostics), Diagnostics> {
    Descriptor::read(&SourceFile::new("project.toml", text))
}

/// Every diagnostic of a text as `severity[code] line:column message`.
fn diagnostics(text: &str) -> Vec<String> {
    let diagnostics = match read(text) {
        Ok((_, diagnostics)) | Err(diagnostics) => diagnostics,
    };
    let line = |d: &Diagnostic| {
        let position = d.position().expect("it has a place");
        format!("{}[{}] {position} {}", d.severity, d.code, d.message)
    };
    diagnostics.iter().map(line).collect()
}

/// Texts of 0.2 that follow `[_]` and the version, so that they start at line 3.
fn check_0_2(table: &[(&str, &[&str])]) {
    for (text, expected) in table {
        assert_eq!(diagnostics(&format!("[_]\nschema-version = '0.2'\n{text}")), *expected, "{text}");
    }
}

#[test]
fn a_descriptor_of_0_2_is_read_in_full() {
    let text = "
[_]
schema-version = '0.2'
id = 'com.example.app'
name = 'App'
version = '1'
authors = ['A', 'B']
documentation-url = 'https://example.com/doc'
source-url = 'https://example.com/source'
[[_.licenses]]
type = 'MIT'
[_.metadata]
a = { b = [1, 2.5, true, 1979-05-27] }
[com.example]
anything = 'goes'
[io.buildpacks]
builder = 'oci:builder'
exclude = ['/doc/', '*.md']
[[io.buildpacks.group]]
id = 'example/one'
version = '1.0'
[[io.buildpacks.group]]
uri = '../two'
[[io.buildpacks.group]]
id = 'example/three'
[io.buildpacks.group.script]
api = '0.10'
inline = 'echo three'
[[io.buildpacks.pre.group]]
id = 'example/pre'
version = '1'
[[io.buildpacks.post.group]]
id = 'example/post'
version = '1'
[[io.buildpacks.build.env]]
name = 'A'
value = ''
";
    let (descriptor, warnings) = read(text).expect("a descriptor");
    assert_eq!(warnings.to_string(), "");
    assert_eq!(descriptor.schema, Schema::V0_2);
    assert_eq!(descriptor.id.as_deref(), Some("com.example.app"));
    assert_eq!(descriptor.name.as_deref(), Some("App"));
    assert_eq!(descriptor.version.as_deref(), Some("1"));
    assert_eq!(descriptor.authors, ["A", "B"]);
    assert_eq!(descriptor.documentation_url.as_deref(), Some("https://example.com/doc"));
    assert_eq!(descriptor.source_url.as_deref(), Some("https://example.com/source"));
    assert_eq!(descriptor.licenses, [License { r#type: Some("MIT".to_owned()), uri: None }]);
    assert_eq!(descriptor.metadata["a"]["b"][1].as_float(), Some(2.5));
    assert_eq!(descriptor.builder.expect("a builder").value, "oci:builder");
    let Files::Exclude(patterns) = descriptor.files else { panic!("exclude") };
    assert_eq!(patterns.iter().map(|pattern| &pattern.value).collect::<Vec<_>>(), ["/doc/", "*.md"]);
    let id = |id: &str, version: &str| BuildpackSource::Id {
        id: id.parse().expect("an ID"),
        version: Some(version.to_owned()),
    };
    assert_eq!(descriptor.group[0].buildpack, id("example/one", "1.0"));
    assert_eq!(descriptor.group[1].buildpack, BuildpackSource::Uri("../two".to_owned()));
    let BuildpackSource::Inline { script, version: None, .. } = &descriptor.group[2].buildpack else {
        panic!("a script")
    };
    assert_eq!((script.shell.as_str(), script.inline.as_str()), ("/bin/sh", "echo three"));
    assert_eq!(script.api.to_string(), "0.10");
    assert_eq!(descriptor.pre[0].buildpack, id("example/pre", "1"));
    assert_eq!(descriptor.post[0].buildpack, id("example/post", "1"));
    assert_eq!((descriptor.env[0].name.as_str(), descriptor.env[0].value.as_str()), ("A", ""));
}

#[test]
fn a_descriptor_of_0_1_is_read_in_full() {
    let text = "
[project]
id = 'app'
[build]
include = ['src/']
[[build.buildpacks]]
id = 'example/one'
version = '1.0'
[[build.buildpacks]]
uri = 'two'
[[build.env]]
name = 'A'
value = 'b'
[metadata]
x = 1
[vendor]
y = 2
[[vendors]]
";
    let (descriptor, warnings) = read(text).expect("a descriptor");
    assert_eq!(warnings.to_string(), "project.toml:1:1: no schema version, so this is read as schema 0.1");
    assert_eq!(descriptor.schema, Schema::V0_1);
    assert_eq!(descriptor.id.as_deref(), Some("app"));
    assert!(matches!(descriptor.files, Files::Include(patterns) if patterns[0].value == "src/"));
    assert_eq!(descriptor.group.len(), 2);
    assert_eq!(descriptor.env[0].value, "b");
    assert_eq!(descriptor.metadata["x"].as_integer(), Some(1));
    let said = read("[_]\nschema-version = '0.1'\n").expect("a descriptor");
    assert_eq!((said.0.schema, said.1.is_empty()), (Schema::V0_1, true));
}

#[test]
fn only_0_3_has_execution_environments() {
    let text = |schema: &str| {
        format!(
            "[_]\nschema-version = '{schema}'\n[[io.buildpacks.group]]\nid = 'a'\nversion = '1'\nexec-env = ['test']\n\
             [[io.buildpacks.build.env]]\nname = 'A'\nvalue = 'b'\nexec-env = ['test']\n"
        )
    };
    let (descriptor, warnings) = read(&text("0.3")).expect("a descriptor");
    assert!(warnings.is_empty());
    assert_eq!(descriptor.group[0].exec_env, ["test"]);
    assert_eq!(descriptor.env[0].exec_env, ["test"]);
    assert_eq!(
        diagnostics(&text("0.2")),
        [
            "warning[unknown-key] 6:1 unknown key `io.buildpacks.group.exec-env`",
            "warning[unknown-key] 10:1 unknown key `io.buildpacks.build.env.exec-env`",
        ]
    );
}

#[test]
fn the_schema_version_decides() {
    let table: &[(&str, &[&str])] = &[
        (
            "[_]\nschema-version = '0.9'\n",
            &["error[unknown-schema-version] 2:18 unknown schema version `0.9`"],
        ),
        ("[_]\nschema-version = 0.2\n", &["error[wrong-type] 2:18 `_.schema-version` must be a string"]),
        (
            "_.schema-version = 'v0.2'\n",
            &["error[unknown-schema-version] 1:20 unknown schema version `v0.2`"],
        ),
        (
            "[_]\nid = 'a'\n",
            &[
                "warning[no-schema-version] 1:1 no schema version, so this is read as schema 0.1",
                "warning[unknown-key] 2:1 unknown key `_.id`",
            ],
        ),
        (
            "[a]\n[_]\nschema-version = ''\n",
            &["warning[no-schema-version] 2:1 no schema version, so this is read as schema 0.1"],
        ),
        (
            "_ = 1\n",
            &[
                "warning[no-schema-version] 1:1 no schema version, so this is read as schema 0.1",
                "error[wrong-type] 1:5 `_` must be a table",
            ],
        ),
        ("", &["warning[no-schema-version] 1:1 no schema version, so this is read as schema 0.1"]),
    ];
    for (text, expected) in table {
        assert_eq!(diagnostics(text), *expected, "{text}");
    }
}

#[test]
fn rules_of_0_2() {
    check_0_2(&[
        (
            "[io.buildpacks]\ninclude = []\nexclude = ['b']\n",
            &[
                "warning[empty-list] 4:11 an empty list takes every file",
                "error[include-and-exclude] 5:1 `include` and `exclude` cannot be used together",
            ],
        ),
        (
            "[io.buildpacks]\nexclude = ['[a']\n",
            &["warning[invalid-pattern] 4:12 `[a` is not a pattern that can be used: it matches nothing"],
        ),
        (
            "[io.buildpacks]\nexclude = ['[[:digt:]]', '[é]']\n",
            &[
                "warning[invalid-pattern] 4:12 `[[:digt:]]` is not a pattern that can be used: it matches nothing",
                "warning[invalid-pattern] 4:26 `[é]` is not a pattern that can be used: it matches nothing",
            ],
        ),
        (
            "[[_.licenses]]\nurl = 'x'\n",
            &[
                "error[empty-license] 3:1 a license must have `type` or `uri`",
                "warning[unknown-key] 4:1 unknown key `_.licenses.url`",
            ],
        ),
        (
            "[io.buildpacks.env]\n[[io.buildpacks.env.build]]\nname = 'A'\nvalue = 'b'\n",
            &["warning[old-env] 4:21 `io.buildpacks.env.build` should be `io.buildpacks.build.env`"],
        ),
        (
            "[[io.buildpacks.env.build]]\nname = 'A'\nvalue = 'b'\n[[io.buildpacks.build.env]]\nname = 'A'\nvalue = 'c'\n",
            &["warning[old-env] 3:21 `io.buildpacks.env.build` is ignored next to `io.buildpacks.build.env`"],
        ),
        ("[[io.buildpacks.build.env]]\nvalue = 'b'\n", &["error[no-name] 3:1 a variable must have `name`"]),
        (
            "[[io.buildpacks.build.env]]\nname = 'A=B'\nvalue = 'b'\n",
            &["error[invalid-name] 4:8 `A=B` cannot be the name of a variable"],
        ),
        (
            "[[io.buildpacks.build.env]]\nname = 'A B'\nvalue = 'b'\n",
            &["error[invalid-name] 4:8 `A B` cannot be the name of a variable"],
        ),
        (
            "[[io.buildpacks.build.env]]\nname = 'A'\n",
            &["warning[no-value] 3:1 without `value`, the variable is empty"],
        ),
        (
            "[io.buildpacks]\nschema-version = '0.1'\n",
            &["warning[two-schema-versions] 4:18 `io.buildpacks.*` is read as schema 0.2, as `[_]` says"],
        ),
        (
            "[project]\nid = 'x'\n",
            &["warning[earlier-schema] 3:2 `project` is ignored: in schema 0.2 it is `_`"],
        ),
        ("[io.buildpack]\nbuilder = 'x'\n", &["warning[unknown-key] 3:5 unknown key `io.buildpack`"]),
        ("[io.example]\nbuilder = 'x'\n", &[]),
        (
            "[io.buildpacks.group]\nid = 'x'\n",
            &["error[wrong-type] 3:1 `io.buildpacks.group` must be an array of tables"],
        ),
        (
            "[io]\nbuildpacks = { builder = 'b', }\n",
            &[
                "warning[toml-1.1] 4:29 a comma at the end of an inline table needs TOML 1.1, which other tools may not read",
            ],
        ),
    ]);
    assert_eq!(
        diagnostics("builder = 'x'\n[_]\nschema-version = '0.2'\n"),
        ["warning[unknown-key] 1:1 unknown key `builder`"]
    );
}

#[test]
fn rules_of_a_buildpack_in_0_2() {
    check_0_2(&[
        ("[[io.buildpacks.group]]\n", &["error[no-id-or-uri] 3:1 a buildpack must have `id` or `uri`"]),
        (
            "[[io.buildpacks.pre.group]]\nversion = '1'\n",
            &["error[no-id-or-uri] 3:1 a buildpack must have `id` or `uri`"],
        ),
        (
            "[[io.buildpacks.group]]\nid = 'é'\n",
            &["warning[no-version] 4:6 without `version`, any version that the builder has is used"],
        ),
        (
            "[[io.buildpacks.group]]\nid = '.'\nversion = '1'\n",
            &["error[invalid-id] 4:6 `.` is not an ID of a buildpack or an extension"],
        ),
        (
            "[[io.buildpacks.group]]\nuri = 'x'\nversion = '1'\n",
            &["error[uri-and-version] 5:11 `version` cannot be used together with `uri`"],
        ),
        (
            "[[io.buildpacks.post.group]]\nuri = 'x'\nversion = '1'\n",
            &["warning[uri-and-version] 5:11 `version` is ignored next to `uri`"],
        ),
        ("[[io.buildpacks.group]]\nuri = 'x'\nid = 'a'\n", &[]),
        (
            "[[io.buildpacks.group]]\nuri = 'x'\n[io.buildpacks.group.script]\napi = '0.10'\ninline = 'x'\n",
            &["warning[uri-and-script] 5:22 `script` is ignored next to `uri`"],
        ),
        (
            "[[io.buildpacks.group]]\nid = 'a'\nversion = '1'\nscript = { api = '0.10', inline = 'x' }\n",
            &["warning[version-and-script] 5:11 `version` next to `script` is the version of the script"],
        ),
        (
            "[[io.buildpacks.group]]\nid = 'a'\n[io.buildpacks.group.script]\nshel = '/bin/sh'\n",
            &[
                "error[incomplete-script] 5:1 a script must have `api`",
                "error[incomplete-script] 5:1 a script must have `inline`",
                "warning[unknown-key] 6:1 unknown key `io.buildpacks.group.script.shel`",
            ],
        ),
        (
            "[[io.buildpacks.group]]\nid = 'a'\nscript = { api = 'x', inline = 'x' }\n",
            &["error[invalid-api] 5:18 could not parse `x` as an API version"],
        ),
    ]);
}

#[test]
fn rules_of_0_1() {
    let table: &[(&str, &[&str])] = &[
        (
            "[[build.buildpacks]]\nid = 'a'\nuri = 'x'\n",
            &["warning[uri-and-id] 4:6 `id` is ignored next to `uri`"],
        ),
        (
            "[[build.buildpacks]]\nuri = 'x'\nversion = '1'\n",
            &["error[uri-and-version] 5:11 `version` cannot be used together with `uri`"],
        ),
        (
            "[[build.buildpacks]]\nid = 'a'\nscript = { api = '0.10', inline = 'x' }\n",
            &["warning[script-in-0.1] 5:1 `script` is not part of schema 0.1"],
        ),
        ("[build]\nbuilder = 'x'\n", &["warning[later-key] 4:1 `build.builder` is not part of schema 0.1"]),
        (
            "[[build.pre.group]]\nuri = 'x'\n",
            &["warning[later-key] 3:9 `build.pre` is not part of schema 0.1"],
        ),
        ("[build]\nexcldue = ['x']\n", &["warning[unknown-key] 4:1 unknown key `build.excldue`"]),
        (
            "[io.buildpacks]\nbuilder = 'x'\n",
            &["warning[later-schema] 3:5 `io.buildpacks` is ignored: it is not part of schema 0.1"],
        ),
    ];
    for (text, expected) in table {
        assert_eq!(diagnostics(&format!("[_]\nschema-version = '0.1'\n{text}")), *expected, "{text}");
    }
}

#[test]
fn a_text_without_version_has_the_schema_that_is_given() {
    let source = SourceFile::new("project.toml", "[io.buildpacks]\nbuilder = 'b'\n");
    let (descriptor, warnings) = Descriptor::read_as(&source, Some(Schema::V0_3)).expect("valid");
    assert_eq!((descriptor.schema, warnings.is_empty()), (Schema::V0_3, true), "{warnings}");
    let source = SourceFile::new("project.toml", "[_]\nschema-version = '0.2'\n");
    let (descriptor, _) = Descriptor::read_as(&source, Some(Schema::V0_3)).expect("valid");
    assert_eq!(descriptor.schema, Schema::V0_2);
    assert_eq!(Schema::named("0.3"), Some(Schema::V0_3));
    assert_eq!(Schema::named("0.4"), None);
}

#[test]
fn variables_are_those_of_an_execution_environment() {
    let entry = |name: &str, exec_env: &str| {
        format!("[[io.buildpacks.build.env]]\nname = '{name}'\nvalue = '1'\nexec-env = [{exec_env}]\n")
    };
    let text = ["[_]\nschema-version = '0.3'\n", &entry("A", "'test'"), &entry("B", ""), &entry("C", "'*'")];
    let (descriptor, _) = read(&text.concat()).expect("a descriptor");
    let names = |exec_env| descriptor.env_for(exec_env).map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names("production"), ["B", "C"]);
    assert_eq!(names("test"), ["A", "B", "C"]);
}

#[test]
fn bindings_are_made_of_the_ids_of_secrets() {
    let header = "[_]\nschema-version = '0.2'\n[[io.buildpacks.build.bindings]]\n";
    let text = format!("{header}name = 'db'\ntype = 't'\nprovider = 'p'\nsecrets = {{ b = '2', a = '1' }}\n");
    let (descriptor, warnings) = read(&text).expect("a descriptor");
    assert!(warnings.is_empty(), "{warnings}");
    let binding = &descriptor.bindings[0].binding;
    assert_eq!((binding.name.as_str(), binding.r#type.as_str()), ("db", "t"));
    assert_eq!(binding.provider.as_deref(), Some("p"));
    assert_eq!(binding.secrets.values().collect::<Vec<_>>(), ["1", "2"]);
    let table: &[(&str, &[&str])] = &[
        (
            "type = 't'\n",
            &[
                "error[invalid-binding] 3:1 `` is not the name of a binding: it must be that of a directory, not hidden and without `/`",
            ],
        ),
        (
            "name = 'db'\n",
            &["error[invalid-binding] 4:8 the binding `db` has no type, which says what it is for"],
        ),
        (
            "name = 'db'\ntype = 't'\nsecrets = { a = 1 }\n",
            &["error[wrong-type] 6:17 `io.buildpacks.build.bindings.secrets.a` must be a string"],
        ),
        (
            "name = 'db'\ntype = 't'\nkind = 'x'\n",
            &["warning[unknown-key] 6:1 unknown key `io.buildpacks.build.bindings.kind`"],
        ),
    ];
    for (text, expected) in table {
        assert_eq!(diagnostics(&format!("{header}{text}")), *expected, "{text}");
    }
}

#[test]
fn the_scope_of_the_cache_is_one_of_three() {
    let read = |scope: &str| {
        let text = format!("[_]\nschema-version = '0.2'\n[io.buildpacks.cache]\nscope = '{scope}'\n");
        read(&text).expect("a descriptor").0.cache_scope.map(|scope| scope.value)
    };
    let scopes = ["project", "namespace", "machine", ""].map(read);
    let expected = [CacheScope::Project, CacheScope::Namespace, CacheScope::Machine].map(Some);
    assert_eq!(scopes[..3], expected);
    assert_eq!(scopes[3], None, "an empty text is as good as none");
    check_0_2(&[
        (
            "[io.buildpacks.cache]\nscope = 'world'\n",
            &[
                "error[invalid-scope] 4:9 `world` is not the scope of a cache: it can be `project`, `namespace` or `machine`",
            ],
        ),
        (
            "[io.buildpacks.cache]\nscope = 1\n",
            &["error[wrong-type] 4:9 `io.buildpacks.cache.scope` must be a string"],
        ),
        (
            "[io.buildpacks]\ncache = 'machine'\n",
            &["error[wrong-type] 4:9 `io.buildpacks.cache` must be a table"],
        ),
        (
            "[io.buildpacks.cache]\nscop = 'machine'\n",
            &["warning[unknown-key] 4:1 unknown key `io.buildpacks.cache.scop`"],
        ),
    ]);
}

#[test]
fn errors_about_an_entry_can_be_made_later() {
    let text = "[_]\nschema-version = '0.2'\n[[io.buildpacks.group]]\nuri = './bad'\n";
    let (descriptor, _) = read(text).expect("a descriptor");
    let error =
        descriptor.error_at(descriptor.group[0].span, "no-buildpack", "there is no buildpack in ./bad");
    assert_eq!(error.to_string(), "project.toml:4:7: there is no buildpack in ./bad");
}

#[cfg(feature = "render")]
#[test]
fn diagnostics_look_like_those_of_rustc() {
    let render = |text: &str| read(text).map_or_else(|d| d.render(false), |(_, d)| d.render(false));
    let text = "[_]\nschema-version = '0.2'\n[io.buildpacks]\ninclude = ['a']\nexclude = ['b']\n";
    let expected = "\
error[include-and-exclude]: `include` and `exclude` cannot be used together
 --> project.toml:5:1
  |
4 | include = ['a']
  | -------
5 | exclude = ['b']
  | ^^^^^^^";
    assert_eq!(render(text), expected);
    let text = "[_]\nschema-version = '0.2'\n[io.buildpacks]\nbuidler = 'b'\n";
    let expected = "\
warning[unknown-key]: unknown key `io.buildpacks.buidler`
 --> project.toml:4:1
  |
4 | buidler = 'b'
  | ^^^^^^^ ignored
  |
  = help: did you mean `builder`?";
    assert_eq!(render(text), expected);
    let text = "[_]\nschema-version = \"2\"\n";
    let expected = "\
error[unknown-schema-version]: unknown schema version `2`
 --> project.toml:2:18
  |
2 | schema-version = \"2\"
  |                  ^^^
  |
  = help: known versions are `0.1`, `0.2`, `0.3`";
    assert_eq!(render(text), expected);
}
