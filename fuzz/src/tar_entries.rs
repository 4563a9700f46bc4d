//! Layers whose entries are chosen, as a [listing](crate::listing): links, whiteouts, odd names and owners.

use cnb_lifecycle::restore::extract::extract;
use cnb_oci::apply::Options;
use cnb_oci::apply::Owners;
use cnb_oci::apply::apply;

use crate::Input;
use crate::cage::Cage;
use crate::listing;

/// Applies the layers on top of each other, each alone, and as layers of a cache.
pub fn check(data: &[u8]) -> Input {
    let Ok(text) = str::from_utf8(data) else { return Input::Ignored };
    let process = Options::new(Owners::Process);
    for options in [process, Options::new(Owners::Layer { ids: 65536 }), Options::alone(Owners::Process)] {
        if !in_cage(text, |cage, tar| drop(apply(&cage.inside(), "layer", tar, &options))) {
            return Input::Ignored;
        }
    }
    in_cage(text, |cage, tar| drop(extract(tar, &cage.inside())));
    Input::Used
}

/// Whether there is a layer.
fn in_cage(text: &str, read: impl Fn(&Cage, &[u8])) -> bool {
    let cage = Cage::new();
    let layers = listing::read(text, cage.outside().to_str().expect("temporary directories are UTF-8"));
    for layer in &layers {
        read(&cage, &listing::tar(layer));
    }
    cage.close();
    !layers.is_empty()
}
