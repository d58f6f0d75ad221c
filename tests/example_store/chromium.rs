//! Chromium, driven by chromedriver (W3C's `WebDriver`).

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::tool;

/// How long a browser may take for anything on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Browser {
    driver: Child,
    session: String,
    pub(crate) downloads: TempDir,
}

impl Browser {
    /// None if there is no Chromium, or nothing to drive it with.
    pub(crate) fn start() -> Option<Self> {
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
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let address = format!("http://127.0.0.1:{port}/session");
        let session = post(&address, &capabilities)["sessionId"].as_str().unwrap().to_owned();
        Some(Self { driver, session: format!("{address}/{session}"), downloads })
    }

    pub(crate) fn ask(&self, command: &str, body: &Value) -> Value {
        post(&format!("{}/{command}", self.session), body)
    }

    pub(crate) fn script(&self, script: &str) -> Value {
        self.ask("execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until a script returns what is true, or at least something.
    pub(crate) fn until(&self, script: &str) {
        let since = Instant::now();
        let whether = format!("return Boolean((() => {{ {script} }})())");
        while self.script(&whether) != true {
            let state = "return [...document.querySelectorAll('audio')].map(a => [a.src, a.currentTime, a.paused, a.readyState, \
                         a.error?.message]).concat(document.querySelector('#status').textContent)";
            assert!(since.elapsed() < PATIENCE, "not within {PATIENCE:?}: {script}: {}", self.script(state));
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Makes the window look like a phone's or a desktop's, by day or by night.
    pub(crate) fn look(&self, width: u32, height: u32, scheme: &str) {
        let cdp = |command: &str, params: Value| {
            self.ask("goog/cdp/execute", &json!({"cmd": command, "params": params}))
        };
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        cdp("Emulation.setDeviceMetricsOverride", metrics);
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        cdp("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    pub(crate) fn open(&self, url: &str) {
        self.ask("url", &json!({"url": url}));
    }

    /// What has gone wrong, as the console tells it; it is told once.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.ask("se/log", &json!({"type": "browser"}));
        let severe = |entry: &&Value| entry["level"] == "SEVERE" || entry["level"] == "WARNING";
        log.as_array().unwrap().iter().filter(severe).map(|entry| entry["message"].to_string()).collect()
    }

    /// A picture of the window, where `TONEPRESS_SCREENS` names a folder for them.
    pub(crate) fn picture(&self, name: &str) {
        use base64::Engine as _;
        let Some(folder) = std::env::var_os("TONEPRESS_SCREENS") else { return };
        // Transitions end, covers come.
        thread::sleep(Duration::from_millis(900));
        let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
        let mut answer = agent.get(format!("{}/screenshot", self.session)).call().unwrap();
        let answer: Value = answer.body_mut().with_config().limit(64 << 20).read_json().unwrap();
        let png =
            base64::engine::general_purpose::STANDARD.decode(answer["value"].as_str().unwrap()).unwrap();
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), png).unwrap();
    }

    pub(crate) fn click(&self, selector: &str) {
        let found = self.ask("element", &json!({"using": "css selector", "value": selector}));
        let element = found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
        self.ask(&format!("element/{element}/click"), &json!({}));
    }

    pub(crate) fn press(&self, key: char) {
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
