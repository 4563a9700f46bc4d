use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::symlink;

use futures_util::TryStreamExt;
use tokio::sync::mpsc;

use super::*;
use crate::session::Directory;
use crate::session::filesync::test_sender;

fn packet(kind: PacketType, id: u32, data: &[u8]) -> Packet {
    Packet { r#type: kind.into(), stat: None, id, data: data.to_vec() }
}

fn stat(path: &str, mode: u32, linkname: &str) -> Packet {
    let stat = Stat { path: path.to_owned(), mode, linkname: linkname.to_owned(), ..Stat::default() };
    Packet { stat: Some(stat), ..packet(PacketType::PacketStat, 0, b"") }
}

/// Takes packets into a directory. Gives what is answered.
async fn take(root: &Path, packets: Vec<Packet>) -> Result<Vec<(PacketType, u32)>, String> {
    let frames = packets.into_iter().map(|packet| Ok(packet.encode_to_vec().into()));
    let (replies, driver) = receive(root.to_owned(), stream::iter(frames));
    driver.await.map_err(|status| status.message().to_owned())?;
    let replies: Vec<Bytes> = replies.collect().await;
    let replies = replies.into_iter().map(|reply| Packet::decode(reply).expect("it is a packet"));
    Ok(replies.map(|reply| (reply.r#type(), reply.id)).collect())
}

#[tokio::test]
async fn files_are_asked_for_and_written() {
    let root = tempfile::tempdir().expect("there is a directory");
    let new = root.path().join("new");
    let replies = take(
        &new,
        vec![
            stat("d", mode::DIRECTORY | 0o750, ""),
            stat("d/f", 0o640, ""),
            stat("d/g", 0o640, "d/f"),
            stat("e", 0o600, ""),
            stat("l", mode::SYMLINK | 0o777, "d/f"),
            packet(PacketType::PacketStat, 0, b""),
            packet(PacketType::PacketData, 3, b""),
            packet(PacketType::PacketData, 1, b"ab"),
            packet(PacketType::PacketData, 1, b"cd"),
            packet(PacketType::PacketData, 1, b""),
            packet(PacketType::PacketFin, 0, b""),
        ],
    );
    let replies = replies.await.expect("it is possible");
    let expected = [(PacketType::PacketReq, 1), (PacketType::PacketReq, 3), (PacketType::PacketFin, 0)];
    assert_eq!(replies, expected);
    let at = |name: &str| new.join(name);
    assert_eq!(fs::read(at("l")).expect("it leads there"), b"abcd");
    let file = fs::metadata(at("d/g")).expect("it is there");
    assert_eq!((file.mode() & 0o7777, file.nlink(), file.mtime()), (0o640, 2, 0));
    assert_eq!(fs::metadata(at("d")).expect("it is there").mode() & 0o7777, 0o750);
}

/// How many files below a directory this process has open.
fn open_below(root: &Path) -> usize {
    let open = fs::read_dir("/proc/self/fd").expect("this is Linux").flatten();
    open.filter(|open| fs::read_link(open.path()).is_ok_and(|file| file.starts_with(root))).count()
}

/// The list comes before the first of its files, and may be long.
#[test]
fn only_files_whose_pieces_come_are_open() {
    let root = tempfile::tempdir().expect("there is a directory");
    let (replies, _requests) = mpsc::unbounded_channel();
    let mut receiver = Receiver::new(root.path().to_owned(), replies).expect("it is there");
    let mut take = |packet| receiver.take(packet).expect("it is possible");
    (0..100).for_each(|number| take(stat(&format!("{number}"), 0o640, "")));
    assert_eq!(open_below(root.path()), 0);
    for id in [7, 8] {
        take(packet(PacketType::PacketData, id, b"x"));
    }
    assert_eq!(open_below(root.path()), 2);
    take(packet(PacketType::PacketData, 7, b"y"));
    for id in [7, 8] {
        take(packet(PacketType::PacketData, id, b""));
    }
    assert_eq!(open_below(root.path()), 0);
    assert_eq!(fs::read(root.path().join("7")).expect("it is there"), b"xy");
}

#[test]
fn directories_are_closed_when_all_is_there() {
    let root = tempfile::tempdir().expect("there is a directory");
    let (replies, _requests) = mpsc::unbounded_channel();
    let mut receiver = Receiver::new(root.path().to_owned(), replies).expect("it is there");
    let mut take = |packet| receiver.take(packet).expect("it is possible");
    let mode = |name: &str| fs::metadata(root.path().join(name)).expect("it is there").mode() & 0o7777;
    take(stat("d", mode::DIRECTORY | 0o555, ""));
    take(stat("d/e", mode::DIRECTORY | 0o500, ""));
    assert_eq!((mode("d"), mode("d/e")), (0o755, 0o700), "whoever this is has to write into them");
    take(stat("d/e/f", 0o444, ""));
    take(packet(PacketType::PacketStat, 0, b""));
    take(packet(PacketType::PacketData, 2, b""));
    assert_eq!((mode("d"), mode("d/e"), mode("d/e/f")), (0o555, 0o500, 0o444));
}

#[tokio::test]
async fn nothing_leads_out() {
    let root = tempfile::tempdir().expect("there is a directory");
    let outside = tempfile::tempdir().expect("there is a directory");
    symlink(outside.path(), root.path().join("link")).expect("it is new");
    for (path, mode, linkname) in [
        ("../x", 0o644, ""),
        ("/x", 0o644, ""),
        ("", 0o644, ""),
        ("a/../../x", 0o644, ""),
        ("link/x", 0o644, ""),
        ("link/x", mode::DIRECTORY | 0o755, ""),
        ("hard", 0o644, "../x"),
        ("hard", 0o644, "link/x"),
    ] {
        let error = take(root.path(), vec![stat(path, mode, linkname)]).await.expect_err(path);
        assert!(error.ends_with("leads out of the directory"), "{path}: {error}");
    }
    assert_eq!(fs::read_dir(outside.path()).expect("it is there").count(), 0);
}

#[tokio::test]
async fn what_is_there_makes_way() {
    let root = tempfile::tempdir().expect("there is a directory");
    fs::create_dir_all(root.path().join("a/b")).expect("it is new");
    fs::create_dir_all(root.path().join("keep")).expect("it is new");
    fs::write(root.path().join("c"), "old").expect("it is new");
    let packets = vec![stat("a", mode::SYMLINK | 0o777, "c"), stat("c", mode::DIRECTORY | 0o755, "")];
    take(root.path(), packets).await.expect("it is possible");
    assert!(root.path().join("keep").is_dir() && root.path().join("c").is_dir());
    assert_eq!(fs::read_link(root.path().join("a")).expect("it is a link"), Path::new("c"));
}

#[tokio::test]
async fn what_comes_in_place_of_a_directory_is_not_followed() {
    let root = tempfile::tempdir().expect("there is a directory");
    let outside = tempfile::tempdir().expect("there is a directory");
    fs::create_dir(outside.path().join("e")).expect("it is new");
    let times =
        || ["", "e"].map(|name| fs::metadata(outside.path().join(name)).expect("it is there").mtime());
    let before = times();
    let target = outside.path().to_str().expect("it is UTF-8");
    let packets = vec![
        stat("d", mode::DIRECTORY | 0o755, ""),
        stat("d/e", mode::DIRECTORY | 0o755, ""),
        stat("d", mode::SYMLINK | 0o777, target),
        packet(PacketType::PacketStat, 0, b""),
    ];
    take(root.path(), packets).await.expect("it is possible");
    assert_eq!(times(), before);
}

#[tokio::test]
async fn what_comes_in_place_of_a_file_is_not_followed() {
    let root = tempfile::tempdir().expect("there is a directory");
    let outside = tempfile::tempdir().expect("there is a directory");
    let file = outside.path().join("file");
    fs::write(&file, "as it was").expect("it is new");
    let target = file.to_str().expect("it is UTF-8");
    let packets = vec![
        stat("a", 0o640, ""),
        stat("a", mode::SYMLINK | 0o777, target),
        packet(PacketType::PacketData, 0, b"other"),
    ];
    take(root.path(), packets).await.expect_err("it is a link now");
    assert_eq!(fs::read(&file).expect("it is there"), b"as it was");
}

#[tokio::test]
async fn errors_of_the_other_side_are_told() {
    let root = tempfile::tempdir().expect("there is a directory");
    for (packets, expected) in [
        (vec![packet(PacketType::PacketErr, 0, b"no space")], "no space"),
        (vec![packet(PacketType::PacketData, 4, b"x")], "nobody asked for file 4"),
    ] {
        assert_eq!(take(root.path(), packets).await, Err(expected.to_owned()));
    }
}

#[tokio::test]
async fn errors_say_which_file_it_is() {
    let root = tempfile::tempdir().expect("there is a directory");
    fs::write(root.path().join("file"), "").expect("it is new");
    for (stat, expected) in [
        (
            stat("dev", mode::DEVICE | 0o644, ""),
            "cannot write `dev` in ROOT: it is a device, a pipe or a socket",
        ),
        (stat("file/x", 0o644, ""), "cannot write `file/x` in ROOT: Not a directory (os error 20)"),
        (stat("hard", 0o644, "../x"), "cannot write `hard` in ROOT: `../x` leads out of the directory"),
    ] {
        let expected = expected.replace("ROOT", root.path().to_str().expect("it is UTF-8"));
        assert_eq!(take(root.path(), vec![stat]).await, Err(expected));
    }
    let error = take(&root.path().join("file/out"), Vec::new()).await.expect_err("that is in a file");
    assert!(error.starts_with("cannot make ") && error.contains("/file/out: "), "{error}");
}

/// Both sides of the protocol, with files larger than a packet.
#[tokio::test]
async fn a_directory_arrives_as_it_was() {
    let from = tempfile::tempdir().expect("there is a directory");
    let to = tempfile::tempdir().expect("there is a directory");
    fs::create_dir(from.path().join("d")).expect("it is new");
    let large: Vec<u8> = (0..=u8::MAX).cycle().take(300_001).collect();
    fs::write(from.path().join("d/large"), &large).expect("it is new");
    fs::write(from.path().join("empty"), "").expect("it is new");
    symlink("d/large", from.path().join("l")).expect("it is new");
    let (requests, mut wanted) = mpsc::unbounded_channel();
    let wanted = stream::poll_fn(move |context| wanted.poll_recv(context)).map(Ok);
    let (packets, sending) = test_sender(Directory::new(from.path()), wanted);
    let frames = packets.map(|packet| Ok::<Bytes, Status>(packet.encode_to_vec().into()));
    let (replies, receiving) = receive(to.path().to_owned(), Box::pin(frames));
    let passing = replies.map(Ok::<Bytes, Status>).try_for_each(|reply| {
        let _ = requests.send(Packet::decode(reply).expect("it is a packet"));
        std::future::ready(Ok(()))
    });
    let (sent, received, passed) = tokio::join!(sending, receiving, passing);
    sent.and(received).and(passed).expect("it is possible");
    assert_eq!(fs::read(to.path().join("l")).expect("it is there"), large);
    assert_eq!(fs::read(to.path().join("empty")).expect("it is there"), b"");
}
