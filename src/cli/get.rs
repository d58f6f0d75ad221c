//! `tonepress get`: the bytes of one rendition, or a range of them, as they are pressed.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::os::fd::AsFd;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::NamedTempFile;
use tonepress::engine::{OnDrop, Request, Shutdown};
use tonepress::master::Master;
use tonepress::{Engine, Plan, Profile, ReadAt, Size, WithOverlay};

use super::byte_range::ByteRange;
use super::cache::one_key;
use super::files::{name, unfinished};
use super::report::{self, Failure};
use super::tags::Tagged;
use super::{Outcome, args, interrupt};

/// What is read and written at a time.
const CHUNK: usize = 64 << 10;

pub(crate) fn run(args: &args::Get) -> Result<Outcome, Failure> {
    let terminal = args.output.is_none() && io::stdout().is_terminal();
    if terminal {
        let how = "say -o FILE, or send standard output somewhere: > song.mp3, | mpg123 -";
        return Err(Failure::Usage(format!("an MP3 cannot be shown on a terminal; {how}")));
    }
    match (&args.key, &args.master, &args.profile) {
        (Some(key), ..) => stored(args, key),
        (None, Some(master), Some(profile)) => pressed(args, master, &args.encoder.of(profile)),
        // The parser sees to it.
        (None, ..) => Err(Failure::Usage("which master, and at which profile?".to_owned())),
    }
}

/// What the store has under a key.
fn stored(args: &args::Get, key: &str) -> Result<Outcome, Failure> {
    let store = args.cache.open_existing().map_err(Failure::Usage)?;
    let key = one_key(&store, key)?;
    let Some(object) = store.get(&key)? else {
        return Err(Failure::Other(format!("the store has no rendition under the key {key}")));
    };
    let range = within(args.range, object.len())?;
    let to_pipe = args.output.is_none();
    let interrupted = interrupt::catch(move || leave(to_pipe))?;
    deliver(args, &object, range, &interrupted)
}

/// A rendition from the store, or pressed now.
fn pressed(args: &args::Get, master: &Path, profile: &Profile) -> Result<Outcome, Failure> {
    let master = Master::open_with(master, &crate::cli::options::limits(&[*profile]))?;
    let plan = Plan::new(master.info(), profile)?;
    let store = args.cache.open()?;
    let Tagged { overlay, notes } = if args.with_tags || args.tags.any() {
        args.tags.tagger()?.overlay(&master, store.as_ref())?
    } else {
        Tagged::default()
    };
    for note in notes {
        report::note(&format!("{}: {}", report::plain(master.name()), report::plain(&note)));
    }
    let mut builder = Engine::builder().threads(threads(args, &plan, overlay.len())?);
    if let Some(store) = store {
        builder = builder.store(store);
    }
    let engine = builder.build()?;
    let (to_stop, to_pipe) = (engine.clone(), args.output.is_none());
    let interrupted = interrupt::catch(move || {
        to_stop.shutdown(Shutdown::Cancel);
        leave(to_pipe);
    })?;
    let request = Request { on_drop: OnDrop::Cancel, ..Request::default() };
    let outcome =
        engine.request_with(&master, profile, request).map_err(Failure::from).and_then(|rendition| {
            let size = match rendition.len() {
                Size::Exact(size) => size,
                Size::Estimate { .. } => rendition.wait()?.len(),
            };
            let range = within(args.range, overlay.len() + size)?;
            let outcome = deliver(args, &WithOverlay::new(&rendition, overlay), range, &interrupted)?;
            if args.range.is_none() {
                rendition.wait()?;
            }
            let repairs = rendition.repairs();
            report::note_repairs(master.name(), repairs.not_finite, repairs.clamped);
            Ok(outcome)
        });
    if interrupted.load(Ordering::Relaxed) { Ok(Outcome::Interrupted) } else { outcome }
}

/// As many threads as there are segments to press behind a tag of so many bytes: more would press what
/// nobody has asked for.
fn threads(args: &args::Get, plan: &Plan, tag: u64) -> Result<NonZeroUsize, Failure> {
    let mut segments = plan.segments();
    if let (Some(range), Size::Exact(size)) = (args.range, plan.size()) {
        let range = within(Some(range), tag + size)?;
        let ends = [range.start, range.end - 1].map(|at| plan.segment_at(at.saturating_sub(tag)));
        if let [Some(first), Some(last)] = ends {
            segments = last - first + 1;
        }
    }
    let threads = usize::try_from(segments).unwrap_or(usize::MAX).min(args.jobs.threads());
    Ok(NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN))
}

fn within(range: Option<ByteRange>, size: u64) -> Result<Range<u64>, Failure> {
    range.map_or(Ok(0..size), |range| range.within(size).map_err(Failure::Other))
}

/// Ends the process once it is interrupted if it writes to a pipe, where it may wait for ever. A file
/// has to be removed first: whoever writes it does.
fn leave(to_pipe: bool) {
    if to_pipe {
        process::exit(130);
    }
}

/// Where the bytes go.
enum Output<'a> {
    /// What cannot be renamed: a pipe, a device.
    Stream(File),
    File(NamedTempFile, &'a Path),
}

impl<'a> Output<'a> {
    fn open(path: Option<&'a Path>) -> Result<Self, Failure> {
        let Some(path) = path else {
            // Not through the standard library's buffer: whoever listens shall have each byte at once.
            return Ok(Self::Stream(io::stdout().as_fd().try_clone_to_owned()?.into()));
        };
        if path.metadata().is_ok_and(|meta| !meta.is_file()) {
            let opened = File::options().write(true).open(path);
            let opened = opened.map_err(|error| Failure::Other(format!("{}: {error}", path.display())))?;
            return Ok(Self::Stream(opened));
        }
        unfinished(path).map(|file| Self::File(file, path)).map_err(Failure::Other)
    }
}

/// Writes a range of what `from` gives.
fn deliver(
    args: &args::Get,
    from: &impl ReadAt,
    range: Range<u64>,
    interrupted: &AtomicBool,
) -> Result<Outcome, Failure> {
    let mut output = Output::open(args.output.as_deref())?;
    let file = match &mut output {
        Output::Stream(file) => file,
        Output::File(file, _) => file.as_file_mut(),
    };
    let mut buf = vec![0; CHUNK];
    let mut at = range.start;
    while at < range.end {
        if interrupted.load(Ordering::Relaxed) {
            return Ok(Outcome::Interrupted);
        }
        let wanted = usize::try_from(range.end - at).unwrap_or(CHUNK).min(CHUNK);
        let read = from.read_at(&mut buf[..wanted], at)?;
        if read == 0 {
            return Err(Failure::Other(format!("no byte at {at} of {}", from.size().likely())));
        }
        file.write_all(&buf[..read])?;
        at += read as u64;
    }
    match output {
        Output::Stream(_) => Ok(Outcome::Done),
        Output::File(file, path) => name(file, path).map(|()| Outcome::Done).map_err(Failure::Other),
    }
}
