//! The house of ARCHITECTURE.md: a file imports only from floors below its own, and no files import each other in a
//! circle.
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, from the ground up. Rooms on one line are on one floor, and do not import each other.
const FLOORS: [&[&str]; 18] = [
    &["error", "size", "units"],
    &["lanes", "pcm", "price", "read_at", "remote", "series"],
    &["mp3"],
    &["profile"],
    &["master"],
    &["tags"],
    &["encoder"],
    &["rendition"],
    &["build"],
    &["store"],
    &["overlay"],
    &["engine"],
    &["poll_bytes"],
    &["zip"],
    &["aio", "http"],
    &["lib"],
    &["cli"],
    &["main"],
];

fn floor(room: &str) -> usize {
    FLOORS.iter().position(|rooms| rooms.contains(&room)).unwrap_or_else(|| panic!("{room} is on no floor"))
}

/// Every source file by the path of its module, such as `master::flac`.
fn modules() -> BTreeMap<String, PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let inside = path.strip_prefix(&src).unwrap().with_extension("");
            let mut parts: Vec<_> = inside.iter().map(|part| part.to_str().unwrap()).collect();
            if parts.last() == Some(&"mod") {
                parts.pop();
            }
            found.insert(parts.join("::"), path);
        }
    }
    found
}

/// What the `use` lines of a file name, one path each, without its tests.
fn imports(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut all = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find("use ") {
        let line_start = rest[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let before = rest[line_start..at].trim();
        let statement = &rest[at + 4..];
        let end = statement.find(';').unwrap_or(statement.len());
        if matches!(before, "" | "pub" | "pub(crate)" | "pub(super)") {
            let flat: String = statement[..end].split_whitespace().collect::<Vec<_>>().join(" ");
            expand("", &flat, &mut all);
        }
        rest = &statement[end..];
    }
    all
}

/// Takes `a::{b, c::{d}}` apart.
fn expand(prefix: &str, tree: &str, all: &mut Vec<String>) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        all.push(format!("{prefix}{path}"));
        return;
    };
    let prefix = format!("{prefix}{}", &tree[..open]);
    let inside = tree[open + 1..].trim_end().strip_suffix('}').unwrap_or_default();
    let (mut depth, mut start) = (0, 0);
    for (at, c) in inside.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&prefix, &inside[start..at], all);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !inside[start..].trim().is_empty() {
        expand(&prefix, &inside[start..], all);
    }
}

/// The path of an import from the root of the crate; `None` if it is of another crate.
fn absolute(module: &str, import: &str, modules: &BTreeMap<String, PathBuf>) -> Option<String> {
    let in_cli = module == "main" || module.starts_with("cli");
    if let Some(path) = import.strip_prefix("crate::") {
        return Some(path.to_owned());
    }
    if let Some(path) = import.strip_prefix("tonepress::").filter(|_| in_cli) {
        return Some(path.to_owned());
    }
    let mut here: Vec<_> = module.split("::").collect();
    let mut rest = import;
    let mut climbed = false;
    while let Some(after) = rest.strip_prefix("super::") {
        here.pop();
        rest = after;
        climbed = true;
    }
    if let Some(after) = rest.strip_prefix("self::") {
        return Some([&here.join("::"), "::", after].concat());
    }
    if climbed {
        return Some(if here.is_empty() { rest.to_owned() } else { format!("{}::{rest}", here.join("::")) });
    }
    // A child of this module.
    let child = format!("{module}::{}", rest.split("::").next().unwrap_or_default());
    modules.contains_key(&child).then(|| format!("{module}::{rest}"))
}

/// The file that an imported path leads to: its module, or the one that a module takes the name from.
fn target(path: &str, modules: &BTreeMap<String, PathBuf>, depth: usize) -> Option<String> {
    let mut module = path;
    while !modules.contains_key(module) {
        module = module.rsplit_once("::")?.0;
    }
    let name = path[module.len()..].trim_start_matches("::");
    if !name.is_empty() && depth < 5 {
        let text = fs::read_to_string(&modules[module]).unwrap();
        for import in imports(&text) {
            if import.rsplit("::").next() == Some(name)
                && let Some(path) = absolute(module, &import, modules)
                && path != format!("{module}::{name}")
            {
                return target(&path, modules, depth + 1);
            }
        }
    }
    Some(module.to_owned())
}

/// Which file imports from which.
fn graph() -> BTreeMap<String, BTreeSet<String>> {
    let modules = modules();
    let mut graph = BTreeMap::new();
    for (module, path) in &modules {
        let text = fs::read_to_string(path).unwrap();
        let wanted: BTreeSet<_> = imports(&text)
            .iter()
            .filter_map(|import| target(&absolute(module, import, &modules)?, &modules, 0))
            .filter(|other| other != module)
            .collect();
        graph.insert(module.clone(), wanted);
    }
    graph
}

fn room(module: &str) -> &str {
    module.split("::").next().unwrap_or_default()
}

#[test]
fn no_import_climbs() {
    let mut climbing = Vec::new();
    for (module, wanted) in graph() {
        for other in wanted {
            let (from, to) = (room(&module), room(&other));
            if from != to && floor(to) >= floor(from) {
                climbing.push(format!("{module} imports {other}"));
            }
        }
    }
    assert!(climbing.is_empty(), "imports that climb:\n{}", climbing.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let graph = graph();
    let reaches = |from: &str| {
        let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
        while let Some(next) = left.pop() {
            for other in graph.get(next).into_iter().flatten() {
                if seen.insert(other.as_str()) {
                    left.push(other);
                }
            }
        }
        seen
    };
    let all: BTreeMap<_, _> = graph.keys().map(|module| (module.as_str(), reaches(module))).collect();
    let mut circles = BTreeSet::new();
    for (module, reached) in &all {
        if reached.contains(module) {
            let ring: Vec<_> =
                reached.iter().filter(|other| all[**other].contains(module)).copied().collect();
            circles.insert(ring.join(", "));
        }
    }
    assert!(circles.is_empty(), "{circles:#?}");
}
