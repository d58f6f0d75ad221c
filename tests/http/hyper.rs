//! The smallest server, as `examples/hyper.rs` has it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::common::program::examples;
use crate::common::{run, tool};
use crate::{engine, profile, strings};

struct Stop(Child);

impl Drop for Stop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn curl_gets_any_range_from_bare_hyper() {
    let Some(_) = tool("curl") else { return };
    let mut server = Command::new(examples().join("examples/hyper"));
    server.args(["testdata/strings.flac", "127.0.0.1:0"]).stdout(Stdio::piped());
    let mut server = Stop(server.spawn().unwrap());
    let mut url = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut url).unwrap();

    let object = engine(1).request(&strings(), &profile("320")).unwrap().wait().unwrap();
    let get = |arguments: &[&str]| {
        run(Command::new("curl").args(["-sS", "--max-time", "60"]).args(arguments).arg(url.trim()))
    };
    let end = get(&["-r", "-1000"]);
    assert!(object.as_ref().ends_with(&end) && end.len() == 1_000);
    assert!(get(&[]).ends_with(object.as_ref()));
    assert!(String::from_utf8(get(&["-I"])).unwrap().contains("ccept-ranges: bytes") || cfg!(not(unix)));
}
