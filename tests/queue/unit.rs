//! The command of the systemd unit in deploy/, run as the unit has it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::press::wav;
use crate::common::signal::Music;
use crate::server::{Scene, signal, wait_until};

/// The settings of a unit's section; of those given more than once the last.
fn section(unit: &str, name: &str) -> HashMap<String, String> {
    let lines = unit.lines().map(str::trim).skip_while(|line| *line != format!("[{name}]")).skip(1);
    let settings = lines.take_while(|line| !line.starts_with('['));
    let settings = settings.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_command_of_the_unit_presses_what_the_queue_asks_for() {
    let Some(scene) = Scene::new() else { return };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/systemd/tonepress-work.service");
    let unit = fs::read_to_string(path).unwrap();
    let service = section(&unit, "Service");
    // Where systemd makes the folder is where the command keeps the store.
    let state = format!("/var/lib/{}", service["StateDirectory"]);
    let store = scene.path().join("state");
    let mut replaced = Vec::new();
    let words = service["ExecStart"].split_whitespace().map(|word| match word {
        "/usr/local/bin/tonepress" => {
            replaced.push("program");
            env!("CARGO_BIN_EXE_tonepress").to_owned()
        }
        word if word == state => {
            replaced.push("state");
            store.display().to_string()
        }
        word => word.to_owned(),
    });
    let words: Vec<_> = words.collect();
    assert_eq!(replaced, ["program", "state"], "{}", service["ExecStart"]);
    // What the file of the environment is to have, says the comment above it.
    assert!(unit.contains("# TONEPRESS_QUEUE=nats://"), "the unit says what the file has to hold");
    let mut worker = Command::new(&words[0]);
    worker.args(&words[1..]).env_clear().env("TONEPRESS_QUEUE", scene.nats.url());
    worker.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());

    let samples = 22_050 * 3;
    let music = wav(&Music::new(22_050, samples), 22_050, 1, samples);
    fs::write(scene.masters().join("a.wav"), music).unwrap();
    let (said, code) = scene.says(&["enqueue", "masters", "--to", "64,v5"]);
    assert_eq!((&said[0]["queued"], code), (&1.into(), 0), "{said:?}");
    let mut worker = worker.spawn().unwrap();
    scene.wait_until_settled();
    let status = scene.status();
    assert_eq!((&status["done"], &status["failed"]), (&1.into(), &0.into()), "{status}");
    let listed = scene.tonepress(&["cache", "ls", "--json", "--cache", "state"]);
    assert_eq!(crate::common::program::objects(&listed).len(), 2);

    // Stopped as systemd stops it, within the time that it gives, it ends as the unit takes for a success.
    signal(&worker, "-TERM");
    let patience = service["TimeoutStopSec"].parse().map(Duration::from_secs).unwrap();
    let began = std::time::Instant::now();
    let mut ended = None;
    wait_until("the worker has ended", || {
        ended = worker.try_wait().unwrap();
        ended.is_some()
    });
    assert!(began.elapsed() < patience);
    let code = ended.unwrap().code().map(|code| code.to_string());
    let successes: Vec<_> = service["SuccessExitStatus"].split_whitespace().collect();
    assert!(code.as_deref().is_some_and(|code| successes.contains(&code)), "{code:?}");
}
