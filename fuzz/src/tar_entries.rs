//! Layers whose entries are chosen, as a [listing](crate::listing): links, whiteouts, odd names and owners.
//!
//! `$room` is the directory that the layers are for, `$outside` one that is out of bounds.

use std::path::Path;

use cnb_lifecycle::restore::check::check as check_layer;
use cnb_lifecycle::restore::extract::ExtractError;
use cnb_lifecycle::restore::extract::extract;
use cnb_oci::apply::Options;
use cnb_oci::apply::Owners;
use cnb_oci::apply::apply;

use crate::Input;
use crate::cage::Cage;
use crate::listing;

/// Applies the layers on top of each other, each alone, and as layers of a cache, those of others too.
pub fn check(data: &[u8]) -> Input {
    let Ok(text) = str::from_utf8(data) else { return Input::Ignored };
    let cage = Cage::new();
    let process = Options::new(Owners::Process);
    let mut input = Input::Ignored;
    for options in [process, Options::new(Owners::Layer { ids: 65536 }), Options::alone(Owners::Process)] {
        let room = cage.room();
        for layer in layers(text, &room, &cage) {
            let _ = apply(&room, "layer", layer.as_slice(), &options);
            input = Input::Used;
        }
    }
    let room = cage.room();
    for layer in layers(text, &room, &cage) {
        let _ = extract(layer.as_slice(), &room);
    }
    // What others wrote stays in an empty directory by itself, or is refused.
    for number in 0.. {
        let room = cage.room();
        let Some(layer) = layers(text, &room, &cage).into_iter().nth(number) else { break };
        if check_layer(layer.as_slice(), &room).is_ok()
            && let Err(error) = extract(layer.as_slice(), &room)
        {
            assert!(matches!(error, ExtractError::Write { .. }), "{error}");
        }
    }
    cage.close();
    input
}

fn layers(text: &str, room: &Path, cage: &Cage) -> Vec<Vec<u8>> {
    let path = |path: &Path| path.to_str().expect("temporary directories are UTF-8").to_owned();
    let text = text.replace("$outside", &path(&cage.outside())).replace("$room", &path(room));
    listing::read(&text).iter().map(|layer| listing::tar(layer)).collect()
}
