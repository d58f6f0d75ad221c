//! The example, built and run on masters of our own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tonepress::master::Master;
use tonepress::tags::id3;
use tonepress::{Engine, Overlay, ReadAt, Samples};

use crate::common::press::wav;
use crate::common::program::examples;
use crate::common::signal::Music;
use crate::common::{run, tool};

/// The seconds of the long master: eight segments.
pub(crate) const LONG: u64 = 160;

/// A store, its folder, and the server on it.
pub(crate) struct Server {
    pub(crate) folder: TempDir,
    pub(crate) url: String,
    child: Child,
}

impl Server {
    /// Starts the example on two masters: a long one, whose title is "abc", and a short one with a picture. None
    /// if there is no curl, which all tests ask with.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        Self::start_on(arguments, |masters| {
            fs::copy(long_master(), masters.join("a long one.wav")).unwrap();
            fs::copy(strings(), masters.join("strings.flac")).unwrap();
        })
    }

    /// As [`start`](Self::start), with one shop that has these profiles, at so many cents a megabyte.
    pub(crate) fn start_with(profiles: &[&str], price: u64) -> Option<Self> {
        let shops = tempfile::NamedTempFile::new().unwrap();
        let text = format!(
            "[[shop]]\npath = '/'\nname = 'Test'\naccent = '#c2410c'\nprofiles = {profiles:?}\n\
             price_per_megabyte = {price}\ncurrency = 'EUR'\n"
        );
        fs::write(shops.path(), text).unwrap();
        Self::start(&["--shops", shops.path().to_str().unwrap()])
    }

    /// Starts the example on the masters that `fill` puts into a folder.
    pub(crate) fn start_on(arguments: &[&str], fill: impl FnOnce(&Path)) -> Option<Self> {
        tool("curl")?;
        let folder = TempDir::new().unwrap();
        let masters = folder.path().join("masters");
        fs::create_dir(&masters).unwrap();
        fill(&masters);
        let (child, url) = launch(folder.path(), arguments);
        Some(Self { folder, url, child })
    }

    /// The server is started again, on the same store.
    pub(crate) fn restart(&mut self) {
        (self.child, self.url) = launch(self.folder.path(), &[]);
    }

    /// The server is asked to stop.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        run(Command::new("kill").arg(self.child.id().to_string()));
        self.child.wait().unwrap()
    }

    /// The server is gone at once.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// `path` of the server, as curl gets it with these arguments.
    pub(crate) fn curl(&self, arguments: &[&str], path: &str) -> Vec<u8> {
        run(Command::new("curl").args(["-sS", "--max-time", "60"]).args(arguments).arg(self.at(path)))
    }

    /// Downloads `path` to `file` at so many bytes a second, and breaks off when there are at least so many.
    pub(crate) fn begin_download(&self, path: &str, file: &Path, rate: &str, bytes: u64) {
        let mut slow = Command::new("curl")
            .args(["-sS", "--limit-rate", rate, "-o"])
            .arg(file)
            .arg(self.at(path))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while fs::metadata(file).map_or(0, |file| file.len()) < bytes {
            assert!(slow.try_wait().unwrap().is_none(), "still at it");
            thread::sleep(Duration::from_millis(10));
        }
        slow.kill().unwrap();
        slow.wait().unwrap();
    }

    /// Goes on with a download.
    pub(crate) fn resume_download(&self, path: &str, file: &Path) {
        run(Command::new("curl").args(["-sS", "--fail", "-C", "-", "-o"]).arg(file).arg(self.at(path)));
    }

    /// The status and headers of an answer, in lower case.
    pub(crate) fn head(&self, arguments: &[&str], path: &str) -> String {
        let arguments = [&["-D", "-", "-o", "/dev/null"], arguments].concat();
        String::from_utf8(self.curl(&arguments, path)).unwrap().to_lowercase()
    }

    pub(crate) fn json(&self, path: &str) -> serde_json::Value {
        serde_json::from_slice(&self.curl(&["--fail"], path)).unwrap()
    }

    /// One of the numbers of `/metrics`.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = String::from_utf8(self.curl(&["--fail"], "/metrics")).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(&format!("tonepress_{name} ")));
        value.unwrap().parse().unwrap()
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The path of a track at a profile: of the track whose title begins so.
    pub(crate) fn track(&self, title: &str, profile: &str) -> String {
        let tracks = self.json("/tracks");
        let titled = |track: &&serde_json::Value| track["title"].as_str().unwrap().starts_with(title);
        let track = tracks["items"].as_array().unwrap().iter().find(titled).unwrap();
        format!("/tracks/{}/{profile}.mp3", track["id"].as_str().unwrap())
    }

    /// What a download of the master in this file is to be, made without the server.
    pub(crate) fn expected(&self, master: &str, profile: &str) -> Vec<u8> {
        static ENGINE: OnceLock<Engine> = OnceLock::new();
        let engine = ENGINE.get_or_init(|| Engine::builder().build().unwrap());
        let master = Master::open(self.folder.path().join("masters").join(master)).unwrap();
        let object = engine.request(&master, &profile.parse().unwrap()).unwrap().wait().unwrap();
        let tagged = object.with_overlay(Overlay::new(&master.tags().unwrap(), &id3::Id3Options::default()));
        let (tag, audio) = tagged.slices(0..tagged.size().likely()).unwrap();
        [tag, audio].concat()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(folder: &Path, arguments: &[&str]) -> (Child, String) {
    let mut child = Command::new(binary())
        .arg(folder.join("masters"))
        .arg("--cache")
        .arg(folder.join("cache"))
        .args(["--listen", "127.0.0.1:0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let (_, url) = line.trim().split_once(" at ").unwrap();
    (child, url.trim_end_matches('/').to_owned())
}

/// The example.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| examples().join("tonepress-store"))
}

/// A short master with tags and a picture.
pub(crate) fn strings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/strings.flac")
}

/// Some music, written once for all tests.
pub(crate) fn long_master() -> &'static Path {
    static MASTER: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = MASTER.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("long.wav");
        let samples = LONG * 44_100;
        fs::write(&path, wav(&Music::new(44_100, samples), 44_100, 2, samples)).unwrap();
        (folder, path)
    });
    path
}

/// The samples of each channel of one of the masters.
pub(crate) fn samples(server: &Server, master: &str) -> Samples {
    Master::open(server.folder.path().join("masters").join(master)).unwrap().info().samples
}
