//! `lifecycle detect-finish`.

use crate::build::Build;

#[test]
fn what_detection_left_besides_is_gone() {
    let build = Build::new();
    build.write(
        "layers/plan.toml",
        "[[entries]]\n[[entries.requires]]\nname = \"b\"\n[[entries]]\n[[entries.requires]]\nname = \"a\"\n",
    );
    build.write("layers/order.toml", "");
    build.run(&["detect-finish"]);
    let plan = build.read("layers/plan.toml");
    assert!(plan.find("\"a\"") < plan.find("\"b\""), "{plan}");
    assert!(build.exists("layers/group.toml") && build.exists("layers/sbom/launch"));
    assert!(!build.exists("layers/order.toml") && !build.exists("layers/example_a"));
}

#[test]
fn a_group_with_an_extension_is_refused_by_name() {
    let build = Build::new();
    let group = build.read("layers/group.toml");
    build.write(
        "layers/group.toml",
        &format!("{group}[[group-extensions]]\nid = 'x/tools'\nversion = '2'\napi = '0.10'\n"),
    );
    build.write("layers/plan.toml", "");
    let output = build.lifecycle(&["detect-finish"]);
    assert_eq!(output.status.code(), Some(102));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("failed to finish detection: the group that passed detection has x/tools@2"),
        "{said}"
    );
    assert!(build.exists("layers/example_a"), "nothing was touched");
}
