//! Albums as ZIP files that nobody has pressed.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{run, tool};
use crate::server::{Server, long_master, strings};

/// Three tracks of one folder, which are an album: it has no tags that say another.
fn album() -> Option<Server> {
    Server::start_on(&[], |masters| {
        let folder = masters.join("Three");
        fs::create_dir(&folder).unwrap();
        let samples = 60 * 44_100;
        for (name, from) in [("a", 0_u64), ("b", 1)] {
            let music = crate::common::signal::Music::new(44_100, samples - from);
            let bytes = crate::common::press::wav(&music, 44_100, 1, samples - from);
            // Without the title that these files have, which would be one for both.
            fs::write(folder.join(format!("{name}.wav")), bytes).unwrap();
        }
        fs::copy(long_master(), folder.join("c.wav")).unwrap();
        fs::copy(strings(), masters.join("strings.flac")).unwrap();
        fs::write(folder.join("notes.toml"), "story = 'Once.'\n").unwrap();
    })
}

fn zip(server: &Server, title: &str, profile: &str) -> String {
    let albums = server.json("/albums");
    let album = albums["items"].as_array().unwrap().iter().find(|album| album["title"] == title).unwrap();
    format!("/albums/{}/{profile}.zip", album["id"].as_str().unwrap())
}

#[test]
fn the_length_of_an_album_is_exact_before_anything_is_pressed_and_unzip_is_content() {
    let (Some(server), Some(mut unzip)) = (album(), tool("unzip")) else { return };
    let path = zip(&server, "Three", "128");
    let head = server.head(&["-I"], &path);
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let length: usize = length.parse().unwrap();
    assert!(
        head.contains("content-type: application/zip") && head.contains("filename=\"three (128).zip\""),
        "{head}"
    );
    assert_eq!(server.metric("misses_total"), 0, "looking presses nothing");
    let file = server.folder.path().join("three.zip");
    let bytes = server.curl(&["--fail"], &path);
    assert_eq!(bytes.len(), length);
    fs::write(&file, &bytes).unwrap();
    let said = String::from_utf8(run(unzip.arg("-t").arg(&file))).unwrap();
    assert!(said.contains("No errors detected"), "{said}");
    run(Command::new("unzip").arg("-q").arg(&file).current_dir(server.folder.path()));
    let folder = server.folder.path().join("Three (128)");
    let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3);
    for name in names {
        let bytes = fs::read(folder.join(&name)).unwrap();
        assert!(bytes.starts_with(b"ID3"), "{}", Path::new(&name).display());
        // What is noted of a release travels with it.
        assert!(bytes[..4_096].windows(5).any(|window| window == b"STORY"));
    }
    // The same from the cache.
    assert!(server.curl(&[], &path) == bytes);
}

#[test]
fn an_interrupted_album_is_resumed_byte_for_byte() {
    let Some(server) = album() else { return };
    let path = zip(&server, "Three", "320");
    let file = server.folder.path().join("three.zip");
    server.begin_download(&path, &file, "2M", 2_500_000);
    server.resume_download(&path, &file);
    assert!(fs::read(&file).unwrap() == server.curl(&["--fail"], &path));
    let head = server.head(&["-I"], &path);
    let etag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let with = |header: &str| server.head(&["-r", "5-9", "-H", header], &path);
    assert!(with(&format!("If-Range: {etag}")).starts_with("http/1.1 206"));
    assert!(with("If-Range: \"x\"").starts_with("http/1.1 200"));
    assert!(with(&format!("If-None-Match: {etag}")).starts_with("http/1.1 304"));
}

#[test]
fn a_range_in_an_album_presses_only_what_lies_there() {
    let Some(server) = album() else { return };
    let path = zip(&server, "Three", "128");
    let head = server.head(&["-I"], &path);
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let length: u64 = length.parse().unwrap();
    // In the last track, which has eight of the fourteen segments.
    let from = length * 2 / 3;
    let some = server.curl(&["-r", &format!("{from}-{}", from + 9_999)], &path);
    let (segments, misses) = (server.metric("segments_total"), server.metric("misses_total"));
    assert!(segments <= 1 && misses == 1, "{segments} segments, {misses} renditions");
    let whole = server.curl(&["--fail"], &path);
    assert!(whole[from as usize..from as usize + 10_000] == some);
}

#[test]
fn an_album_of_a_variable_bitrate_has_a_length_when_it_is_pressed() {
    let (Some(server), Some(mut unzip)) = (album(), tool("unzip")) else { return };
    let path = zip(&server, "Test Data", "v2");
    assert!(!server.head(&["-I"], &path).contains("\ncontent-length"));
    assert_eq!(server.metric("misses_total"), 0);
    let file = server.folder.path().join("strings.zip");
    fs::write(&file, server.curl(&["--fail"], &path)).unwrap();
    run(unzip.arg("-tq").arg(&file));
    let length = fs::metadata(&file).unwrap().len();
    assert!(server.head(&["-I"], &path).contains(&format!("content-length: {length}")));
}

#[test]
fn links_that_lead_nowhere_keep_nothing_from_being_sold() {
    let server = Server::start_on(&[], |masters| {
        fs::copy(strings(), masters.join("strings.flac")).unwrap();
        std::os::unix::fs::symlink("nowhere", masters.join("dangling.flac")).unwrap();
        std::os::unix::fs::symlink(".", masters.join("circle")).unwrap();
    });
    let Some(server) = server else { return };
    assert_eq!(server.json("/tracks")["total"], 1);
}
