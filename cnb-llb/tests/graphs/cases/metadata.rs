use cnb_llb::Annotate as _;
use cnb_llb::Build;
use cnb_llb::Diff;
use cnb_llb::FileOp;
use cnb_llb::Git;
use cnb_llb::Http;
use cnb_llb::ImageBlob;
use cnb_llb::Local;
use cnb_llb::MakeDir;
use cnb_llb::Merge;
use cnb_llb::OciLayout;
use cnb_llb::Passthrough;
use cnb_llb::ProgressGroup;
use cnb_llb::SourceFile;
use cnb_llb::State;

use super::Case;
use super::DIGEST_ONE;
use super::alpine;
use super::amd64;
use super::app;
use super::command;
use super::image;
use super::scratch;

pub(super) fn cases() -> Vec<Case> {
    let dir = |change: fn(FileOp) -> FileOp| scratch().file(change(MakeDir::new("/a", 0o755).into()));
    let group = || ProgressGroup::new("id", "name");
    let twice = [
        dir(|op| op.described("a", "1").described("b", "1").export_cache(true)),
        dir(|op| op.described("b", "2").ignore_cache().in_progress_group(ProgressGroup::new("i", "n"))),
    ];
    vec![
        ("name", dir(|op| op.named("[a] é"))),
        ("description", alpine().run(command().described("b", "").described("a", "1")).root()),
        ("ignore-cache", dir(FileOp::ignore_cache)),
        ("export-cache", dir(|op| op.export_cache(true))),
        ("no-export-cache", dir(|op| op.export_cache(false))),
        ("progress-group", scratch().file(op().in_progress_group(group()))),
        ("progress-group-weak", scratch().file(op().in_progress_group(group().weak()))),
        ("require", image("alpine").require("a==b").require("c").state()),
        ("require-exec", alpine().run(command().require("a==b")).root()),
        ("everywhere", everywhere()),
        ("same-vertex-twice", State::merge(&twice)),
    ]
    .into_iter()
    .chain(source_map_cases())
    .collect()
}

fn op() -> FileOp {
    MakeDir::new("/a", 0o755).into()
}

/// Each operation that no other case names has a name.
fn everywhere() -> State {
    let reference = format!("a@{DIGEST_ONE}");
    let states = [
        Http::new("https://example.com/").named("http").state(),
        Local::new("context").unique("unique").named("local").state(),
        Git::new("https://example.com/a").named("git").state(),
        OciLayout::new(&reference).platform(amd64()).named("oci").state(),
        ImageBlob::new(&reference).named("blob").state(),
        Build::new(&alpine()).platform(amd64()).named("build").state(),
        Passthrough::new("id").output(&app()).named("pass").states().remove(0),
    ];
    let merged = Merge::new(&states).named("merge").state();
    Diff::new(&merged, &scratch()).named("diff").state()
}

fn source_map_cases() -> Vec<Case> {
    let toml = SourceFile::new("project.toml", "[a]\nb = 1\n").with_language("TOML");
    let same = SourceFile::new("project.toml", "[a]\nb = 1\n").with_language("TOML");
    let docker = SourceFile::new("Dockerfile", "FROM a\n").with_language("Dockerfile").with_state(&app());
    let several = command().at(toml.line(1).and(toml.line(2))).at(docker.line(1)).at(same.line(2));
    let argument = |name: &str| cnb_llb::Exec::new([name]);
    let graph = alpine().run(argument("a").at(docker.line(1))).root();
    let graph = graph.run(argument("b").at(toml.line(1))).root();
    let graph = graph.run(argument("c").at(docker.line(1))).root();
    let twice = [scratch().file(op().at(toml.line(1))), scratch().file(op().at(toml.line(2)))];
    vec![
        ("source-map", alpine().run(command().at(toml.line(2))).root()),
        ("source-map-span", scratch().file(op().at(toml.span((1, 2), (2, 3))))),
        ("source-map-several", alpine().run(several).root()),
        ("source-map-graph", graph),
        ("source-map-twice", State::merge(&twice)),
    ]
}
