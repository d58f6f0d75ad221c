//! What README and docs show is what the program says: their sessions are run again and compared.
//!
//! `TONEPRESS_BLESS=1 cargo test --test readme` writes what it says now.
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use common::program::{err, out, tonepress};

const PAGES: [&str; 2] = ["README.md", "docs/users.md"];

/// A session with what the program says to each of its commands.
fn run_again(session: &str, folder: &Path) -> String {
    let mut said = String::new();
    for line in session.lines().filter(|line| line.starts_with("$ ")) {
        let arguments: Vec<_> = line.strip_prefix("$ tonepress ").unwrap().split_whitespace().collect();
        let output = tonepress(&arguments, folder);
        assert!(output.status.success(), "{line}: {}", err(&output));
        let gap = if said.is_empty() { "" } else { "\n" };
        // Renditions are told as they are done.
        let mut told: Vec<String> = out(&output).lines().map(str::to_owned).collect();
        if line.contains(" encode ") {
            told.sort();
        }
        told.extend(err(&output).lines().map(str::to_owned));
        writeln!(said, "{gap}{line}\n{}", told.join("\n")).unwrap();
    }
    lasting(&said)
}

/// Without what depends on the machine and the moment: speeds and times taken.
fn lasting(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let bare = word.trim_matches(['(', ')']);
        let speed = bare.strip_suffix('x').is_some_and(|number| number.parse::<f64>().is_ok());
        let taken = words.last().is_some_and(|before| before == "in") && word.contains(':');
        words.push(if speed || taken { word.replace(bare, "…") } else { word.to_owned() });
    }
    words.join(" ")
}

#[test]
fn every_session_is_what_the_program_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bless = std::env::var_os("TONEPRESS_BLESS").is_some_and(|value| value == "1");
    let mut sessions = 0;
    for page in PAGES {
        let text = fs::read_to_string(root.join(page)).unwrap();
        let mut written = String::new();
        let mut parts = text.split("```console\n");
        written += parts.next().unwrap();
        for part in parts {
            sessions += 1;
            let (session, rest) = part.split_once("```").unwrap();
            let folder = tempfile::tempdir().unwrap();
            symlink(root.join("testdata"), folder.path().join("testdata")).unwrap();
            let said = run_again(session, folder.path());
            if !bless {
                assert_eq!(session, said, "{page} is stale: TONEPRESS_BLESS=1 writes it anew");
            }
            write!(written, "```console\n{said}```{rest}").unwrap();
        }
        if bless {
            fs::write(root.join(page), written).unwrap();
        }
    }
    assert!(sessions >= 3, "{sessions} sessions");
}

#[test]
fn the_readme_is_short_and_its_links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    assert!(readme.lines().count() < 150);
    for page in ["README.md", "docs/users.md", "docs/backends.md", "docs/licences.md", "ARCHITECTURE.md"] {
        let path = root.join(page);
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap()) {
            let there = link.is_empty() || link.contains("://") || path.parent().unwrap().join(link).exists();
            assert!(there, "{page}: {link} leads nowhere");
        }
    }
    let hyper = fs::read_to_string(root.join("examples/hyper.rs")).unwrap();
    let lines = hyper.lines().count();
    let backends = fs::read_to_string(root.join("docs/backends.md")).unwrap();
    assert!(lines < 60 && backends.contains(&format!("a complete one in {lines} lines")), "{lines} lines");
}
