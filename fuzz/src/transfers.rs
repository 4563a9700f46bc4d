//! Files that a `BuildKit` sends, and those that it asks for.
//!
//! The first line of an input is `receive` or `send`, the others are a [listing](crate::listing): of what comes, or up to an
//! empty line of what is there. Of what comes, files have the lines `data NUMBER TEXT`, the list ends with `end`.
//! Behind the empty line come `include PATTERN`, `exclude PATTERN` and `follow PATH`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Component;
use std::path::Path;

use cnb_llb::fuzz;
use cnb_llb::pb::fsutil::Packet;
use cnb_llb::pb::fsutil::Stat;
use cnb_llb::pb::fsutil::packet::PacketType;

use crate::Input;
use crate::cage::Cage;
use crate::choice;
use crate::choice::Check;
use crate::listing;
use crate::listing::Entry;

/// Takes or gives files.
pub fn check(data: &[u8]) -> Input {
    choice::run(&DIRECTIONS, data)
}

const DIRECTIONS: [(&str, Check); 2] = [("receive", receive), ("send", send)];

/// More would only be slow.
const MAX_LINES: usize = 64;

/// Modes of Go, for the kinds of a listing.
const KINDS: [(u8, u32); 5] =
    [(b'2', 1 << 27), (b'3', 1 << 26 | 1 << 21), (b'4', 1 << 26), (b'5', 1 << 31), (b'6', 1 << 25)];

fn receive(text: &str) {
    let cage = Cage::new();
    let room = cage.room();
    // Files come beside those that are there.
    fs::create_dir(room.join("there")).expect("a directory");
    fs::write(room.join("there/file"), "kept").expect("a file");
    symlink(cage.outside(), room.join("link")).expect("a link");
    let outside = cage.outside();
    let text = text.replace("$outside", outside.to_str().expect("temporary directories are UTF-8"));
    fuzz::receive(&room, text.lines().take(MAX_LINES).filter_map(packet)).expect("the directory is there");
    cage.close();
}

fn packet(line: &str) -> Option<Packet> {
    let of = |kind: PacketType| Packet { r#type: kind.into(), ..Packet::default() };
    if line == "end" {
        return Some(of(PacketType::PacketStat));
    }
    if let Some(data) = line.strip_prefix("data ") {
        let (number, text) = data.split_once(' ').unwrap_or((data, ""));
        let (id, data) = (number.parse().ok()?, text.as_bytes().to_vec());
        return Some(Packet { id, data, ..of(PacketType::PacketData) });
    }
    Entry::read(line).map(|entry| Packet { stat: Some(stat(&entry)), ..of(PacketType::PacketStat) })
}

fn stat(entry: &Entry) -> Stat {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let kind = KINDS.iter().find(|(kind, _)| *kind == entry.kind).map_or(0, |(_, mode)| *mode);
    Stat {
        path: text(&entry.path),
        linkname: text(&entry.target),
        mode: kind | entry.mode,
        mod_time: entry.record("mtime").and_then(|time| time.parse().ok()).unwrap_or(0),
        ..Stat::default()
    }
}

fn send(text: &str) {
    let (files, asked) = text.split_once("\n\n").unwrap_or((text, ""));
    let cage = Cage::new();
    let room = cage.room();
    let outside = cage.outside();
    let files = files.replace("$outside", outside.to_str().expect("temporary directories are UTF-8"));
    listing::read(&files).iter().flatten().for_each(|entry| make(&room, entry));
    let of = |word: &str| {
        let lines =
            asked.lines().take(MAX_LINES).filter_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
        lines.map(str::to_owned).collect::<Vec<String>>()
    };
    if let Ok(sent) = fuzz::send(&room, of("include"), &of("exclude"), &of("follow")) {
        let mut known: Vec<&str> = Vec::new();
        for stat in &sent {
            let path = Path::new(&stat.path);
            assert!(path.components().all(|part| matches!(part, Component::Normal(_))), "{}", stat.path);
            let above = stat.path.rsplit_once('/').map(|(above, _)| above);
            // What is in a directory comes behind it, so nothing is behind a link.
            assert!(above.is_none_or(|above| known.contains(&above)), "{} has no directory", stat.path);
            assert!(!known.contains(&stat.path.as_str()), "{} comes twice", stat.path);
            let is_directory = fs::symlink_metadata(room.join(path)).expect("it is there").is_dir();
            if is_directory {
                known.push(&stat.path);
            }
        }
    }
    cage.close();
}

/// Makes what can be made in a directory without leaving it.
fn make(room: &Path, entry: &Entry) {
    let Ok(path) = str::from_utf8(&entry.path) else { return };
    let parts: Vec<Component<'_>> = Path::new(path).components().collect();
    if parts.is_empty() || !parts.iter().all(|part| matches!(part, Component::Normal(_))) {
        return;
    }
    let path = room.join(path);
    let above = path.ancestors().skip(1).take_while(|above| above.starts_with(room));
    if above.into_iter().any(Path::is_symlink) || path.is_symlink() {
        return;
    }
    // Whatever is in the way stays.
    let _ = fs::create_dir_all(path.parent().expect("it is in the room"));
    let _ = match entry.kind {
        b'5' => fs::create_dir(path),
        b'2' => str::from_utf8(&entry.target).map_or(Ok(()), |target| symlink(target, path)),
        b'0' => fs::write(path, &entry.content),
        _ => Ok(()),
    };
}
