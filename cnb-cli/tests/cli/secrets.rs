//! Service bindings: for the buildpacks, and for nobody else.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::place::Place;
use crate::place::files;
use crate::place::run;

const SECRET: &str = "s3cr3t-0b7d8f2a61";

/// Reads the secret without having it in the application.
const READ: &str = r#"
case $(cat $CNB_PLATFORM_DIR/bindings/db/password) in
    s3cr3t-*) echo "user $(id -u) reads it" ;;
esac
mkdir -p $layers/dep
echo "public content" > $layers/dep/file
printf '[types]\ncache = true\nlaunch = true\n' > $layers/dep.toml
"#;

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn bindings_are_read_by_buildpacks_and_kept_nowhere() {
    let place = Place::new(READ);
    place.write("binding/type", "database");
    place.write("binding/password", SECRET);
    let mut build = place.build();
    let done = run(build.args(["--binding", "db=binding", "--output", "oci-archive:app.tar"]));
    done.expect(0).says("user 1000 reads it").does_not_say(SECRET);
    assert!(!done.stdout.contains(SECRET));
    for directory in ["out", "state"] {
        assert_eq!(with_text(&place.path(directory), SECRET), [""; 0]);
        assert_ne!(with_text(&place.path(directory), "public content"), [""; 0], "the search works");
    }
    assert!(!unpacked(&place.path("app.tar")).contains(SECRET));
    // Nor does what is not asked for come along: the next build has no binding.
    run(&mut place.build()).expect(0).does_not_say("reads it");
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_binding_must_be_a_directory_with_a_type() {
    let place = Place::new(READ);
    place.write("binding/password", SECRET);
    let done = run(place.build().args(["--binding", "db=binding"]));
    done.expect(3).says("the binding `db` has no type").does_not_say(SECRET);
    run(place.build().args(["--binding", "db=nowhere"])).expect(3).says("nowhere");
    run(place.build().args(["--binding", "db"])).expect(2).says("it must be NAME=DIR");
}

/// The files below a directory that have a text, decompressed where they are compressed.
fn with_text(directory: &Path, text: &str) -> Vec<String> {
    let found = files(directory).into_iter().filter(|path| unpacked(path).contains(text));
    found.map(|path| path.display().to_string()).collect()
}

fn unpacked(path: &Path) -> String {
    let bytes = fs::read(path).expect("a file");
    let mut inside = Vec::new();
    match bytes.as_slice() {
        [0x1f, 0x8b, ..] => drop(MultiGzDecoder::new(&*bytes).read_to_end(&mut inside).expect("gzip")),
        _ => inside = bytes,
    }
    String::from_utf8_lossy(&inside).into_owned()
}
