//! Servers that fail: nothing wrong is ever served, and nothing is an error for a customer.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tonepress::store::{Access, Options, TierOptions};

use crate::common::{press::wav, signal::Music, tool};
use crate::proxy::{Fate, Proxy};
use crate::scene::{engine, expected, fill, master, profile, slow_engine, soon, stats};
use crate::server::{servers, with_each};

#[test]
fn whatever_a_server_does_customers_get_what_is_right() {
    with_each("faults", |server| {
        let url = server.url("faults");
        for text in ["320", "v2"] {
            fill(&url, text);
            for fate in [
                Fate::Busy,
                Fate::DroppedBefore,
                Fate::DroppedAfter,
                Fate::Altered(1),
                Fate::Altered(600_000),
                Fate::Cut(0),
                Fate::Cut(700_000),
                Fate::Hangs,
                Fate::Late(Duration::from_millis(300)),
            ] {
                // Those that differ where a rendition comes as a whole.
                if text == "v2" && !matches!(fate, Fate::Altered(_) | Fate::Cut(_)) {
                    continue;
                }
                let proxy = Proxy::new(server.port, move |_| fate);
                let folder = tempfile::tempdir().unwrap();
                let through = server.url_through(proxy.port, "faults");
                let node = slow_engine(folder.path(), &through, Access::Read);
                let rendition = node.request(&master(), &profile(text)).unwrap();
                let object = rendition.wait().unwrap();
                assert!(object.as_ref() == expected(text), "{} {text} {fate:?}", server.name);
            }
        }
    });
}

#[test]
fn who_may_not_or_cannot_write_still_serves() {
    with_each("readers", |server| {
        let wrong = server.url("readers").replace("secret_access_key=", "secret_access_key=no");
        let absent = server.url_through(1, "readers");
        let none = server.url("no-such-bucket");
        // moto asks nobody for a password.
        let all = [Some(wrong).filter(|_| server.name != "moto"), Some(absent), Some(none)];
        for url in all.into_iter().flatten() {
            let folder = tempfile::tempdir().unwrap();
            let node = engine(folder.path(), &url, Access::ReadWrite);
            let object = node.request(&master(), &profile("96")).unwrap().wait().unwrap();
            assert!(object.as_ref() == expected("96"));
            assert!(object.path().is_some(), "it is in the store");
            assert!(node.store().unwrap().finish_uploads(Duration::from_secs(60)));
            assert_eq!((stats(&node).uploads, stats(&node).uploads_failed), (0, 1), "{url}");
            assert!(node.store().unwrap().tier_failure().is_some());
        }
    });
}

#[test]
fn what_is_altered_in_the_bucket_is_pressed_and_replaced() {
    with_each("altered", |server| {
        let url = server.url("altered");
        fill(&url, "320");
        let proxy =
            Proxy::new(
                server.port,
                |seen| {
                    if seen.method == "GET" { Fate::Altered(200_000) } else { Fate::Pass }
                },
            );
        let folder = tempfile::tempdir().unwrap();
        let node = slow_engine(folder.path(), &server.url_through(proxy.port, "altered"), Access::ReadWrite);
        let object = node.request(&master(), &profile("320")).unwrap().wait().unwrap();
        assert!(object.as_ref() == expected("320"));
        if stats(&node).wrong > 0 {
            soon("it is uploaded anew", || stats(&node).uploads == 1);
        }
    });
}

/// The program is killed before each of its requests, and after each: the next one finds nothing that it must not.
#[test]
fn kill_9_between_any_two_requests() {
    with_each("killed", |server| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.wav");
        let samples = 40 * 44_100;
        std::fs::write(&path, wav(&Music::new(44_100, samples), 44_100, 2, samples)).unwrap();
        let mut kills = 0;
        for number in 0..32 {
            let fate = if number % 2 == 0 { Fate::DroppedBefore } else { Fate::DroppedAfter };
            let victim: Arc<Mutex<Option<u32>>> = Arc::default();
            let (counted, target) = (AtomicUsize::new(0), Arc::clone(&victim));
            let proxy = Proxy::new(server.port, move |_| {
                if counted.fetch_add(1, Ordering::Relaxed) != number / 2 {
                    return Fate::Pass;
                }
                if let Some(id) = *target.lock().unwrap() {
                    let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
                }
                fate
            });
            let url = server.url_through(proxy.port, &format!("killed/{}", number / 4));
            let cache = tempfile::tempdir().unwrap();
            let mut child = Command::new(env!("CARGO_BIN_EXE_tonepress"))
                .args(["prewarm", "--to", "128", "--cache"])
                .arg(cache.path())
                .args(["--tier", &url])
                .arg(&path)
                .stderr(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            *victim.lock().unwrap() = Some(child.id());
            let ended = child.wait().unwrap();
            let killed = ended.code().is_none();
            kills += usize::from(killed);
            if !killed {
                let mut text = String::new();
                child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
                assert!(ended.success(), "{text}");
            }
            let clean = tempfile::tempdir().unwrap();
            let node =
                engine(clean.path(), &server.url(&format!("killed/{}", number / 4)), Access::ReadWrite);
            let keeper = node.store().unwrap().tier_keeper().unwrap();
            for kept in keeper.list().unwrap() {
                assert_eq!(keeper.verify(&kept, false).unwrap().fault, None, "after request {number}");
            }
            if !killed {
                break;
            }
        }
        assert!(kills >= 2, "{kills}");
    });
}

/// A server refuses requests from another time.
#[test]
fn a_clock_that_is_wrong_costs_the_tier_and_nothing_else() {
    with_each("clock", |server| {
        if server.name == "moto" {
            // It does not look at the time.
            return;
        }
        let Some(mut command) = tool("faketime") else { return };
        let folder = tempfile::tempdir().unwrap();
        let samples = 5 * 44_100;
        let master = wav(&Music::new(44_100, samples), 44_100, 2, samples);
        std::fs::write(folder.path().join("master.wav"), master).unwrap();
        let url = server.url("clock");
        command.args(["-f", "+1h", env!("CARGO_BIN_EXE_tonepress"), "prewarm", "master.wav", "--to", "128"]);
        command.args(["--cache", "store", "--tier", &url]).current_dir(folder.path());
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        assert!(
            said.contains("1 rendition could not be uploaded") && said.contains("RequestTimeTooSkewed"),
            "{said}"
        );
    });
}

#[test]
fn uploads_that_hang_are_bounded_and_nobody_waits_for_them() {
    let Some(server) = servers().first() else { return };
    let proxy = Proxy::new(server.port, |seen| if seen.method == "PUT" { Fate::Hangs } else { Fate::Pass });
    let folder = tempfile::tempdir().unwrap();
    let tier = TierOptions::new(server.url_through(proxy.port, "hangs")).backlog(1);
    let store = Options::new(folder.path()).tier(tier).open().unwrap();
    let node = tonepress::Engine::builder().store(store.clone()).build().unwrap();
    for text in ["64", "96", "128"] {
        assert!(node.request(&master(), &profile(text)).unwrap().wait().unwrap().path().is_some());
    }
    assert_eq!((stats(&node).uploads, stats(&node).uploads_dropped), (0, 2));
    assert!(!store.finish_uploads(Duration::from_millis(10)));
}
