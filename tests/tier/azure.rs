//! The tier and masters on Azure Blob Storage, as azurite speaks it.

use std::process::Child;
use std::sync::LazyLock;

use tonepress::engine::Priority;
use tonepress::master::{Master, ObjectSource};
use tonepress::store::{Access, Kept};
use tonepress::{Error, ReadAt};

use crate::common::{press::wav, run, signal::Music, tool};
use crate::proxy::{Fate, Proxy};
use crate::scene::{engine, expected, fill, fill_with, go_round, master, profile, slow_engine, stats};
use crate::server::{free_port, start, wait_for};

const ACCOUNT: &str = "tonepress";
/// The account's key, which the server is told, and another.
const KEY: &str = "dG9uZXByZXNzdG9uZXByZXNzdG9uZXByZXNz";
const OTHER_KEY: &str = "bm9ib2R5bm9ib2R5bm9ib2R5bm9ib2R5bm9i";

/// Makes a container: `object_store` cannot, and the service wants the request signed.
const MAKE: &str = "
import base64, hashlib, hmac, sys, urllib.request
from email.utils import formatdate
port, account, key, name = sys.argv[1:]
date = formatdate(usegmt=True)
text = f'PUT{chr(10) * 12}x-ms-date:{date}\\nx-ms-version:2021-08-06\\n/{account}/{account}/{name}\\nrestype:container'
signature = base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()
headers = {'x-ms-date': date, 'x-ms-version': '2021-08-06', 'Authorization': f'SharedKey {account}:{signature}'}
url = f'http://127.0.0.1:{port}/{account}/{name}?restype=container'
urllib.request.urlopen(urllib.request.Request(url, method='PUT', headers=headers))
";

struct Azurite {
    port: u16,
    _process: Child,
}

impl Azurite {
    fn start() -> Option<Self> {
        let mut command = tool("azurite-blob")?;
        tool("python3")?;
        let (folder, port) = (tempfile::tempdir().unwrap().keep(), free_port());
        command.args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string(), "--inMemoryPersistence"]);
        command.args(["--silent", "--disableTelemetry", "--skipApiVersionCheck"]);
        let process = start(command.env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{KEY}")), &folder);
        wait_for(port);
        Some(Self { port, _process: process })
    }

    fn container(&self, name: &str) {
        let mut python = std::process::Command::new("python3");
        run(python.args(["-c", MAKE, &self.port.to_string(), ACCOUNT, KEY, name]));
    }
}

fn url(port: u16, key: &str, place: &str) -> String {
    format!(
        "az://{place}?endpoint=http://127.0.0.1:{port}/{ACCOUNT}&account_name={ACCOUNT}&access_key={key}&allow_http=true"
    )
}

/// The server, started once for all tests; `None` (said aloud) if it is not installed.
fn azurite() -> Option<&'static Azurite> {
    static SERVER: LazyLock<Option<Azurite>> = LazyLock::new(Azurite::start);
    SERVER.as_ref()
}

#[test]
fn renditions_go_round() {
    let Some(server) = azurite() else { return };
    server.container("round");
    for text in ["320", "v2"] {
        let url = url(server.port, KEY, "round/a/b");
        let folder = tempfile::tempdir().unwrap();
        let (node, Kept { key, .. }) = go_round("azurite", folder.path(), &url, Access::ReadWrite, text);
        let keeper = node.store().unwrap().tier_keeper().unwrap();
        keeper.remove(&key).unwrap();
        assert!(keeper.list().unwrap().iter().all(|kept| kept.key != key));
        assert!(keeper.pull(&key).unwrap().is_some(), "it is in the store");
        assert!(keeper.push(&key).unwrap() && !keeper.push(&key).unwrap());
    }
}

#[test]
fn a_range_is_one_request_and_put_if_absent_is_heeded() {
    let Some(server) = azurite() else { return };
    server.container("range");
    let place = url(server.port, KEY, "range");
    fill(&place, "320");
    let folder = tempfile::tempdir().unwrap();
    let again = engine(folder.path(), &place, Access::Write);
    again.request(&master(), &profile("320")).unwrap().wait().unwrap();
    assert!(again.store().unwrap().finish_uploads(std::time::Duration::from_secs(60)));
    assert_eq!((stats(&again).uploads, stats(&again).uploads_present), (0, 1));

    let expected = expected("320");
    let proxy = Proxy::new(server.port, |_| Fate::Pass);
    let at = expected.len() as u64 - 1_000;
    let is_of_the_range = |_: usize| {
        let (folder, before) = (tempfile::tempdir().unwrap(), proxy.seen().len());
        let node = slow_engine(folder.path(), &url(proxy.port, KEY, "range"), Access::Read);
        let range = at..expected.len() as u64;
        let rendition = node.request_range(&master(), &profile("320"), range, Priority::Customer).unwrap();
        let mut bytes = vec![0; 1_000];
        let read = rendition.read_at(&mut bytes, at).unwrap();
        assert!(bytes[..read] == expected[at as usize..][..read]);
        drop(rendition);
        let gets = proxy.seen().split_off(before);
        assert!(gets.len() <= 1 && gets.iter().all(|get| get.body < expected.len() * 2 / 3), "{gets:?}");
        let range = gets.first().and_then(|get| get.range.as_ref());
        range.is_some_and(|range| !range.starts_with("bytes=0-"))
    };
    // On a busy machine the range may be pressed before the tier is asked.
    assert!((0..10).any(is_of_the_range), "{:?}", proxy.seen());
}

#[test]
fn wrong_credentials_are_a_miss() {
    let Some(server) = azurite() else { return };
    server.container("wrong");
    fill(&url(server.port, KEY, "wrong"), "64");
    let folder = tempfile::tempdir().unwrap();
    let node = engine(folder.path(), &url(server.port, OTHER_KEY, "wrong"), Access::ReadWrite);
    let rendition = node.request(&master(), &profile("64")).unwrap();
    assert!(rendition.wait().unwrap().as_ref() == expected("64"));
    assert!(node.store().unwrap().finish_uploads(std::time::Duration::from_secs(60)));
    assert_eq!((stats(&node).hits, stats(&node).uploads_failed), (0, 1), "{:?}", stats(&node));
    assert!(node.store().unwrap().tier_failure().is_some());
}

#[test]
fn masters_are_those_of_files() {
    let Some(server) = azurite() else { return };
    server.container("masters");
    let music = |seconds: u64| wav(&Music::new(44_100, seconds * 44_100), 44_100, 2, seconds * 44_100);
    let put = |bytes: &[u8]| {
        let body = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(body.path(), bytes).unwrap();
        let object = format!("http://127.0.0.1:{}/{ACCOUNT}/masters/a.wav", server.port);
        put_blob(&object, body.path());
    };
    put(&music(30));
    let place = url(server.port, KEY, "masters");
    let listed = ObjectSource::list(&place).unwrap();
    let there = url(server.port, KEY, "masters/a.wav");
    assert_eq!(listed, [(there.clone(), music(30).len() as u64)]);
    let master = Master::open(&there).unwrap();
    let local = tempfile::tempdir().unwrap();
    std::fs::write(local.path().join("a.wav"), music(30)).unwrap();
    assert_eq!(master.id().unwrap(), Master::open(local.path().join("a.wav")).unwrap().id().unwrap());
    // A master in a bucket and a tier in another, which are never mixed up.
    fill_with(&url(server.port, KEY, "masters/tier"), &master, "64");
    // Replaced while it is open.
    let other = Master::open(&there).unwrap();
    put(&music(31));
    assert!(matches!(other.id(), Err(Error::Changed { .. })));
}

/// Puts a blob by a URL that is signed for it.
fn put_blob(object: &str, body: &std::path::Path) {
    use object_store::signer::Signer;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (endpoint, rest) = object.split_once(&format!("/{ACCOUNT}/")).unwrap();
    let (container, name) = rest.split_once('/').unwrap();
    let signer = object_store::azure::MicrosoftAzureBuilder::new()
        .with_endpoint(format!("{endpoint}/{ACCOUNT}"))
        .with_allow_http(true)
        .with_account(ACCOUNT)
        .with_access_key(KEY)
        .with_container_name(container)
        .build()
        .unwrap();
    let path = object_store::path::Path::parse(name).unwrap();
    let signed = signer.signed_url(http::Method::PUT, &path, std::time::Duration::from_secs(600));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = runtime.block_on(signed).unwrap();
    let mut curl = std::process::Command::new("curl");
    curl.args(["-sS", "--fail-with-body", "-X", "PUT", "-H", "x-ms-blob-type: BlockBlob", "--data-binary"]);
    run(curl.arg(format!("@{}", body.display())).arg(url.as_str()));
}
