//! `tonepress get`: the bytes of one rendition, or a range of them, as they are pressed.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::ops::Range;
use std::os::fd::AsFd;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use serde::Serialize;
use tempfile::NamedTempFile;
use tonepress::engine::{OnDrop, Rendition, Request, Shutdown};
use tonepress::master::Master;
use tonepress::{Engine, Plan, Profile, ReadAt, Size, WithOverlay};

use super::byte_range::ByteRange;
use super::cache::one_key;
use super::files::{name, unfinished};
use super::json::{self, At, Of};
use super::nearest::Nearest;
use super::options::{Accept, Cache, Jobs};
use super::report::{self, Failure};
use super::tags::{TagOptions, Tagged};
use super::text::plain;
use super::{Outcome, args, interrupt, masters};

/// What is read and written at a time.
const CHUNK: usize = 64 << 10;

/// A rendition to press, or to take from the store.
pub(crate) struct Order<'a> {
    pub(crate) master: &'a Path,
    pub(crate) profile: &'a Profile,
    pub(crate) nearest: Nearest,
    /// `None`: the audio alone.
    pub(crate) tags: Option<&'a TagOptions>,
    pub(crate) cache: &'a Cache,
    pub(crate) accept: &'a Accept,
    pub(crate) jobs: &'a Jobs,
    pub(crate) delivery: Delivery<'a>,
}

/// What is wanted of it, and where it goes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Delivery<'a> {
    range: Option<ByteRange>,
    /// Standard output unless given.
    output: Option<&'a Path>,
    json: bool,
}

#[derive(Serialize)]
struct Json<'a> {
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    of: Option<Of<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(flatten)]
    at: At<'a>,
    /// The whole, of which a range may have been written.
    size: u64,
    from: u64,
    bytes: u64,
}

pub(crate) fn run(args: &args::Get) -> Result<Outcome, Failure> {
    let delivery = Delivery { range: args.range, output: args.output.as_deref(), json: args.json };
    match (&args.key, &args.master, &args.profile) {
        (Some(key), ..) => stored(args, key, delivery),
        (None, Some(master), Some(profile)) => pressed(&Order {
            master,
            profile: &args.encoder.of(profile),
            nearest: args.nearest,
            tags: (args.with_tags || args.tags.any()).then_some(&args.tags),
            cache: &args.cache,
            accept: &args.accept,
            jobs: &args.jobs,
            delivery,
        }),
        // The parser sees to it.
        (None, ..) => Err(Failure::Usage("which master, and at which profile?".to_owned())),
    }
}

/// What the store has under a key.
fn stored(args: &args::Get, key: &str, delivery: Delivery) -> Result<Outcome, Failure> {
    delivery.check()?;
    let store = args.cache.open_existing().map_err(Failure::Usage)?;
    let key = one_key(&store, key)?;
    let Some(object) = store.get(&key)? else {
        return Err(Failure::Other(format!("the store has no rendition under the key {key}")));
    };
    let range = within(delivery.range, object.len())?;
    let to_pipe = delivery.output.is_none();
    let interrupted = interrupt::catch(move || leave(to_pipe))?;
    let outcome = deliver(delivery, &object, range.clone(), &interrupted)?;
    delivery.tell(None, None, Some(key.to_string()), object.len(), &range)?;
    Ok(outcome)
}

/// A rendition from the store, or pressed now.
pub(crate) fn pressed(order: &Order) -> Result<Outcome, Failure> {
    let delivery = order.delivery;
    delivery.check()?;
    // A master from a pipe may be waited for, until somebody has had enough.
    let stop = Arc::new(OnceLock::<Engine>::new());
    let (to_stop, to_pipe) = (Arc::clone(&stop), delivery.output.is_none());
    let interrupted = interrupt::catch(move || {
        if let Some(engine) = to_stop.get() {
            engine.shutdown(Shutdown::Cancel);
        }
        leave(to_pipe);
    })?;
    let limits = crate::cli::options::limits(&[*order.profile]);
    let master = masters::open(order.master, &limits)?;
    let (plan, fell) = order.nearest.plan(master.info(), order.profile)?;
    fell.map(|fell| fell.tell(order.master, delivery.json)).transpose()?;
    let profile = plan.profile();
    let store = order.cache.open_accepting(order.accept)?;
    let Tagged { overlay, notes } = match order.tags {
        Some(tags) => tags.tagger()?.overlay(&master, store.as_ref())?,
        None => Tagged::default(),
    };
    for note in notes {
        report::note(&format!("{}: {}", plain(master.name()), plain(&note)));
    }
    let mut builder = Engine::builder().threads(order.jobs.threads());
    if let Some(store) = store {
        builder = builder.store(store);
    }
    let engine = builder.build()?;
    let _ = stop.set(engine.clone()); // set once
    // What other builds have pressed is found by the master's id. The engine would hash the master too, but only once it is
    // asked, and this command does not wait for that: it would read what is pressed here.
    if let Some(store) = engine.store().filter(|_| order.accept.any()) {
        store.masters().identify(&master)?;
    }
    let outcome = ask(&engine, &master, &plan, delivery, overlay.len()).and_then(|rendition| {
        rendition.wait_chosen();
        let size = match rendition.len() {
            Size::Exact(size) => size,
            Size::Estimate { .. } => rendition.wait()?.len(),
        };
        let size = overlay.len() + size;
        let range = within(delivery.range, size)?;
        let from = WithOverlay::new(&rendition, overlay);
        let outcome = deliver(delivery, &from, range.clone(), &interrupted)?;
        if delivery.range.is_none() {
            rendition.wait()?;
        }
        let repairs = rendition.repairs();
        report::note_repairs(master.name(), repairs.not_finite, repairs.clamped);
        delivery.tell(Some(order.master), Some(profile.to_string()), None, size, &range)?;
        engine.shutdown(Shutdown::Finish);
        engine.store().into_iter().for_each(super::tier::tell);
        Ok(outcome)
    });
    if interrupted.load(Ordering::Relaxed) { Ok(Outcome::Interrupted) } else { outcome }
}

impl Delivery<'_> {
    /// An MP3 is nothing to look at.
    fn check(self) -> Result<(), Failure> {
        if self.output.is_some() || !io::stdout().is_terminal() {
            return Ok(());
        }
        let how = "say -o FILE, or send standard output somewhere: > song.mp3, | mpg123 -";
        Err(Failure::Usage(format!("an MP3 cannot be shown on a terminal; {how}")))
    }

    /// Tells machines what was written.
    fn tell(
        self,
        master: Option<&Path>,
        profile: Option<String>,
        key: Option<String>,
        size: u64,
        range: &Range<u64>,
    ) -> Result<(), Failure> {
        let Some(path) = self.output.filter(|_| self.json) else { return Ok(()) };
        let (from, bytes) = (range.start, range.end - range.start);
        json::line(
            "written",
            &Json { of: master.map(Of::new), profile, key, at: At::new(path), size, from, bytes },
        )
    }
}

/// Asks for a rendition, or for no more of it than is under the range that is wanted of it behind a tag of so many bytes.
fn ask(
    engine: &Engine,
    master: &Master,
    plan: &Plan,
    delivery: Delivery,
    tag: u64,
) -> Result<Rendition, Failure> {
    let request = Request { on_drop: OnDrop::Cancel, ..Request::default() };
    Ok(match (delivery.range, plan.size()) {
        (Some(range), Size::Exact(size)) => {
            let Range { start, end } = within(Some(range), tag + size)?;
            let audio = start.saturating_sub(tag)..end.saturating_sub(tag);
            engine.request_range(master, plan.profile(), audio, request.priority)?
        }
        _ => engine.request_with(master, plan.profile(), request)?,
    })
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
    delivery: Delivery,
    from: &impl ReadAt,
    range: Range<u64>,
    interrupted: &AtomicBool,
) -> Result<Outcome, Failure> {
    let mut output = Output::open(delivery.output)?;
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
