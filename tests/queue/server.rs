//! A NATS server, and workers as processes.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::Config;
use async_nats::jetstream::{self, Context};
use serde_json::Value;
use tokio::runtime::Runtime;
use tonepress::Encoder;
use tonepress::rendition::fingerprint::Fingerprint;

use crate::common::program::{objects, tonepress};
use crate::common::tool;

/// nats-server, on a port and in a folder of its own.
pub(crate) struct Nats {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Nats {
    /// `None` (said aloud) if it is not installed.
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        tool("nats-server")?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = folder.join("nats");
        let child = Self::spawn(port, &folder);
        Some(Self { child, port, folder })
    }

    fn spawn(port: u16, folder: &Path) -> Child {
        let log = File::options().create(true).append(true).open(folder.with_extension("log")).unwrap();
        let child = Command::new("nats-server")
            .args(["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-sd"])
            .arg(folder)
            .stderr(log)
            .spawn()
            .unwrap();
        wait_until("nats-server answers", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        child
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn restart(&mut self) {
        self.child = Self::spawn(self.port, &self.folder);
    }

    /// A client of its own, to look behind the program's back.
    pub(crate) fn client(&self) -> (Runtime, Context) {
        let runtime = Runtime::new().unwrap();
        let jetstream =
            runtime.block_on(async { jetstream::new(async_nats::connect(self.url()).await.unwrap()) });
        (runtime, jetstream)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with masters, a store and a queue.
pub(crate) struct Scene {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) nats: Nats,
}

impl Scene {
    pub(crate) fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("masters")).unwrap();
        let nats = Nats::start(folder.path())?;
        Some(Self { folder, nats })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn masters(&self) -> PathBuf {
        self.path().join("masters")
    }

    pub(crate) fn tonepress(&self, args: &[&str]) -> Output {
        tonepress(args, self.path())
    }

    /// The queue gives what a dead worker held to another after `ack_wait`, and gives up after `max_deliver` workers.
    pub(crate) fn hurry(&self, ack_wait: Duration, max_deliver: i64) {
        self.status(); // which makes the streams
        let build = format!("{:.32}", Fingerprint::of(Encoder::Lame).unwrap());
        let (runtime, jetstream) = self.nats.client();
        runtime.block_on(async {
            let tasks = jetstream.get_stream("TONEPRESS_TASKS").await.unwrap();
            for urgency in ["high", "normal"] {
                let config = pull::Config {
                    durable_name: Some(format!("{build}-{urgency}")),
                    filter_subject: format!("tonepress.task.{build}.{urgency}.*"),
                    ack_wait,
                    max_deliver,
                    ..pull::Config::default()
                };
                tasks.create_consumer(config).await.unwrap();
            }
        });
    }

    /// The queue takes so many tasks.
    pub(crate) fn limit(&self, tasks: i64) {
        self.status(); // which makes the streams
        let (runtime, jetstream) = self.nats.client();
        runtime.block_on(async {
            let stream = jetstream.get_stream("TONEPRESS_TASKS").await.unwrap();
            let config = stream.get_info().await.unwrap().config;
            jetstream.update_stream(Config { max_messages: tasks, ..config }).await.unwrap();
        });
    }

    /// `prewarm` with `args`, the queue, and JSON.
    pub(crate) fn prewarm(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tonepress"));
        command
            .arg("prewarm")
            .args(args)
            .args(["--queue", &self.nats.url(), "--json"])
            .current_dir(self.path());
        command
    }

    /// What it says when it has ended, and its exit code.
    pub(crate) fn says(&self, args: &[&str]) -> (Vec<Value>, i32) {
        let output = self.prewarm(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code().unwrap();
        assert!(code != 2, "{args:?}: {said}");
        (objects(&output), code)
    }

    /// The object of `prewarm status` about the queue.
    pub(crate) fn status(&self) -> Value {
        self.says(&["status"]).0.remove(0)
    }

    pub(crate) fn failed(&self) -> Vec<Value> {
        self.says(&["status"]).0.split_off(1)
    }

    /// A worker, whose objects go to a file that is named for `number`.
    pub(crate) fn worker(&self, number: usize) -> Child {
        self.worker_on("store", number)
    }

    /// The same, with a store of its own.
    pub(crate) fn worker_on(&self, store: &str, number: usize) -> Child {
        let append =
            |name: String| File::options().create(true).append(true).open(self.path().join(name)).unwrap();
        self.prewarm(&["work", "--cache", store, "-j", "1"])
            .stdout(append(format!("{number}.json")))
            .stderr(append(format!("{number}.log")))
            .stdin(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// What workers have said.
    pub(crate) fn said(&self, workers: usize) -> Vec<Value> {
        let files = (0..workers)
            .filter_map(|number| fs::read_to_string(self.path().join(format!("{number}.json"))).ok());
        let texts: Vec<_> = files.collect();
        texts.iter().flat_map(|text| text.lines()).map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits until all tasks are settled.
    pub(crate) fn wait_until_settled(&self) {
        wait_until("all is settled", || {
            let status = self.status();
            status["open"] == 0 && status["in_work"] == 0
        });
    }
}

/// Whether a process has a file below `path` open.
pub(crate) fn has_open(process: u32, path: &Path) -> bool {
    let Ok(open) = fs::read_dir(format!("/proc/{process}/fd")) else { return false };
    open.flatten().any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target.starts_with(path)))
}

pub(crate) fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").arg(name).arg(child.id().to_string()).status().unwrap().success());
}

/// Waits, for two minutes at most.
pub(crate) fn wait_until(what: &str, mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < Duration::from_secs(120), "waited in vain until {what}");
        thread::sleep(Duration::from_millis(50));
    }
}
