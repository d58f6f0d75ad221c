//! S3 servers, started here and stopped when dropped.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use object_store::aws::AmazonS3Builder;
use object_store::signer::Signer;

use crate::common::{run, tool};

pub struct Server {
    pub name: &'static str,
    pub port: u16,
    /// The id and the secret of an account.
    pub account: (&'static str, &'static str),
    /// Their inputs are open for as long as this is.
    _processes: Vec<Child>,
}

const ACCOUNT: (&str, &str) = ("tonepress", "tonepresssecret");

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn wait_for(port: u16) {
    let until = Instant::now() + Duration::from_secs(120);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "no server on port {port}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Starts `command`, which ends with the test program, however that ends: a shell waits for the end of its input.
pub fn start(command: &mut Command, folder: &Path) -> Child {
    let script =
        r#""$@" </dev/null >/dev/null 2>&1 & p=$!; cat >/dev/null; kill -9 $p; sleep 1; rm -rf "$FOLDER""#;
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(command.get_program()).args(command.get_args());
    shell.current_dir(folder).env("FOLDER", folder).stdin(Stdio::piped());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    shell.spawn().unwrap()
}

impl Server {
    /// moto, which keeps everything in memory and takes any account.
    fn moto() -> Option<Self> {
        let mut command = tool("moto_server")?;
        let (folder, port) = (tempfile::tempdir().unwrap().keep(), free_port());
        let child = start(command.args(["-H", "127.0.0.1", "-p", &port.to_string()]), &folder);
        wait_for(port);
        Some(Self { name: "moto", port, account: ACCOUNT, _processes: vec![child] })
    }

    /// A Ceph of one node that keeps everything in memory, and its gateway.
    fn radosgw() -> Option<Self> {
        for program in ["ceph-mon", "ceph-osd", "ceph-mgr", "radosgw-admin"] {
            tool(program)?;
        }
        let mut gateway = tool("radosgw")?;
        let folder = tempfile::tempdir().unwrap().keep();
        let (port, monitor) = (free_port(), free_port());
        let at = folder.as_path();
        for name in ["mon", "osd", "mgr", "run", "log"] {
            fs::create_dir(at.join(name)).unwrap();
        }
        let id = uuid();
        fs::write(at.join("ceph.conf"), configuration(at, &id, port, monitor)).unwrap();
        let ceph = |program: &str, arguments: &str| {
            let mut command = Command::new(program);
            command.current_dir(at).env("CEPH_CONF", at.join("ceph.conf"));
            command.args(arguments.split_whitespace());
            command
        };
        let done = |program: &str, arguments: &str| {
            String::from_utf8(run(&mut ceph(program, arguments))).unwrap().trim().to_owned()
        };
        let key = |name: &str, caps: &[(&str, &str)]| {
            let mut command = ceph("ceph-authtool", &format!("keyring --gen-key -n {name}"));
            for (daemon, cap) in caps {
                command.args(["--cap", daemon, cap]);
            }
            run(&mut command);
        };
        done("ceph-authtool", "--create-keyring keyring");
        key("mon.", &[("mon", "allow *")]);
        key("client.admin", &[("mon", "allow *"), ("osd", "allow *"), ("mgr", "allow *")]);
        key("client.rgw", &[("mon", "allow *"), ("osd", "allow *")]);
        done("monmaptool", &format!("--create --fsid {id} --addv a [v2:127.0.0.1:{monitor}] monmap"));
        done("ceph-mon", "-c ceph.conf --mkfs -i a --monmap monmap --keyring keyring");
        let mut processes = vec![start(&mut ceph("ceph-mon", "-f -c ceph.conf -i a"), at)];
        let (osd, secret) = (uuid(), done("ceph-authtool", "--gen-print-key"));
        fs::write(at.join("secret.json"), format!("{{\"cephx_secret\":\"{secret}\"}}")).unwrap();
        done("ceph", &format!("-c ceph.conf osd new {osd} -i secret.json"));
        done("ceph-authtool", &format!("--create-keyring osd/keyring -n osd.0 --add-key {secret}"));
        done("ceph-osd", &format!("-c ceph.conf -i 0 --mkfs --osd-uuid {osd}"));
        processes.push(start(&mut ceph("ceph-osd", "-f -c ceph.conf -i 0"), at));
        let mut manager = ceph("ceph", "-c ceph.conf auth get-or-create mgr.x");
        let keyring = run(manager.args(["mon", "allow profile mgr", "osd", "allow *"]));
        fs::write(at.join("mgr/keyring"), keyring).unwrap();
        processes.push(start(&mut ceph("ceph-mgr", "-f -c ceph.conf -i x"), at));
        gateway.current_dir(at).args(["-f", "-c", "ceph.conf", "-n", "client.rgw"]);
        processes.push(start(&mut gateway, at));
        wait_for(port);
        let (user, secret) = ACCOUNT;
        done(
            "radosgw-admin",
            &format!(
                "-c ceph.conf user create --uid=t --display-name=t --access-key={user} --secret-key={secret}"
            ),
        );
        Some(Self { name: "radosgw", port, account: ACCOUNT, _processes: processes })
    }

    /// The URL of `place` (a bucket and a prefix) through `port`, which may be that of a proxy.
    pub fn url_through(&self, port: u16, place: &str) -> String {
        let (user, secret) = self.account;
        format!(
            "s3://{place}?endpoint=http://127.0.0.1:{port}&allow_http=true&region=us-east-1&access_key_id={user}&secret_access_key={secret}"
        )
    }

    pub fn url(&self, place: &str) -> String {
        self.url_through(self.port, place)
    }

    /// Makes a bucket.
    pub fn bucket(&self, name: &str) {
        self.send(name, "", &[]);
    }

    /// Puts an object: `bucket/name`.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let (bucket, name) = name.split_once('/').unwrap();
        self.send(bucket, name, bytes);
    }

    /// A PUT, signed in its URL: the signatures that curl itself can make are not those that all servers want.
    fn send(&self, bucket: &str, name: &str, bytes: &[u8]) {
        // Somebody else may have installed one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (user, secret) = self.account;
        let signer = AmazonS3Builder::new()
            .with_endpoint(format!("http://127.0.0.1:{}", self.port))
            .with_allow_http(true)
            .with_region("us-east-1")
            .with_bucket_name(bucket)
            .with_access_key_id(user)
            .with_secret_access_key(secret)
            .build()
            .unwrap();
        let path = object_store::path::Path::parse(name).unwrap();
        let signed = signer.signed_url(http::Method::PUT, &path, Duration::from_secs(600));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let url = runtime.block_on(signed).unwrap();
        let body = tempfile::NamedTempFile::new().unwrap();
        fs::write(body.path(), bytes).unwrap();
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--fail-with-body", "-X", "PUT", "-H", "Content-Type:", "--data-binary"]);
        let sent = curl.arg(format!("@{}", body.path().display())).arg(url.as_str());
        let sent = sent.output().unwrap();
        assert!(sent.status.success(), "{}: {}", self.name, String::from_utf8_lossy(&sent.stdout));
    }
}

fn uuid() -> String {
    fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap().trim().to_owned()
}

fn configuration(at: &Path, id: &str, port: u16, monitor: u16) -> String {
    let at = at.display();
    format!(
        "[global]
fsid = {id}
mon host = 127.0.0.1:{monitor}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth allow insecure global id reclaim = true
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
osd pool default pg num = 4
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 4294967296
osd max object name len = 256
mon data avail warn = 2
mon data avail crit = 1
setuser match path =
run dir = {at}/run
admin socket = {at}/run/$name.asok
pid file = {at}/run/$name.pid
log file = {at}/log/$name.log
mon cluster log file = {at}/log/cluster.log
mon data = {at}/mon
osd data = {at}/osd
mgr data = {at}/mgr
keyring = {at}/keyring
[osd]
keyring = {at}/osd/keyring
[mgr]
keyring = {at}/mgr/keyring
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw thread pool size = 64
"
    )
}

/// The servers that are installed, each started once for all tests.
pub fn servers() -> &'static [Server] {
    static SERVERS: LazyLock<Vec<Server>> =
        LazyLock::new(|| [Server::moto(), Server::radosgw()].into_iter().flatten().collect());
    &SERVERS
}

/// Calls `test` with each server, and a bucket of its own.
pub fn with_each(bucket: &str, test: impl Fn(&Server)) {
    for server in servers() {
        server.bucket(bucket);
        test(server);
    }
}
