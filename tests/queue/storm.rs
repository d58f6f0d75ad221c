//! Workers that are killed, the server that is killed, and masters that kill: nothing is lost, and nothing is pressed
//! twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::press::wav;
use crate::common::program::objects;
use crate::common::signal::Music;
use crate::common::write;
use crate::server::{Scene, has_open};

const MASTERS: usize = 30;
const POISON: usize = 3;
const WORKERS: usize = 3;
const KILLS: u32 = 20;
const PROFILES: &str = "64,v5,40:mono";
/// Hertz of all masters, which are mono.
const RATE: u32 = 22_050;
/// How often a task is given to a worker at most. Many more than an innocent one is likely to be killed with.
const MAX_DELIVER: i64 = 12;

/// Numbers that look random, the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Masters that differ, of one signal.
fn write_masters(scene: &Scene) {
    let seconds = 20_u64;
    let samples = u64::from(RATE) * seconds;
    let whole = wav(&Music::new(RATE, samples + MASTERS as u64), RATE, 1, samples + MASTERS as u64);
    let audio = &whole[whole.len() - 2 * (samples as usize + MASTERS)..];
    let format = write::wav_format(1, 1, RATE, 16);
    for number in 0..MASTERS {
        let part = &audio[2 * number..2 * (number + samples as usize)];
        fs::write(scene.masters().join(format!("{number:02}.wav")), write::wav(&format, part)).unwrap();
    }
    // Long enough to be met before they are done.
    let folder = scene.path().join("poison");
    fs::create_dir(&folder).unwrap();
    for number in 0..POISON {
        let part = audio[2 * number..].repeat(60);
        fs::write(folder.join(format!("{number}.wav")), write::wav(&format, &part)).unwrap();
    }
}

fn kill(worker: &mut Child) {
    let _ = worker.kill();
    worker.wait().unwrap();
}

#[test]
fn nothing_is_lost_and_nothing_is_pressed_twice() {
    let Some(mut scene) = Scene::new() else { return };
    write_masters(&scene);
    scene.hurry(Duration::from_secs(2), MAX_DELIVER);
    let poison = scene.path().join("poison");
    for folder in ["masters", "poison"] {
        assert_eq!(scene.says(&["enqueue", folder, "--to", PROFILES]).1, 0);
    }
    let mut workers: Vec<Child> = (0..WORKERS).map(|number| scene.worker(number)).collect();
    let mut chance = Chance(15);
    let (mut kills, mut poisoned) = (0, 0_u32);
    let mut next_kill = Instant::now() + Duration::from_millis(500);
    let mut next_look = Instant::now();
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < Duration::from_secs(300), "{:?}", scene.status());
        for (number, worker) in workers.iter_mut().enumerate() {
            // What is in these files kills whoever presses it.
            if has_open(worker.id(), &poison) {
                kill(worker);
                *worker = scene.worker(number);
                poisoned += 1;
            }
        }
        if kills < KILLS && Instant::now() > next_kill {
            let number = chance.below(WORKERS as u64) as usize;
            kill(&mut workers[number]);
            workers[number] = scene.worker(number);
            kills += 1;
            next_kill = Instant::now() + Duration::from_millis(300 + chance.below(700));
            if kills == KILLS / 2 {
                scene.nats.kill();
                thread::sleep(Duration::from_secs(1));
                scene.nats.restart();
            }
        }
        if Instant::now() > next_look {
            let status = scene.status();
            if kills == KILLS && status["open"] == 0 && status["in_work"] == 0 {
                break;
            }
            next_look = Instant::now() + Duration::from_secs(1);
        }
        thread::sleep(Duration::from_millis(10));
    }
    for worker in &mut workers {
        kill(worker);
    }

    let status = scene.status();
    assert_eq!((&status["done"], &status["failed"]), (&MASTERS.into(), &POISON.into()), "{status}");
    let failed = scene.failed();
    let names: BTreeSet<_> =
        failed.iter().map(|failed| failed["master"].as_str().unwrap().to_owned()).collect();
    let expected: BTreeSet<_> =
        (0..POISON).map(|n| poison.join(format!("{n}.wav")).to_str().unwrap().to_owned()).collect();
    assert_eq!(names, expected);
    for failed in &failed {
        assert!(failed["error"].as_str().unwrap().contains("died over it"), "{failed}");
    }
    assert!(poisoned >= POISON as u32, "{poisoned}");

    // Asked of a run that hashes them again: files as new as these are not believed to be what they were.
    let again =
        objects(&scene.tonepress(&["prewarm", "masters", "--to", PROFILES, "--cache", "store", "--json"]));
    let present = again.iter().filter(|object| object["kind"] == "skipped").count();
    assert_eq!(present, 3 * MASTERS, "every rendition is there");
    let verified = scene.tonepress(&["cache", "verify", "--cache", "store"]);
    assert!(verified.status.success());
    let mut pressed: BTreeMap<String, u32> = BTreeMap::new();
    for object in scene.said(WORKERS).iter().filter(|object| object["kind"] == "rendition") {
        *pressed.entry(object["key"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert!(pressed.values().all(|times| *times == 1), "{pressed:?}");
    // What a kill cut off between its publication and the report has no line.
    let lines = pressed.len();
    assert!(lines <= 3 * MASTERS && lines + KILLS as usize + poisoned as usize >= 3 * MASTERS, "{lines}");
}
