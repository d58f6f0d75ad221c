//! What players make of what they stream.

use std::process::Command;

use crate::common::{run, tool};
use crate::server::{Server, samples};

/// The 16-bit stereo samples that a player decodes.
fn decoded(command: &mut Command) -> u64 {
    run(command).len() as u64 / 4
}

#[test]
fn ffmpeg_decodes_a_stream_to_its_exact_length() {
    let (Some(server), Some(mut ffmpeg)) = (Server::start(&[]), tool("ffmpeg")) else { return };
    for (title, master, profile) in [("abc", "a long one.wav", "256"), ("Strings", "strings.flac", "v0")] {
        let url = server.at(&server.track(title, profile));
        let decoded = decoded(ffmpeg.args(["-nostdin", "-v", "error", "-i", &url, "-f", "s16le", "-"]));
        assert_eq!(decoded, samples(&server, master).0, "{title} at {profile}");
        ffmpeg = Command::new("ffmpeg");
    }
}

#[test]
fn ffmpeg_seeks_in_what_was_never_pressed() {
    let (Some(server), Some(mut ffmpeg)) = (Server::start(&["--threads", "1"]), tool("ffmpeg")) else {
        return;
    };
    let url = server.at(&server.track("abc", "256"));
    let arguments = ["-nostdin", "-v", "error", "-ss", "120", "-i", &url, "-t", "1", "-f", "s16le", "-"];
    assert_eq!(decoded(ffmpeg.args(arguments)), 44_100);
}

#[test]
fn mpg123_decodes_a_stream_to_its_exact_length() {
    let (Some(server), Some(mut mpg123)) = (Server::start(&[]), tool("mpg123")) else { return };
    let url = server.at(&server.track("abc", "192"));
    let decoded = decoded(mpg123.args(["-q", "-s", "-e", "s16", &url]));
    assert_eq!(decoded, samples(&server, "a long one.wav").0);
}

#[test]
fn mpv_plays_a_stream_to_its_end() {
    let (Some(server), Some(mut mpv)) = (Server::start(&[]), tool("mpv")) else { return };
    let url = server.at(&server.track("Strings", "v2"));
    let wav = server.folder.path().join("played.wav");
    let ao = format!("--ao-pcm-file={}", wav.display());
    run(mpv.args(["--no-config", "--really-quiet", "--no-video", "--ao=pcm", &ao, &url]));
    let played = tonepress::master::Master::open(&wav).unwrap();
    let (played, of) = (played.info().samples.0, samples(&server, "strings.flac").0);
    // It fills its last buffer.
    assert!(played.abs_diff(of) < 4_096, "{played} of {of}");
}
