//! What `enqueue`, `work` and `status` say and do where nobody is killed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::common::documented::checked;
use crate::common::press::wav;
use crate::common::program::{err, tonepress};
use crate::common::signal::Music;
use crate::server::{Scene, has_open, signal, wait_until};

fn master(scene: &Scene, name: &str, seconds: u64) {
    let samples = 22_050 * seconds;
    fs::write(scene.masters().join(name), wav(&Music::new(22_050, samples), 22_050, 1, samples)).unwrap();
}

/// Stops a worker as systemd does: it ends, and not because of the signal.
fn stop(mut worker: Child) {
    signal(&worker, "-TERM");
    assert_eq!(worker.wait().unwrap().code(), Some(130));
}

#[test]
fn tasks_are_taken_pressed_and_told() {
    let Some(scene) = Scene::new() else { return };
    for (name, seconds) in [("a.wav", 3), ("b.wav", 4)] {
        master(&scene, name, seconds);
    }
    fs::write(scene.masters().join("cover.txt"), "no master").unwrap();
    fs::write(scene.masters().join("bad.flac"), b"fLaC broken").unwrap();
    let enqueue = ["enqueue", "masters", "--to", "64,v5,320,64:native"];
    let (said, code) = scene.says(&enqueue);
    checked(&said);
    // One for each master and encoder.
    assert_eq!((&said[0]["queued"], &said[0]["waiting"], code), (&8.into(), &0.into(), 0));
    let (said, _) = scene.says(&enqueue);
    assert_eq!((&said[0]["queued"], &said[0]["waiting"]), (&0.into(), &8.into()));
    let status = scene.status();
    checked(std::slice::from_ref(&status));
    assert_eq!(
        (&status["open"], &status["unclaimed"], &status["workers"]),
        (&8.into(), &8.into(), &0.into())
    );
    assert_eq!(status["left_s"], Value::Null);

    // A task of another build.
    let (runtime, jetstream) = scene.nats.client();
    let other = format!("tonepress.task.{}.normal.1", "0".repeat(32));
    runtime.block_on(async { jetstream.publish(other, "{}".into()).await.unwrap().await.unwrap() });
    let worker = scene.worker(0);
    wait_until("all is done but the other build's", || {
        let status = scene.status();
        status["open"] == 1 && status["in_work"] == 0
    });
    let (said, code) = scene.says(&["status"]);
    checked(&said);
    let status = &said[0];
    assert_eq!(code, 1, "something failed");
    for (field, value) in [("done", 4), ("unclaimed", 1), ("workers", 1), ("failed", 4)] {
        assert_eq!(status[field], value, "{field}: {status}");
    }
    // The broken one at both encoders, and 320 kbps at 22.05 kHz of both others.
    let errors: Vec<_> = said[1..].iter().map(|failed| failed["error"].as_str().unwrap()).collect();
    assert_eq!(errors.iter().filter(|error| error.contains("bad.flac")).count(), 2, "{errors:?}");
    assert_eq!(errors.iter().filter(|error| error.contains("--nearest")).count(), 2, "{errors:?}");
    assert!(said[1..].iter().all(|failed| failed["deliveries"] == 1), "at once: {said:?}");
    stop(worker);
    let said = scene.said(1);
    checked(&said);
    assert_eq!(said.iter().filter(|object| object["kind"] == "rendition").count(), 6);

    // What goes well is no failure any more.
    let worker = scene.worker(0);
    scene.says(&[
        "enqueue",
        "masters/a.wav",
        "masters/b.wav",
        "--to",
        "320",
        "--nearest",
        "--priority",
        "high",
    ]);
    wait_until("two fewer have failed", || scene.status()["failed"] == 2);
    stop(worker);
    // The command of before does as before.
    let plain = scene.tonepress(&[
        "prewarm",
        "masters/a.wav",
        "--to",
        "64,v5,64:native",
        "--cache",
        "store",
        "--json",
    ]);
    assert!(plain.status.success(), "{}", err(&plain));
    assert_eq!(String::from_utf8(plain.stdout).unwrap().matches("\"skipped\"").count(), 6);
}

#[test]
fn what_is_damaged_is_told_until_it_goes_well() {
    let Some(scene) = Scene::new() else { return };
    let whole = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/strings.flac")).unwrap();
    let file = scene.masters().join("strings.flac");
    let worker = scene.worker(0);
    // What takes the place of the other is one failure, and none has gone well.
    for part in [2, 3] {
        fs::write(&file, &whole[..whole.len() / part]).unwrap();
        assert_eq!(scene.says(&["enqueue", "masters", "--to", "64,128"]).0[0]["queued"], 1);
        scene.wait_until_settled();
        let (said, code) = scene.says(&["status"]);
        assert_eq!((&said[0]["done"], &said[0]["failed"], code), (&0.into(), &1.into(), 1), "{said:?}");
        assert!(said[1]["error"].as_str().unwrap().contains("strings.flac"), "{said:?}");
    }
    fs::write(&file, &whole).unwrap();
    scene.says(&["enqueue", "masters", "--to", "64,128"]);
    scene.wait_until_settled();
    let (said, code) = scene.says(&["status"]);
    assert_eq!((&said[0]["done"], &said[0]["failed"], code), (&1.into(), &0.into(), 0), "{said:?}");
    stop(worker);
}

#[test]
fn what_is_urgent_comes_first() {
    let Some(scene) = Scene::new() else { return };
    for name in ["a.wav", "b.wav", "z.wav"] {
        master(&scene, name, 2);
    }
    scene.says(&["enqueue", "masters/a.wav", "masters/b.wav", "--to", "64"]);
    scene.says(&["enqueue", "masters/z.wav", "--to", "64", "--priority", "high"]);
    let status = scene.status();
    assert_eq!((&status["open"], &status["high"]), (&3.into(), &1.into()));
    let worker = scene.worker(0);
    scene.wait_until_settled();
    stop(worker);
    let said = scene.said(1);
    let first = said.iter().find(|object| object["kind"] == "rendition").unwrap();
    assert!(first["master"].as_str().unwrap().ends_with("z.wav"), "{said:?}");
}

#[test]
fn what_is_in_work_is_given_back() {
    let Some(scene) = Scene::new() else { return };
    // What is not given back comes again when the test is over.
    scene.hurry(Duration::from_secs(600), 20);
    // So long that nobody finishes it meanwhile.
    master(&scene, "long.wav", 1_200);
    scene.says(&["enqueue", "masters", "--to", "128"]);
    scene.says(&["enqueue", "masters", "--to", "160"]);
    for number in 0..2 {
        let worker = scene.worker(number);
        wait_until("it is in work", || has_open(worker.id(), &scene.masters()));
        stop(worker);
        let status = scene.status();
        let left = status["open"].as_u64().unwrap() + status["in_work"].as_u64().unwrap();
        assert_eq!((left, &status["done"]), (2, &0.into()), "{status}");
    }
}

#[test]
fn what_a_hung_worker_holds_goes_to_another() {
    let Some(scene) = Scene::new() else { return };
    scene.hurry(Duration::from_secs(2), 20);
    master(&scene, "a.wav", 600);
    scene.says(&["enqueue", "masters", "--to", "128"]);
    let hung = scene.worker(0);
    wait_until("it is in work", || has_open(hung.id(), &scene.masters()));
    signal(&hung, "-STOP");
    // On another machine: in one store it would wait a while for the hung one to publish.
    let other = scene.worker_on("other", 1);
    scene.wait_until_settled();
    assert_eq!(scene.status()["done"], 1);
    stop(other);
    // It finds that all is settled, and takes the next.
    signal(&hung, "-CONT");
    master(&scene, "b.wav", 2);
    scene.says(&["enqueue", "masters/b.wav", "--to", "64"]);
    wait_until("the next is done, too", || scene.status()["done"] == 2);
    stop(hung);
    for store in ["store", "other"] {
        let verified = scene.tonepress(&["cache", "verify", "--cache", store]);
        assert!(verified.status.success(), "{}", err(&verified));
    }
}

#[test]
fn a_full_queue_is_waited_for() {
    let Some(scene) = Scene::new() else { return };
    for number in 0..8 {
        master(&scene, &format!("{number}.wav"), 1);
    }
    scene.limit(3);
    let mut enqueue = scene
        .prewarm(&["enqueue", "masters", "--to", "64"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(enqueue.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("full"), "{line}");
    assert_eq!(scene.status()["open"], 3);
    let worker = scene.worker(0);
    assert!(enqueue.wait().unwrap().success());
    scene.wait_until_settled();
    assert_eq!(scene.status()["done"], 8);
    stop(worker);
}

#[test]
fn a_queue_that_is_not_there_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let status = tonepress(&["prewarm", "status", "--queue", "nats://127.0.0.1:1"], folder.path());
    assert_eq!(status.status.code(), Some(1));
    assert!(err(&status).contains("127.0.0.1:1"), "{}", err(&status));
    for wrong in ["http://queue", "nats://"] {
        let status = tonepress(&["prewarm", "status", "--queue", wrong], folder.path());
        assert_eq!(status.status.code(), Some(2), "{wrong}: {}", err(&status));
    }
}
