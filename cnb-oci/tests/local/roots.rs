//! Root file systems that nobody uses any more.

use std::fs;
use std::path::Path;

use cnb_core::backend::Backend as _;
use cnb_core::backend::Entry;
use cnb_core::backend::File;
use cnb_core::backend::Image;
use cnb_core::backend::ImageRequest;
use cnb_core::backend::User;
use cnb_oci::local::LocalBackend;
use cnb_oci::local::roots;
use futures_lite::future::block_on;

use crate::image;
use crate::mode::Inside;

/// With `single`, its files belong to the one user that there is.
const SOMEBODY: User = User::new(1001, 1002);

pub(crate) fn a_root_stays_as_long_as_somebody_uses_it(inside: &Inside) {
    let (layout, state) = (inside.own().join("layout"), inside.own().join("state"));
    let private = File::directory("/private").with_owner(SOMEBODY).with_mode(0o700);
    let files = [private, File::regular("/private/file", "12345").with_owner(SOMEBODY).with_mode(0o600)];
    image::make_of(&layout, &files);
    let (backend, other) = (inside.backend(), inside.backend());
    let (found, same) = (resolve(&backend, &layout), resolve(&other, &layout));
    assert_eq!(roots::list(&state).expect("readable"), [], "nothing needed it");
    assert_eq!(names(&backend, &found), ["private"]);
    let [root] = &roots::list(&state).expect("readable")[..] else { panic!("there is one") };
    assert_eq!((root.mode.as_str(), root.bytes), (inside.mode_name(), 5));
    assert!(!root.remove().expect("no error"), "an image of a backend uses it");

    // A tree is enough, and one of two users.
    let tree = found.root.clone();
    drop(found);
    assert!(!root.remove().expect("no error"), "a tree uses it");
    assert_eq!(names(&other, &same), ["private"]);
    drop((tree, backend));
    assert!(!root.remove().expect("no error"), "another backend uses it");
    drop(same);
    assert!(root.remove().expect("no error"), "nobody uses it");
    let left = fs::read_dir(state.join(inside.mode_name()).join("roots")).expect("a directory").count();
    assert_eq!(left, 0, "files of everybody are gone");

    let again = resolve(&other, &layout);
    assert_eq!(names(&other, &again), ["private"]);
}

fn resolve(backend: &LocalBackend, layout: &Path) -> Image {
    let name = format!("oci:{}", layout.display()).parse().expect("a transport and a path");
    block_on(backend.resolve(ImageRequest::new(name))).expect("it was made")
}

fn names(backend: &LocalBackend, image: &Image) -> Vec<String> {
    let entries: Vec<Entry> = block_on(backend.list(&image.root, "/")).expect("it is whole");
    entries.into_iter().map(|entry| entry.name).collect()
}
