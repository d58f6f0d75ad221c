//! The Indexed Job: it is read as Kubernetes reads it, and its container's command is run as each pod would.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::common::{run, tool};
use crate::{check_shards, deployed, write_masters};

/// A YAML file as JSON; `None` (said aloud) without Python.
fn yaml(path: &str) -> Option<Value> {
    tool("python3")?;
    // Debian's Python has Debian's packages; the first in the path may be another.
    let reads = |python: &&str| {
        Command::new(python).args(["-c", "import yaml"]).output().is_ok_and(|output| output.status.success())
    };
    let python = ["/usr/bin/python3", "python3"].into_iter().find(reads);
    let required = std::env::var_os("TONEPRESS_REQUIRE_TOOLS").is_some_and(|value| value == "1");
    assert!(python.is_some() || !required, "PyYAML is not installed");
    let program = "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)";
    Some(
        serde_json::from_slice(&run(Command::new(python?).args(["-c", program]).arg(deployed(path))))
            .unwrap(),
    )
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_pods_of_a_job_press_everything_once() {
    let Some(job) = yaml("kubernetes/prewarm-job.yaml") else { return };
    let spec = &job["spec"];
    assert_eq!((&job["kind"], &spec["completionMode"]), (&"Job".into(), &"Indexed".into()));
    let pod = &spec["template"]["spec"];
    let container = &pod["containers"][0];
    let env: BTreeMap<_, _> = container["env"]
        .as_array()
        .unwrap()
        .iter()
        .map(|env| (env["name"].as_str().unwrap(), env["value"].as_str().unwrap()))
        .collect();
    let count = spec["completions"].as_u64().unwrap();
    assert_eq!(env["TONEPRESS_SHARD_COUNT"], count.to_string());
    // What is mounted is there, and what the command names is mounted.
    let mounts: Vec<_> = container["volumeMounts"].as_array().unwrap().iter().collect();
    for mount in &mounts {
        assert!(pod["volumes"].as_array().unwrap().iter().any(|volume| volume["name"] == mount["name"]));
    }
    let is_mounted = |path: &str| mounts.iter().any(|mount| mount["mountPath"] == path);
    assert_eq!(texts(&container["command"]), ["tonepress"]);
    let args = texts(&container["args"]);
    assert!(is_mounted(&args[1]) && is_mounted(env["TONEPRESS_CACHE"]));

    let folder = tempfile::tempdir().unwrap();
    write_masters(&folder.path().join("masters"));
    let said = (0..count).map(|index| {
        // The mounts are in a folder of ours here.
        let args = args.iter().map(|arg| arg.strip_prefix('/').filter(|_| is_mounted(arg)).unwrap_or(arg));
        let mut command = Command::new(env!("CARGO_BIN_EXE_tonepress"));
        command
            .args(args)
            .current_dir(folder.path())
            .envs(&env)
            .env("JOB_COMPLETION_INDEX", index.to_string());
        let cache = env["TONEPRESS_CACHE"].trim_start_matches('/');
        String::from_utf8(run(command.env("TONEPRESS_CACHE", cache).arg("--nearest"))).unwrap()
    });
    let said: Vec<_> = said.collect();
    // 192 and 320 kbps fall to 160 at 22.05 kHz.
    check_shards(&said, 3);
}
