//! What Chromium's users see.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::tool;
use crate::server::{LONG, Server};

/// How long a browser may take for anything on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);
/// The audio element that is heard.
const HEARD: &str = "const heard = [...document.querySelectorAll('audio')].find(a => a.src && !a.muted && a.currentTime > 0); ";

struct Browser {
    driver: Child,
    session: String,
    downloads: TempDir,
}

impl Browser {
    /// None if there is no Chromium, or nothing to drive it with.
    fn start() -> Option<Self> {
        tool("chromium")?;
        let mut driver = tool("chromedriver")?;
        let mut driver = driver.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .find_map(|line| {
                line.unwrap()
                    .split_once("successfully on port ")
                    .map(|(_, port)| port.trim_end_matches('.').to_owned())
            })
            .unwrap();
        let downloads = TempDir::new().unwrap();
        let folder = downloads.path().join("profile");
        let options = json!({
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic",
                "--no-first-run", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--mute-audio", "--autoplay-policy=no-user-gesture-required",
                "--window-size=1280,800", format!("--user-data-dir={}", folder.display()),
            ],
            "prefs": {
                "download.default_directory": downloads.path(),
                "download.prompt_for_download": false,
            },
        });
        let capabilities = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}});
        let address = format!("http://127.0.0.1:{port}/session");
        let session = post(&address, &capabilities)["sessionId"].as_str().unwrap().to_owned();
        Some(Self { driver, session: format!("{address}/{session}"), downloads })
    }

    fn ask(&self, command: &str, body: &Value) -> Value {
        post(&format!("{}/{command}", self.session), body)
    }

    fn script(&self, script: &str) -> Value {
        self.ask("execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until an expression is true.
    fn until(&self, script: &str) {
        let since = Instant::now();
        while self.script(script) != true {
            let state = "return [...document.querySelectorAll('audio')].map(a => [a.src, a.currentTime, a.paused, a.readyState, \
                         a.error?.message]).concat(document.querySelector('#status').textContent)";
            assert!(since.elapsed() < PATIENCE, "not within {PATIENCE:?}: {script}: {}", self.script(state));
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn click(&self, selector: &str) {
        let found = self.ask("element", &json!({"using": "css selector", "value": selector}));
        let element = found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
        self.ask(&format!("element/{element}/click"), &json!({}));
    }

    fn press(&self, key: char) {
        let actions = json!([{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]);
        self.ask("actions", &json!({"actions": [{"type": "key", "id": "keys", "actions": actions}]}));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = ureq::delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn post(url: &str, body: &Value) -> Value {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut answer = agent.post(url).send_json(body).unwrap();
    let value: Value = answer.body_mut().read_json().unwrap();
    assert!(answer.status().is_success(), "{url}: {body}: {value}");
    value["value"].clone()
}

#[test]
fn a_browser_plays_seeks_changes_the_bitrate_and_downloads() {
    let (Some(server), Some(browser)) = (Server::start(&[]), Browser::start()) else {
        return;
    };
    browser.ask("url", &json!({"url": server.url}));
    browser.until("return document.querySelectorAll('.track .row').length === 2");
    let heard = |condition: &str| browser.until(&format!("{HEARD} return Boolean(heard) && {condition}"));

    // Playing, of what was never pressed.
    browser.click(".track .row");
    heard("!heard.paused && heard.currentTime > 0.5 && heard.src.endsWith('/256.mp3')");
    heard(&format!("Math.abs(heard.duration - {LONG}) < 0.1"));
    // Seeking.
    browser.script("seek.value = 120; seek.dispatchEvent(new Event('change'))");
    heard("!heard.paused && !heard.seeking && heard.currentTime > 120.3 && heard.currentTime < 140");
    // Another bitrate takes over where the first one is; to press all of a variable one takes its time.
    for (profile, at) in [("128", 90), ("v0", 20)] {
        browser.script(&format!("seek.value = {at}; seek.dispatchEvent(new Event('change'))"));
        browser.click(&format!(".card:has([value='{profile}'])"));
        heard(&format!("!heard.paused && heard.src.endsWith('/{profile}.mp3') && heard.currentTime >= {at}"));
    }
    // By keyboard.
    browser.script("document.activeElement.blur()");
    browser.press(' ');
    heard("heard.paused");
    let before = browser.script(&format!("{HEARD} return heard.currentTime")).as_f64().unwrap();
    browser.press('\u{e012}');
    heard(&format!("Math.abs(heard.currentTime - {before} + 5) < 0.1"));
    browser.press('\u{e015}');
    browser.until("return document.activeElement === document.querySelectorAll('.row')[0]");
    // The size is exact by now, and all parts exist.
    browser.until("return document.querySelector('#exact').textContent.includes('exactly')");
    browser.until("const part = document.querySelector('#ready i'); return part?.style.width === '100%'");

    // A download, under the name that the server gives it.
    let file = browser.downloads.path().join("abc (v0).mp3");
    browser.click("#buy");
    let since = Instant::now();
    while !file.exists() {
        assert!(since.elapsed() < PATIENCE, "no download");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(fs::read(&file).unwrap() == server.expected("a long one.wav", "v0"));
}
