//! A runtime of the caller's in place of our own thread.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tonepress::Engine;
use tonepress::engine::{Origin, Shutdown};
use tonepress::master::{Master, MasterSource, ObjectSource};
use tonepress::store::{Options, TierOptions, Uploads};

use crate::common::{press::wav, signal::Music};
use crate::scene::{expected, fill, master, profile, stats};

fn node(folder: &Path, url: &str, runtime: &Handle) -> Engine {
    node_with(folder, url, runtime, Uploads::Later)
}

fn node_with(folder: &Path, url: &str, runtime: &Handle, uploads: Uploads) -> Engine {
    let tier = TierOptions::new(url).runtime(runtime.clone()).uploads(uploads);
    let store = Options::new(folder).tier(tier).open().unwrap();
    Engine::builder().store(store).threads(std::num::NonZeroUsize::MIN).build().unwrap()
}

fn runtimes() -> [Runtime; 2] {
    let several = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    [Builder::new_current_thread().enable_all().build().unwrap(), several]
}

/// Fetches, uploads, shuts down, and drops everything within the runtime.
async fn use_within(tier: &str) {
    let local = tempfile::tempdir().unwrap();
    let engine = node(local.path(), tier, &Handle::current());
    let rendition = engine.request(&master(), &profile("320")).unwrap();
    let object = std::future::poll_fn(|context| rendition.poll_wait(context)).await.unwrap();
    assert!(object.as_ref() == expected("320"));
    assert_eq!(rendition.origin(), Some(Origin::Fetched), "{:?}", stats(&engine));
    let other = engine.request(&master(), &profile("64")).unwrap();
    std::future::poll_fn(|context| other.poll_wait(context)).await.unwrap();
    let stopping = engine.clone();
    tokio::task::spawn_blocking(move || stopping.shutdown(Shutdown::Finish)).await.unwrap();
    let stats = stats(&engine);
    assert_eq!(stats.uploads, 1, "{stats:?}");
    drop(other);
    drop(rendition);
    drop(engine);
    // The runtime goes on.
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[test]
fn a_tier_works_on_a_runtime_of_the_callers() {
    for runtime in runtimes() {
        let tier = tempfile::tempdir().unwrap();
        let url = format!("file://{}", tier.path().display());
        fill(&url, "320");
        runtime.block_on(use_within(&url));
    }
}

#[cfg(feature = "aws")]
#[test]
fn a_tier_on_servers_works_on_a_runtime_of_the_callers() {
    crate::server::with_each("runtimes", |server| {
        for (number, runtime) in runtimes().into_iter().enumerate() {
            let url = server.url(&format!("runtimes/{number}"));
            fill(&url, "320");
            runtime.block_on(use_within(&url));
        }
    });
}

#[test]
fn a_runtime_whose_only_thread_waits_for_us_is_found_out() {
    for runtime in runtimes() {
        let (tier, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let url = format!("file://{}", tier.path().display());
        let began = Instant::now();
        let waiting = async move {
            let engine = node(local.path(), &url, &Handle::current());
            // It is pressed.
            engine.request(&master(), &profile("64")).unwrap().wait().unwrap();
            engine.shutdown(Shutdown::Finish);
            // What is to be uploaded is uploaded once the runtime runs again.
            let store = engine.store().unwrap().clone();
            let finished = tokio::task::spawn_blocking(move || store.finish_uploads(Duration::from_secs(60)));
            assert!(finished.await.unwrap());
            assert_eq!(stats(&engine).uploads, 1);
        };
        runtime.block_on(async { tokio::spawn(waiting).await.unwrap() });
        assert!(began.elapsed() < Duration::from_secs(50), "not the minute that uploads may take");
    }
}

#[test]
fn a_runtime_that_has_ended_is_a_tier_that_cannot_be_asked() {
    for uploads in [Uploads::Later, Uploads::First] {
        for runtime in runtimes() {
            let (tier, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let url = format!("file://{}", tier.path().display());
            let engine = node_with(local.path(), &url, runtime.handle(), uploads);
            runtime.shutdown_background();
            assert!(engine.request(&master(), &profile("64")).unwrap().wait().is_ok());
            engine.shutdown(Shutdown::Finish);
            let stats = stats(&engine);
            assert_eq!((stats.uploads, stats.uploads_failed), (0, 1), "{stats:?}");
        }
    }
}

/// Keeps the only thread of a runtime busy until what this returns is dropped.
fn keep_busy(runtime: &Runtime) -> mpsc::Sender<()> {
    let ((busy, is_busy), (until, over)) = (mpsc::channel(), mpsc::channel::<()>());
    runtime.spawn(async move {
        busy.send(()).unwrap();
        let _ = over.recv();
    });
    is_busy.recv().unwrap();
    until
}

#[test]
fn a_runtime_that_is_busy_uploads_later() {
    let [_, runtime] = runtimes();
    for uploads in [Uploads::Later, Uploads::First] {
        let (tier, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let url = format!("file://{}", tier.path().display());
        let engine = node_with(local.path(), &url, runtime.handle(), uploads);
        let until = keep_busy(&runtime);
        engine.request(&master(), &profile("64")).unwrap().wait().unwrap();
        assert!(!engine.store().unwrap().finish_uploads(Duration::from_secs(60)));
        drop(until);
        assert!(engine.store().unwrap().finish_uploads(Duration::from_secs(60)));
        let stats = stats(&engine);
        assert_eq!((stats.uploads, stats.uploads_failed), (1, 0), "{stats:?}");
    }
}

#[test]
fn a_busy_runtime_is_waited_for_but_not_for_ever() {
    const BLOCK: usize = 256 << 10;
    let [_, runtime] = runtimes();
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..8 * BLOCK as u32).map(|i| (i.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect();
    std::fs::write(folder.path().join("a.raw"), &bytes).unwrap();
    let source =
        ObjectSource::open_on(&format!("file://{}/a.raw", folder.path().display()), runtime.handle())
            .unwrap();
    let read = |block: usize| {
        let mut read = [0; 100];
        source.read_at(&mut read, (block * BLOCK) as u64).map(|len| {
            assert!(read[..len] == bytes[block * BLOCK..][..100]);
        })
    };
    // For somewhat more than a second.
    let until = keep_busy(&runtime);
    let waker = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(1_200));
        drop(until);
    });
    read(7).unwrap();
    waker.join().unwrap();
    // For longer: neither who asks first waits for a minute nor who comes to what was asked for.
    let until = keep_busy(&runtime);
    let began = Instant::now();
    for block in [1, 2, 3] {
        let said = read(block).unwrap_err().to_string();
        assert!(said.contains("does not run"), "{said}");
    }
    assert!(began.elapsed() < Duration::from_secs(50), "not the minute that a block may take");
    drop(until);
    for block in [1, 2, 3] {
        read(block).unwrap();
    }
}

#[test]
fn masters_are_read_on_a_runtime_of_the_callers() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = wav(&Music::new(44_100, 441_000), 44_100, 2, 441_000);
    std::fs::write(folder.path().join("a.wav"), &bytes).unwrap();
    let url = format!("file://{}/a.wav", folder.path().display());
    for runtime in runtimes() {
        let (place, handle, len) = (url.clone(), runtime.handle().clone(), bytes.len() as u64);
        let reading = runtime.spawn_blocking(move || {
            let source = ObjectSource::open_on(&place, &handle).unwrap();
            assert_eq!(source.len().unwrap(), len);
            Master::from_source("a.wav", std::sync::Arc::new(source)).unwrap().id().unwrap()
        });
        let id = runtime.block_on(reading).unwrap();
        assert_eq!(id, Master::open(folder.path().join("a.wav")).unwrap().id().unwrap());
        // Its only thread would wait for itself.
        let place = url.clone();
        let refused = runtime.block_on(async {
            tokio::spawn(async move { ObjectSource::open_on(&place, &Handle::current()).map(drop) }).await
        });
        let said = refused.unwrap().unwrap_err().to_string();
        assert!(said.contains("does not run"), "{said}");
    }
}
