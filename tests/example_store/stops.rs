//! The server is stopped in the middle of everything.

use std::process::{Command, Stdio};

use crate::common::run;
use crate::server::Server;

#[test]
fn a_server_stopped_in_the_middle_leaves_a_sound_store_and_the_next_one_serves() {
    let Some(mut server) = Server::start(&["--grace", "0", "--threads", "1"]) else { return };
    let path = server.track("abc", "320");
    let clients: Vec<_> = ["320", "256", "192", "v0", "v2"]
        .into_iter()
        .map(|profile| {
            let url = server.at(&server.track("abc", profile));
            let mut curl = Command::new("curl");
            curl.args(["-s", "--fail", "-o", "/dev/null", &url]).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    while server.metric("queue") < 5 {}
    server.curl(&["-r", "3000000-3000009"], &path);
    assert!(server.terminate().success());
    for mut client in clients {
        assert!(!client.wait().unwrap().success(), "a client knows that its download is not complete");
    }

    let store = server.cache();
    let verify = || {
        run(Command::new(env!("CARGO_BIN_EXE_tonepress")).args(["cache", "verify", "--cache"]).arg(&store))
    };
    verify();
    let leftovers = std::fs::read_dir(store.join("v1/partials")).unwrap().count();
    assert_eq!(leftovers, 0);
    server.restart();
    assert!(server.curl(&[], &path) == server.expected("a long one.wav", "320"));
    assert!(server.terminate().success());
    verify();
}

#[test]
fn a_download_that_is_under_way_is_finished_first() {
    let Some(mut server) = Server::start(&["--grace", "60"]) else { return };
    let path = server.track("abc", "192");
    let file = server.folder.path().join("download.mp3");
    let expected = server.expected("a long one.wav", "192");
    let mut curl = Command::new("curl");
    let mut slow =
        curl.args(["-sS", "--limit-rate", "2M", "-o"]).arg(&file).arg(server.at(&path)).spawn().unwrap();
    while server.metric("misses_total") == 0 {}
    assert!(server.terminate().success());
    assert!(slow.wait().unwrap().success());
    assert!(std::fs::read(&file).unwrap() == expected);
}
