//! What people type, and how they are answered.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)] // whatever goes wrong fails the test

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use common::press::wav;
use common::program::{err, objects, out, tonepress};
use common::signal::Music;
use common::tool;
use tempfile::TempDir;

fn master(folder: &Path, name: &str, rate: u32, samples: u64) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, wav(&Music::new(rate, samples), rate, 2, samples)).unwrap();
}

/// A folder with `one.wav` (44.1 kHz) and `low.wav` (22.05 kHz).
fn masters() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    master(folder.path(), "one.wav", 44_100, 100_000);
    master(folder.path(), "low.wav", 22_050, 50_000);
    folder
}

/// A FLAC with tags; false (said aloud) without the program that makes it.
fn tagged(folder: &Path, name: &str, seed: u64, tags: &[&str]) -> bool {
    let Some(mut flac) = tool("flac") else { return false };
    master(folder, "tagged.tmp.wav", 44_100, 60_000 + seed);
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let tags = tags.iter().map(|tag| format!("--tag={tag}"));
    common::run(flac.args(["-s", "-f"]).args(tags).arg("-o").arg(path).arg(folder.join("tagged.tmp.wav")));
    fs::remove_file(folder.join("tagged.tmp.wav")).unwrap();
    true
}

/// The program with something on its standard input.
fn fed(args: &[&str], folder: &Path, input: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tonepress"))
        .args(args)
        .current_dir(folder)
        .stdin(File::open(folder.join(input)).map(through_a_pipe).unwrap())
        .output()
        .unwrap()
}

/// A pipe that a file comes through.
fn through_a_pipe(mut file: File) -> Stdio {
    let (reader, mut writer) = std::io::pipe().unwrap();
    thread::spawn(move || {
        let _ = std::io::copy(&mut file, &mut writer); // nobody may want all
    });
    reader.into()
}

/// Standard error, without what is remarked of the tags of these masters.
fn said(output: &Output) -> String {
    err(output)
        .lines()
        .filter(|line| !line.contains("ID3 tag left out"))
        .fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn one_master_at_one_profile_is_written_to_the_file_that_was_named() {
    let folder = masters();
    let dir = folder.path();
    let encode = |args: &[&str]| tonepress(&[&["encode"], args].concat(), dir);
    let output = encode(&["one.wav", "--to", "64", "-o", "new/song.mp3"]);
    assert!(output.status.success() && out(&output).starts_with("new/song.mp3  "), "{}", said(&output));
    assert!(said(&output).starts_with("1 MP3, "), "{}", said(&output));
    let file = fs::read(dir.join("new/song.mp3")).unwrap();
    assert!(encode(&["one.wav", "--to", "64", "-o", "-"]).stdout == file, "the same to standard output");

    for (args, says) in [
        (&["one.wav", "--to", "64,96", "-o", "x.mp3"][..], "there are 2 profiles"),
        (&["one.wav", "low.wav", "--to", "64", "-o", "x.mp3"], "more than one master"),
        (&["one.wav", "--to", "64", "-o", "x.mp3", "--name", "{stem}"], "leave --name out"),
        (&["one.wav", "--to", "64,96", "-o", "-"], "one master at one profile"),
        (&["one.wav", "--to", "64", "-o", "-", "--json"], "--json"),
        (&[".", "--to", "64", "-o", "-"], "not a folder"),
    ] {
        let output = encode(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(said(&output).contains(says), "{args:?}: {}", said(&output));
    }
    assert!(!dir.join("x.mp3").exists());
    assert!(encode(&["one.wav", "--to", "64,96", "-o", "x.mp3/"]).status.success());
    assert!(dir.join("x.mp3/one.96.mp3").exists(), "a folder, since it was called one");

    if let Some(mut script) = tool("script") {
        let program = env!("CARGO_BIN_EXE_tonepress");
        let output = script
            .args(["-qec", &format!("{program} encode one.wav --to 64 -o -"), "/dev/null"])
            .current_dir(dir)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(out(&output).contains("cannot be shown on a terminal"), "{}", out(&output));
    }
}

#[test]
fn masters_come_through_pipes() {
    let folder = masters();
    let dir = folder.path();
    assert!(tonepress(&["encode", "one.wav", "--to", "64,v4", "-o", "."], dir).status.success());
    let expected = fs::read(dir.join("one.64.mp3")).unwrap();
    let output = fed(&["encode", "-", "-b", "64", "-o", "in.mp3", "-v"], dir, "one.wav");
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("standard input: 400.08 kB spooled"), "{}", said(&output));
    assert!(fs::read(dir.join("in.mp3")).unwrap() == expected);
    assert!(fed(&["encode", "-", "-b", "64", "-o", "-"], dir, "one.wav").stdout == expected);
    assert!(
        fed(&["get", "-", "-b", "64", "--range", "5000-5999", "--tags"], dir, "one.wav").stdout
            == expected[5_000..6_000]
    );
    assert!(
        fed(&["encode", "-", "-b", "64,v4", "-o", "both", "--cache", "store"], dir, "one.wav")
            .status
            .success()
    );
    assert!(fs::read(dir.join("both/stdin.64.mp3")).unwrap() == expected);
    assert_eq!(objects(&fed(&["plan", "-", "-b", "64", "--json"], dir, "one.wav"))[0]["master"], "-");
    assert!(out(&fed(&["probe", "-"], dir, "one.wav")).contains("100,000 samples"));

    let nowhere = fed(&["encode", "-", "-b", "64"], dir, "one.wav");
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(err(&nowhere).contains("where to?"), "{}", err(&nowhere));
    fs::write(dir.join("text"), "hello").unwrap();
    let text = fed(&["encode", "-", "-b", "64", "-o", "-"], dir, "text");
    assert!(err(&text).contains("standard input: not recognised as audio"), "{}", err(&text));

    common::run(Command::new("mkfifo").arg(dir.join("pipe")));
    let (from, to) = (dir.join("one.wav"), dir.join("pipe"));
    let writer = thread::spawn(move || fs::copy(from, to));
    let output = tonepress(&["encode", "pipe", "-b", "64", "-o", "pipe.mp3"], dir);
    assert!(output.status.success(), "{}", said(&output));
    assert!(writer.join().unwrap().is_ok() && fs::read(dir.join("pipe.mp3")).unwrap() == expected);
}

#[test]
fn what_people_type_is_understood() {
    let folder = masters();
    let dir = folder.path();
    let profiles = |args: &[&str]| {
        let output = tonepress(&[&["plan", "one.wav", "--json"], args].concat(), dir);
        objects(&output).iter().map(|plan| plan["profile"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(profiles(&["-b", "320k"]), ["320"]);
    assert_eq!(profiles(&["-b", "320,cbr192kbps,ABR160k", "--to", "V0"]), ["320", "192", "abr160", "v0"]);

    let quiet = tonepress(&["encode", "one.wav", "-b", "64", "-o", "out", "-q"], dir);
    assert!(quiet.status.success() && quiet.stdout.is_empty() && quiet.stderr.is_empty(), "{}", err(&quiet));
    let quiet = tonepress(&["encode", "gone.wav", "-b", "64", "-q"], dir);
    assert_eq!(err(&quiet), "error: gone.wav: No such file or directory\n");
    assert!(!out(&tonepress(&["plan", "one.wav", "-b", "64", "-q"], dir)).is_empty(), "what was asked for");
    let again = tonepress(&["encode", "one.wav", "-b", "64", "-o", "out", "-v"], dir);
    assert!(err(&again).starts_with("out/one.64.mp3: there already\n"), "{}", err(&again));

    let errors = |args: &[&str], no_color: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tonepress"));
        command.args(["plan", "gone.wav", "-b", "64"]).args(args).env("NO_COLOR", no_color).current_dir(dir);
        err(&command.output().unwrap())
    };
    assert!(errors(&["--color", "always"], "1").starts_with("\u{1b}[1;31merror:"));
    for (args, no_color) in [(&[][..], "1"), (&["--color", "never"], ""), (&["--color=auto"], "")] {
        assert!(errors(args, no_color).starts_with("error:"), "{args:?}");
    }
    let help = out(&tonepress(&["--help"], dir));
    for variable in [
        "TONEPRESS_CACHE ",
        "TONEPRESS_CACHE_SIZE",
        "TONEPRESS_ACCEPT",
        "TONEPRESS_ENCODER",
        "NO_COLOR",
        "COLUMNS",
        "TMPDIR",
    ] {
        assert!(help.contains(variable), "{variable}");
    }
}

#[test]
fn what_is_nearly_right_is_answered_with_what_would_be() {
    let folder = masters();
    for (args, code, says) in [
        (&["one.wav"][..], 2, "tonepress encode one.wav --to 320"),
        (&["encod", "one.wav"], 2, "'encode'"),
        (&["encode", "one.wav", "song.mp3", "--to", "64", "-f"], 1, "; the MP3 to write is named with -o\n"),
        (&["encode", "low.wav", "--to", "320"], 1, "; --nearest takes the next lower one\n"),
        (&["cache", "ls"], 2, "--cache DIR"),
    ] {
        let output = tonepress(args, folder.path());
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        assert!(err(&output).contains(says), "{args:?}: {}", err(&output));
    }
}

#[test]
fn waiting_for_a_pipe_can_be_interrupted() {
    let folder = masters();
    for args in [&["encode", "-", "-b", "64", "-o", "x.mp3"][..], &["get", "-", "-b", "64", "-o", "y.mp3"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tonepress"))
            .args(args)
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut master = child.stdin.take().unwrap();
        // More than a pipe holds: it is being read when this returns. It never ends.
        master.write_all(&fs::read(folder.path().join("one.wav")).unwrap()).unwrap();
        let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{args:?}");
        drop(master);
    }
    assert!(!folder.path().join("x.mp3").exists() && !folder.path().join("y.mp3").exists());
}

#[test]
fn what_is_excluded_is_left_out_of_folders() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    for name in ["a/one.wav", "a/demos/two.wav", "b/demos/three.wav", "b/four.live.wav"] {
        master(dir, name, 22_050, 5_000);
    }
    let left = |args: &[&str]| {
        let output =
            tonepress(&[&["plan", "a", "b", "b/four.live.wav", "-b", "32", "--json"], args].concat(), dir);
        assert!(output.status.success(), "{}", said(&output));
        objects(&output).iter().map(|plan| plan["master"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let named = "b/four.live.wav";
    assert_eq!(left(&[]).len(), 5);
    assert_eq!(left(&["--exclude", "demos"]), ["a/one.wav", named, named]);
    assert_eq!(left(&["--exclude", "demos/"]), left(&["--exclude", "demos"]));
    assert_eq!(
        left(&["--exclude", "*.live.*", "--exclude", "one.wav"]),
        ["a/demos/two.wav", "b/demos/three.wav", named]
    );
    assert_eq!(left(&["--exclude", "demos/t*"]), ["a/one.wav", named, named]);
    assert_eq!(left(&["--exclude", "*.wav"]), [named], "what is named is wanted");
    let wrong = tonepress(&["plan", "a", "-b", "32", "--exclude", "[a"], dir);
    assert_eq!(wrong.status.code(), Some(2));
    let dry =
        ["prewarm", "a", "b", "-b", "32", "--cache", "store", "--dry-run", "--json", "--exclude", "demos"];
    assert_eq!(objects(&tonepress(&dry, dir)).len(), 3, "two and the summary");
}

#[test]
fn a_dry_run_writes_nothing_and_foretells_what_is_written() {
    let folder = masters();
    let encode = |args: &[&str]| {
        let all = [&["encode", ".", "-b", "64,v5", "-o", "out", "--json", "--tag", "TITLE=x"], args].concat();
        tonepress(&all, folder.path())
    };
    let planned = objects(&encode(&["--dry-run"]));
    assert!(!folder.path().join("out").exists());
    let written = objects(&encode(&[]));
    assert_eq!((planned.len(), written.len()), (4, 4));
    for plan in &planned {
        let made = written.iter().find(|made| made["path"] == plan["path"]).unwrap();
        assert!(plan["exact"] == false || plan["file_bytes"] == made["file_bytes"], "{plan} {made}");
    }
    let human = tonepress(&["encode", ".", "-b", "64,32", "-o", "out", "--dry-run"], folder.path());
    assert!(said(&human).starts_with("2 MP3s would be written, "), "{}", said(&human));
    assert!(said(&human).ends_with("; 2 are there already (--force encodes again)\n"), "{}", said(&human));
}

#[test]
fn tags_name_mp3s_and_a_collision_names_both_masters() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let album = ["ALBUMARTIST=AC/DC", "ALBUM=..", "TRACKNUMBER=3/9", "TITLE=What? Why: \"no\""];
    if !tagged(dir, "in/a.flac", 0, &album) {
        return;
    }
    tagged(dir, "in/b.flac", 1, &["ARTIST=Björk", "TITLE=Jóga"]);
    tagged(dir, "in/c.flac", 2, &["ARTIST=Björk", "TITLE=Jóga"]);
    let template = "{albumartist}/{album}/{track:02} {title}";
    let output = tonepress(&["encode", "in", "-b", "64", "-o", "out", "--name", template], dir);
    assert_eq!(output.status.code(), Some(1));
    assert!(dir.join("out/AC_DC/_/03 What_ Why_ _no_.mp3").exists(), "{}", out(&output));
    assert!(dir.join("out/Björk/Unknown Album/Jóga.mp3").exists(), "{}", out(&output));
    assert_eq!(
        said(&output).lines().next().unwrap(),
        "error: out/Björk/Unknown Album/Jóga.mp3: both in/b.flac (at 64) and in/c.flac (at 64) would be written there; see --name"
    );
    let output = tonepress(&["encode", "in/a.flac", "-b", "64,96", "-o", "two", "--name", "{title}"], dir);
    assert!(said(&output).contains("at 64 and at 96: put {profile} into --name"), "{}", said(&output));
}

#[test]
fn a_profile_falls_to_the_nearest_lower_one_if_asked() {
    let folder = masters();
    let dir = folder.path();
    let low = |args: &[&str]| {
        let output = tonepress(&[args, &["--nearest"]].concat(), dir);
        assert!(output.status.success(), "{}", said(&output));
        output
    };
    let output = low(&["plan", "low.wav", "one.wav", "-b", "320,192,160,v0"]);
    assert!(
        said(&output).starts_with("low.wav: 320 is not possible here; 160 instead\n"),
        "{}",
        said(&output)
    );
    let output = low(&["plan", "low.wav", "one.wav", "-b", "320,192,160,v0", "--json"]);
    let objects_of =
        |kind: &str| objects(&output).into_iter().filter(|object| object["kind"] == kind).collect::<Vec<_>>();
    let plans: Vec<_> =
        objects_of("plan").iter().map(|plan| format!("{} {}", plan["master"], plan["profile"])).collect();
    assert_eq!(plans[..2], [r#""low.wav" "160""#, r#""low.wav" "v0""#], "{plans:?}");
    assert_eq!(plans.len(), 6, "the others as they are");
    let fell = objects_of("fell");
    assert_eq!((fell.len(), &fell[0]["profile"], &fell[0]["nearest"]), (2, &"320".into(), &"160".into()));
    assert!(said(&output).is_empty(), "{}", said(&output));
    assert!(out(&low(&["encode", "low.wav", "-b", "320"])).starts_with("low.160.mp3"));
    assert!(
        low(&["get", "low.wav", "-b", "abr300"]).stdout == low(&["get", "low.wav", "-b", "abr160"]).stdout
    );
    let pressed = objects(&low(&["prewarm", "low.wav", "-b", "320,160", "--cache", "store", "--json"]));
    assert_eq!((pressed.len(), &pressed[1]["profile"]), (3, &"160".into()), "what fell, and the summary");
    let strict = tonepress(&["encode", "low.wav", "-b", "320"], dir);
    assert!(err(&strict).contains("at 22050 Hz MP3 has 8, 16"), "{}", err(&strict));
}

#[test]
fn a_failure_is_said_once_and_counted() {
    let folder = masters();
    let dir = folder.path();
    if !tagged(dir, "cut.flac", 0, &["TITLE=x"]) {
        return;
    }
    // What is not looked through when it is opened fails while it is pressed.
    let whole = fs::read(dir.join("cut.flac")).unwrap();
    fs::write(dir.join("cut.flac"), &whole[..whole.len() / 2]).unwrap();
    for args in [
        &["encode", "cut.flac", "one.wav", "-b", "64,96", "-o", "out", "-f"][..],
        &["encode", "cut.flac", "one.wav", "-b", "64,96", "-o", "out", "-f", "--cache", "store"],
    ] {
        let output = tonepress(args, dir);
        let text = said(&output);
        assert_eq!((output.status.code(), text.lines().count()), (Some(1), 2), "{text}");
        assert!(text.starts_with("error: cut.flac: damaged at sample "), "{text}");
        assert!(text.contains(" (at 64 and 96)\n") || text.contains(" (at 96 and 64)\n"), "{text}");
        assert!(text.ends_with("; 2 renditions failed\n"), "{text}");
        assert!(text.contains("2 MP3s, "), "{text}");
    }
    // Words of libraries and names of temporary files are nobody's business.
    let outputs = [
        tonepress(&["encode", "one.wav", "-b", "64", "-o", "low.wav/sub"], dir),
        tonepress(&["encode", "gone.wav", "-b", "64"], dir),
        tonepress(&["prewarm", "gone", "-b", "64", "--cache", "store"], dir),
        tonepress(&["get", "gone.wav", "-b", "64"], dir),
        tonepress(&["get", "one.wav", "-b", "64", "-o", "low.wav/x.mp3"], dir),
        tonepress(&["cache", "stat", "--cache", "low.wav"], dir),
        tonepress(&["bench", "gone.wav"], dir),
    ];
    for output in outputs {
        let text = said(&output);
        assert!(!output.status.success() && text.contains("error: "), "{text}");
        for word in ["os error", "IO error", ".tmp", "operation on", "tonepress-"] {
            assert!(!text.contains(word), "{text}");
        }
    }
}

#[test]
fn counts_are_grammatical_and_hits_have_no_speed() {
    let folder = masters();
    let dir = folder.path();
    let encode = |force: &[&str]| {
        let args = ["encode", "one.wav", "-b", "64", "-o", "out", "--cache", "store"];
        tonepress(&[&args, force].concat(), dir)
    };
    assert!(said(&encode(&[])).starts_with("1 MP3, "));
    let hit = encode(&["-f"]);
    assert!(out(&hit).ends_with("  from the store\n"), "{}", out(&hit));
    assert!(!said(&hit).contains("real time") && said(&hit).contains("; 1 from the store"), "{}", said(&hit));
    assert!(said(&encode(&[])).contains("; 1 was there already"), "{}", said(&encode(&[])));
    let prewarm =
        |profiles| err(&tonepress(&["prewarm", "one.wav", "-b", profiles, "--cache", "store"], dir));
    assert!(prewarm("64").contains("0 renditions pressed, ") && prewarm("64").contains("1 was there before"));
    assert!(prewarm("32,96").starts_with("2 renditions pressed, "));
    let cache = |args: &[&str]| tonepress(&[&["cache", "--cache", "store"], args].concat(), dir);
    assert!(out(&cache(&["stat"])).starts_with("3 renditions, "));
    assert_eq!(err(&cache(&["verify", "--profile", "64"])).split(',').next(), Some("1 rendition read"));
}

#[test]
fn everything_fits_into_80_columns() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let long =
        "A Rather Long Name of an Artist/An Album With a Subtitle: Recorded Live in Several Cities (2019)";
    master(dir, &format!("{long}/01 - An Opening That Has a Long Title Too.wav"), 44_100, 60_000);
    master(dir, &format!("{long}/02 - Another.wav"), 22_050, 60_000);
    for args in [
        &["--help"][..],
        &["encode", "--help"],
        &["prewarm", "--help"],
        &["bench", "--help"],
        &["plan", ".", "-b", "128,320,v0"],
        &["encode", ".", "-b", "64,v5", "-o", "a folder with a name/and another", "--cache", "store"],
        &["encode", ".", "-b", "64,v5", "-o", "elsewhere", "--dry-run"],
        &["prewarm", ".", "-b", "96", "--cache", "store"],
        &["prewarm", ".", "-b", "64,v5,48", "--cache", "store", "--dry-run"],
        &["cache", "stat", "--cache", "store"],
        &["cache", "ls", "--cache", "store"],
        &["cache", "gc", "--cache", "store"],
        &["bench", ".", "--runs", "1", "-b", "64,128,v5,v9", "--cost-per-core-hour", "0.05"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tonepress"));
        let output = command.args(args).env("COLUMNS", "80").current_dir(dir).output().unwrap();
        let text = out(&output) + &said(&output);
        assert!(text.lines().count() > 0, "{args:?}");
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{args:?}: {} columns: {line}", line.chars().count());
        }
    }
    let plan = out(&tonepress(&["plan", ".", "-b", "128"], dir));
    assert!(plan.contains(&format!("{long}/02 - Another.wav")), "nothing is cut where nobody looks: {plan}");
    assert!(plan.contains("\n128               2  "), "sums: {plan}");
}

#[test]
fn the_store_tells_what_is_in_it_and_what_was_done() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    if !tagged(dir, "b.flac", 9_000, &["ARTIST=björk", "TITLE=Jóga", "ALBUM=Homogenic"]) {
        return;
    }
    tagged(dir, "a.flac", 0, &["ARTIST=Zappa", "TITLE=Apostrophe"]);
    assert!(tonepress(&["prewarm", ".", "-b", "64,96", "--cache", "store"], dir).status.success());
    let cache = |args: &[&str]| tonepress(&[&["cache", "--cache", "store"], args].concat(), dir);
    let titles = |args: &[&str]| {
        let listed = objects(&cache(&[&["ls", "--json"], args].concat()));
        let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
        listed
            .iter()
            .map(|entry| format!("{} {}", text(&entry["title"]), text(&entry["profile"])))
            .collect::<Vec<_>>()
    };
    let by_artist = ["Jóga 64", "Jóga 96", "Apostrophe 64", "Apostrophe 96"];
    assert_eq!(titles(&[]), by_artist);
    assert_eq!(titles(&["--sort", "title"])[0], "Apostrophe 64");
    assert_eq!(titles(&["--sort", "profile"])[..2], ["Jóga 64", "Apostrophe 64"]);
    assert_eq!(titles(&["--sort", "size"]), ["Jóga 96", "Apostrophe 96", "Jóga 64", "Apostrophe 64"]);
    assert_eq!(titles(&["--sort", "artist", "--reverse"])[0], "Apostrophe 96");
    for sort in ["age", "used", "key"] {
        assert_eq!(titles(&["--sort", sort]).len(), 4, "{sort}");
    }
    let table = out(&cache(&["ls"]));
    assert!(table.contains("björk") && table.contains("Jóga") && table.contains("ARTIST"), "{table}");

    let key = objects(&cache(&["ls", "--json"]))[0]["key"].as_str().unwrap().to_owned();
    let short = &key[..12];
    assert_eq!(out(&cache(&["pin", short])), format!("pinned {short} (björk: Jóga at 64)\n"));
    let refused = cache(&["rm", &key]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        err(&refused).contains(&format!("is pinned: `tonepress cache pin --undo {short}` first")),
        "{}",
        err(&refused)
    );
    assert_eq!(cache(&["rm", "ffffffffffff"]).status.code(), Some(1), "there is none");
    assert!(out(&cache(&["rm", "--profile", "64"])).contains("; 1 pinned or being written is kept"));
    assert_eq!(
        out(&cache(&["pin", "--undo", short])),
        format!("no longer pinned: {short} (björk: Jóga at 64)\n")
    );
    assert!(out(&cache(&["rm", short])).starts_with(&format!("removed {short} (björk: Jóga at 64), ")));
    let gc = out(&cache(&["gc"]));
    assert!(gc.starts_with("removed nothing; 2 renditions, "), "{gc}");

    // What an earlier version wrote has no names.
    for entry in objects(&cache(&["ls", "--json"])) {
        let path = dir.join(entry["path"].as_str().unwrap()).with_extension("json");
        let mut sidecar: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for field in ["artist", "title", "album"] {
            sidecar.as_object_mut().unwrap().remove(field);
        }
        fs::write(&path, sidecar.to_string()).unwrap();
    }
    assert_eq!(titles(&[]), ["- 96", "- 96"]);
    assert!(cache(&["verify"]).status.success());
}

#[test]
fn shells_and_manuals_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = out(&tonepress(&["completions", shell], dir));
        assert!(script.contains("prewarm") && script.contains("nearest"), "{shell}");
    }
    if let Some(mut bash) = tool("bash") {
        fs::write(dir.join("script"), out(&tonepress(&["completions", "bash"], dir))).unwrap();
        common::run(bash.arg("-n").arg(dir.join("script")));
    }
    assert!(out(&tonepress(&["man"], dir)).contains(".TH TONEPRESS 1"));
    assert!(out(&tonepress(&["man", "cache", "ls"], dir)).contains("sort"));
    assert_eq!(tonepress(&["man", "press"], dir).status.code(), Some(2));
    let output = tonepress(&["man", "-o", "man1"], dir);
    assert!(said(&output).ends_with(" pages written to man1\n"), "{}", said(&output));
    for page in ["tonepress.1", "tonepress-encode.1", "tonepress-cache-ls.1", "tonepress-man.1"] {
        assert!(dir.join("man1").join(page).exists(), "{page}");
    }
}
