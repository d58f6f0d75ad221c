//! Folders that are walked: what is called a master and is none is told, what only lies there is not.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output};

use common::press::wav;
use common::program::{err, objects, out, tonepress};
use common::signal::Music;
use common::{run, tool};

fn master() -> Vec<u8> {
    wav(&Music::new(44_100, 3_000), 44_100, 2, 3_000)
}

/// A frame of MP3, and again: 128 kbps at 44.1 kHz.
fn mp3() -> Vec<u8> {
    [&[0xff, 0xfb, 0x90, 0][..], &[0; 413]].concat().repeat(5)
}

/// The lines that say what went wrong, without the folder's name.
fn errors(folder: &Path, arguments: &[&str], code: i32) -> Vec<String> {
    errors_of(&tonepress(arguments, folder), code)
}

fn errors_of(output: &Output, code: i32) -> Vec<String> {
    assert_eq!(output.status.code(), Some(code), "{}", err(output));
    err(output).lines().filter_map(|line| Some(line.strip_prefix("error: ")?.to_owned())).collect()
}

#[test]
fn what_is_called_a_master_and_is_none_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("good.wav", &master());
    write("no-suffix", b"hello");
    write("cover.jpg", b"\xFF\xD8\xFF\xE0 a picture");
    write("old.mp3", &mp3());
    write("notes.txt", b"hello");
    write(".hidden.flac", b"");
    assert_eq!(errors(folder.path(), &["probe", "."], 0), [""; 0]);
    // Lossy, but what the name says.
    let lossy = [&wav(&Music::new(44_100, 64), 44_100, 2, 64)[..]].concat();
    let format = lossy.windows(4).position(|it| it == b"fmt ").unwrap() + 8;
    let mut adpcm = lossy;
    adpcm[format] = 2;
    write("adpcm.wav", &adpcm);
    write("vorbis.ogg", b"OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\x07\x01vorbis");
    assert_eq!(errors(folder.path(), &["probe", "."], 0), [""; 0]);

    let suffixes = ["flac", "wav", "aiff", "aif", "m4a", "caf", "oga", "ogg", "FLAC"];
    for suffix in suffixes {
        write(&format!("empty.{suffix}"), b"");
        write(&format!("text.{suffix}"), b"hello, world");
        write(&format!("song.{suffix}"), &mp3());
    }
    for arguments in [&["probe", "."][..], &["plan", ".", "--to", "128"]] {
        let errors = errors(folder.path(), arguments, 1);
        assert_eq!(errors.len(), 3 * suffixes.len(), "{errors:#?}");
        let of = |name: &str| errors.iter().find(|line| line.contains(&format!("/{name}: "))).unwrap();
        assert!(of("empty.flac").contains("an empty file"));
        assert!(of("text.aif").contains("not recognised as audio"));
        assert!(of("song.FLAC").contains("MP3 is lossy"));
    }
    let output = tonepress(&["probe", ".", "--json"], folder.path());
    let failed = objects(&output).iter().filter(|object| object["error"].is_string()).count();
    assert_eq!(failed, 3 * suffixes.len());
}

/// The program as somebody to whom files can be closed: nothing is closed to root, who runs a copy of it as nobody. `None` (said
/// aloud) where root cannot.
fn as_nobody(folder: &Path) -> Option<Command> {
    let program = Path::new(env!("CARGO_BIN_EXE_tonepress"));
    if run(Command::new("id").arg("-u")) != b"0\n" {
        return Some(Command::new(program));
    }
    let mut nobody = tool("setpriv")?;
    let copy = folder.join("tonepress");
    fs::copy(program, &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    nobody.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(copy);
    Some(nobody)
}

/// A file that may not be read is one line, and so is a folder.
#[test]
fn what_may_not_be_read_is_one_line() {
    let (programs, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let close = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    close(programs.path(), 0o755);
    close(folder.path(), 0o755);
    let Some(mut program) = as_nobody(programs.path()) else { return };
    let inner = folder.path().join("closed");
    fs::create_dir(&inner).unwrap();
    for name in ["a.wav", "z.wav", "locked.wav"] {
        fs::write(folder.path().join(name), master()).unwrap();
        close(&folder.path().join(name), 0o644);
    }
    close(&folder.path().join("locked.wav"), 0);
    close(&inner, 0);
    let output = program.args(["probe", "."]).current_dir(folder.path()).output().unwrap();
    close(&inner, 0o700);
    let errors = errors_of(&output, 1);
    assert_eq!(errors.len(), 2, "{errors:#?}");
    for name in ["locked.wav", "closed"] {
        assert!(errors.iter().any(|line| line.contains(name)), "{errors:#?}");
    }
    let told = out(&output);
    assert!(["a.wav", "z.wav"].iter().all(|name| told.contains(name)), "{told}");
}

#[test]
fn links_that_lead_nowhere_or_in_a_circle_are_one_line_each() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("b");
    fs::create_dir(&inner).unwrap();
    for name in ["a.wav", "b/b.wav", "z.wav"] {
        fs::write(folder.path().join(name), master()).unwrap();
    }
    symlink(folder.path(), inner.join("circle")).unwrap();
    symlink("nothing.flac", inner.join("nowhere.flac")).unwrap();
    symlink("itself", inner.join("itself")).unwrap();
    symlink("somebody@somewhere", inner.join(".#locked.flac")).unwrap();
    symlink("../z.wav", inner.join("again.wav")).unwrap();
    for arguments in [&["probe", "."][..], &["plan", ".", "--to", "128"]] {
        let errors = errors(folder.path(), arguments, 1);
        assert_eq!(errors.len(), 3, "{errors:#?}");
        assert!(errors[0].contains("b/circle: a link to ., in which it lies"), "{errors:?}");
        assert!(errors[1].contains("b/itself: a link that leads nowhere"), "{errors:?}");
        assert!(errors[2].contains("b/nowhere.flac: a link that leads nowhere"), "{errors:?}");
    }
    let told = out(&tonepress(&["probe", "."], folder.path()));
    for name in ["a.wav", "b/b.wav", "b/again.wav", "z.wav"] {
        assert!(told.contains(name), "{told}");
    }
}

#[test]
fn reported_a_line_feed_behind_the_audio_is_noted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/reports");
    let probe = |name: &str| tonepress(&["probe", name], &folder);
    let note = "note     1 byte behind the audio is no part of it";
    assert!(out(&probe("B1_known_newline_behind.flac")).contains(note));
    assert!(!out(&probe("D3_old_variable_blocks.flac")).contains("note "));
    let output = tonepress(&["probe", "--json", "B1_known_newline_behind.flac"], &folder);
    assert_eq!(objects(&output)[0]["stray_bytes"], 1);
}
