//! Two store nodes behind nginx, as deploy/nginx has it: each rendition has its node, and no client notices when one is gone.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::common::press::wav;
use crate::common::signal::Music;
use crate::common::{run, tool};
use crate::server::Server;

const MASTERS: u64 = 8;
const PROFILES: [&str; 2] = ["128", "v2"];

fn fill(masters: &Path) {
    for number in 0..MASTERS {
        let samples = 44_100 + number;
        let bytes = wav(&Music::new(44_100, samples), 44_100, 2, samples);
        fs::write(masters.join(format!("{number}.wav")), bytes).unwrap();
    }
}

/// nginx with the deployed configuration, and its URL.
struct Proxy(Child, String);

impl Proxy {
    fn start(nodes: [&Server; 2]) -> Option<(Self, tempfile::TempDir)> {
        let mut nginx = tool("nginx")?;
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let deployed = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/nginx/store-nodes.conf");
        let mut text = fs::read_to_string(deployed).unwrap();
        let addresses = nodes.map(|node| node.url.strip_prefix("http://").unwrap().to_owned());
        for (theirs, ours) in [
            ("node1.example:8080", addresses[0].clone()),
            ("node2.example:8080", addresses[1].clone()),
            ("listen 80;", format!("listen 127.0.0.1:{port};")),
        ] {
            assert_eq!(text.matches(theirs).count(), 1, "{theirs}");
            text = text.replace(theirs, &ours);
        }
        fs::write(folder.path().join("store-nodes.conf"), text).unwrap();
        let at = folder.path().display();
        let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = places.map(|what| format!("{what}_temp_path {at}/{what};")).concat();
        let config = format!(
            "daemon off; pid {at}/pid; error_log {at}/error.log; events {{}}\n\
             http {{ access_log off; {temporary} include {at}/store-nodes.conf; }}\n"
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, config).unwrap();
        nginx.arg("-c").arg(&file).arg("-p").arg(folder.path()).stderr(Stdio::null());
        let proxy = Self(nginx.spawn().unwrap(), format!("http://127.0.0.1:{port}"));
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some((proxy, folder));
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("{}", fs::read_to_string(folder.path().join("error.log")).unwrap_or_default());
    }

    fn get(&self, path: &str) -> Vec<u8> {
        run(Command::new("curl").args(["-sS", "--fail", "--max-time", "60"]).arg(format!("{}{path}", self.1)))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Its workers end with it when it is asked to.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

#[test]
fn each_rendition_has_a_node_and_no_client_notices_when_one_is_gone() {
    let Some(mut first) = Server::start_on(&[], fill) else { return };
    let second = Server::start_on(&[], fill).unwrap();
    let Some((proxy, _folder)) = Proxy::start([&first, &second]) else { return };
    let tracks = second.json("/tracks?limit=100");
    let ids: Vec<_> =
        tracks["items"].as_array().unwrap().iter().map(|track| track["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len() as u64, MASTERS);
    let renditions: Vec<_> =
        ids.iter().flat_map(|id| PROFILES.map(|profile| format!("/tracks/{id}/{profile}"))).collect();
    let all = |which: &str| -> Vec<_> {
        renditions.iter().map(|path| proxy.get(&format!("{which}{path}.mp3"))).collect()
    };

    let pressed = all("");
    let misses = |node: &Server| node.metric("misses_total");
    let (one, two) = (misses(&first), misses(&second));
    assert_eq!(one + two, renditions.len() as u64, "each was pressed by one node");
    assert!(one > 0 && two > 0, "{one} and {two}");
    // The same renditions in another shop, and how far they are.
    assert!(all("/kiosk").len() == pressed.len() && all("") == pressed);
    for path in &renditions {
        let progress: serde_json::Value =
            serde_json::from_slice(&proxy.get(&format!("{path}/progress"))).unwrap();
        assert_eq!(progress["complete"], true, "{progress}");
    }
    assert_eq!((misses(&first), misses(&second)), (one, two), "all were hits");

    first.kill();
    assert!(all("") == pressed, "the same bytes from the other");
    assert_eq!(misses(&second), one + two);
}
