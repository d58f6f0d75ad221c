//! The array script, run by Slurm on this machine.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{run, tool};
use crate::{check_shards, deployed, write_masters};

/// Slurm's daemons, which end with it.
struct Slurm {
    daemons: Vec<Child>,
}

impl Slurm {
    /// A cluster of this machine alone, all in `folder`; `None` (said aloud) if Slurm is not installed. Its daemons want to be root.
    fn start(folder: &Path) -> Option<Self> {
        for program in ["munged", "slurmctld", "slurmd", "sbatch"] {
            tool(program)?;
        }
        if !is_root() {
            println!("SKIPPED: Slurm's daemons have to be started by root");
            return None;
        }
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["state", "spool"] {
            fs::create_dir(folder.join(name)).unwrap();
        }
        let host = String::from_utf8(run(Command::new("hostname").arg("-s"))).unwrap();
        let (host, at) = (host.trim(), folder.display());
        let ports: Vec<_> = (0..2).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let port = |number: usize| ports[number].local_addr().unwrap().port();
        let config = format!(
            "ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={}\nSlurmdPort={}\n\
             AuthType=auth/munge\nCredType=cred/munge\nAuthInfo=socket={at}/munge.socket\nSlurmUser=root\nSlurmdUser=root\n\
             StateSaveLocation={at}/state\nSlurmdSpoolDir={at}/spool\n\
             SlurmctldPidFile={at}/slurmctld.pid\nSlurmdPidFile={at}/slurmd.pid\n\
             ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nJobAcctGatherType=jobacct_gather/none\n\
             AccountingStorageType=accounting_storage/none\nSelectType=select/cons_tres\nSelectTypeParameters=CR_Core\n\
             MpiDefault=none\nReturnToService=2\n\
             NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN\n\
             PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n",
            port(0),
            port(1)
        );
        drop(ports);
        fs::write(folder.join("slurm.conf"), config).unwrap();
        let key = folder.join("munge.key");
        fs::write(&key, blake3::hash(at.to_string().as_bytes()).as_bytes().repeat(32)).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let mut slurm = Self { daemons: Vec::new() };
        let place = |name: &str| format!("{at}/{name}");
        slurm.spawn(
            folder,
            "munged",
            &[
                "--foreground",
                &format!("--socket={}", place("munge.socket")),
                &format!("--key-file={}", place("munge.key")),
                &format!("--pid-file={}", place("munged.pid")),
                &format!("--seed-file={}", place("munged.seed")),
            ],
        );
        wait_until(folder, || folder.join("munge.socket").exists());
        slurm.spawn(folder, "slurmctld", &["-D", "-f", &place("slurm.conf")]);
        slurm.spawn(folder, "slurmd", &["-D", "-f", &place("slurm.conf"), "-N", host]);
        wait_until(folder, || {
            let state = command(folder, "sinfo").args(["-h", "-o", "%T"]).output().unwrap();
            state.stdout.starts_with(b"idle")
        });
        Some(slurm)
    }

    fn spawn(&mut self, folder: &Path, program: &str, args: &[&str]) {
        let log = fs::File::create(folder.join(format!("{program}.log"))).unwrap();
        let mut daemon = Command::new(program);
        daemon.args(args).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.daemons.push(daemon.spawn().unwrap());
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        for daemon in self.daemons.iter_mut().rev() {
            // They end their own children when they are asked to.
            let _ = Command::new("kill").arg(daemon.id().to_string()).status();
            let _ = daemon.wait();
        }
    }
}

fn is_root() -> bool {
    run(Command::new("id").arg("-u")) == b"0\n"
}

/// One of Slurm's commands.
fn command(folder: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("SLURM_CONF", folder.join("slurm.conf")).current_dir(folder);
    command
}

fn wait_until(folder: &Path, mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        if began.elapsed() > Duration::from_secs(60) {
            for name in ["munged", "slurmctld", "slurmd"] {
                println!(
                    "{name}: {}",
                    fs::read_to_string(folder.join(format!("{name}.log"))).unwrap_or_default()
                );
            }
            panic!("Slurm did not come up");
        }
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn the_tasks_of_an_array_press_everything_once() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path();
    let Some(_slurm) = Slurm::start(folder) else { return };
    write_masters(&folder.join("masters"));
    fs::create_dir(folder.join("bin")).unwrap();
    symlink(env!("CARGO_BIN_EXE_tonepress"), folder.join("bin/tonepress")).unwrap();
    let path = format!("{}/bin:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut sbatch = command(folder, "sbatch");
    // More tasks than the machine has cores, numbered as nobody would expect.
    sbatch.args(["--wait", "--array=3-11:2", "--cpus-per-task=1"]).arg(deployed("slurm/prewarm.sh"));
    run(sbatch.args(["masters", "--to", "64,v5", "--cache", "store", "--json"]).env("PATH", path));
    let said =
        [3, 5, 7, 9, 11].map(|task| fs::read_to_string(folder.join(format!("prewarm-{task}.log"))).unwrap());
    check_shards(&said, 2);
}
