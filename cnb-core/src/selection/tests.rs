use std::path::PathBuf;

use super::*;
use crate::diagnostic::SourceFile;

fn element(id: &str) -> OrderElement {
    OrderElement { id: id.parse().expect("an ID"), version: "1".to_owned(), optional: false }
}

fn group(ids: &str) -> OrderGroup {
    OrderGroup { group: ids.split(' ').map(element).collect() }
}

fn select(flags: &[&str], text: &str, exec_env: &str) -> Result<(Selection, Diagnostics), Diagnostics> {
    let builder = [element("a"), element("b"), element("c")];
    let exists = |path: &Path| [Path::new("/project/local"), Path::new("/cwd/local")].contains(&path);
    let flag_context = Context { directory: Path::new("/cwd"), builder: &builder, exists: &exists };
    let context = Context { directory: Path::new("/project"), ..flag_context };
    let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    let text = format!("[_]\nschema-version = '0.3'\n{text}");
    let (descriptor, _) = Descriptor::read(&SourceFile::new("project.toml", text)).expect("valid");
    Selection::new(&flags, &flag_context, Some((&descriptor, &context)), exec_env)
}

/// Groups with `|` between them; what is at a path has the path as its ID.
fn order(selection: &Selection) -> String {
    let load = |path: &Path, _: &Choice| Ok::<_, ()>(element(&path.display().to_string()));
    let groups = selection.order(&[group("a b"), group("c")], load).expect("everything can be loaded");
    let ids = |group: &OrderGroup| group.group.iter().map(|e| e.id.to_string()).collect::<Vec<_>>().join(" ");
    groups.iter().map(ids).collect::<Vec<_>>().join(" | ")
}

const PRE_AND_POST: &str = "
[[io.buildpacks.pre.group]]
uri = 'local'
[[io.buildpacks.pre.group]]
id = 'x'
script = { api = '0.10', inline = 'true' }
[[io.buildpacks.post.group]]
id = 'c'
version = '1'
";

#[test]
fn flags_and_lists_replace_and_additions_add() {
    let local = "[[io.buildpacks.group]]\nuri = 'local'\n[[io.buildpacks.group]]\nid = 'b'\n";
    let builder = "[[io.buildpacks.group]]\nuri = 'local'\n[[io.buildpacks.group]]\nuri = 'from=builder'\n\
                   [[io.buildpacks.group]]\nid = 'a'\n";
    let table: &[(&[&str], &str, &str)] = &[
        (&[], "", "a b | c"),
        (&[], local, "/project/local b"),
        (&[], PRE_AND_POST, "/project/local x a b c | /project/local x c c"),
        (&[], builder, "/project/local a b a | /project/local c a"),
        (&["c", "local"], local, "c /cwd/local"),
        (&["from=builder"], local, "a b | c"),
        (&["c", "from=builder", "a"], "", "c a b a | c c a"),
    ];
    for (flags, text, expected) in table {
        let (selection, _) = select(flags, text, "production").expect("valid");
        assert_eq!(order(&selection), *expected, "{flags:?} {text}");
        assert_eq!(selection.is_empty(), flags.is_empty() && text.is_empty());
    }
}

#[test]
fn additions_to_an_order_that_is_replaced_are_not_silent() {
    let text = format!("{PRE_AND_POST}[[io.buildpacks.group]]\nid = 'a'\n");
    for (flags, text) in [(&[][..], text.as_str()), (&["a"], PRE_AND_POST)] {
        let (selection, warnings) = select(flags, text, "production").expect("valid");
        assert_eq!(order(&selection), "a");
        let expected = "\
project.toml:5:7: `pre` is not used: it adds to the builder's order, which is replaced
project.toml:10:6: `post` is not used: it adds to the builder's order, which is replaced";
        assert_eq!(warnings.to_string(), expected);
    }
}

#[test]
fn entries_for_another_environment_are_left_out() {
    let text = "[[io.buildpacks.group]]\nid = 'a'\nexec-env = ['test']\n[[io.buildpacks.group]]\nid = 'b'\n\
                [[io.buildpacks.group]]\nid = 'c'\nexec-env = ['*']\n";
    for (exec_env, expected) in [("production", "b c"), ("test", "a b c")] {
        let (selection, _) = select(&[], text, exec_env).expect("valid");
        assert_eq!(order(&selection), expected);
    }
}

#[test]
fn every_error_says_who_asked() {
    let text = "[[io.buildpacks.group]]\nid = 'nope'\n[[io.buildpacks.group]]\nuri = 'docker://x/y'\n\
                [[io.buildpacks.group]]\nid = 'a'\nversion = '7'\n";
    let expected = "\
project.toml:4:6: the builder has no buildpack `nope`
project.toml:6:7: `docker://x/y` is an image of a buildpack, which is not supported yet
project.toml:8:6: the builder has no buildpack `a@7`, but 1";
    assert_eq!(select(&[], text, "production").expect_err("nothing fits").to_string(), expected);
    let errors = select(&["nope", "from=builder", "from=builder"], "", "production").expect_err("not there");
    let expected = "\
`nope` is not a path that exists, and the builder has no such buildpack
buildpacks of the builder can only be asked for once";
    assert_eq!(errors.to_string(), expected);
}

#[test]
fn choices_say_why() {
    let (selection, _) = select(&["local", "a"], "", "production").expect("valid");
    let why: Vec<_> = selection.choices().map(|choice| (choice.rule, choice.origin.clone())).collect();
    let flag = |text: &str| Origin::Flag(text.to_owned());
    assert_eq!(why, [(Rule::ExistingPath, flag("local")), (Rule::BuilderId, flag("a"))]);
    assert_eq!(selection.group[0].locator, Locator::Path(PathBuf::from("/cwd/local")));
}
