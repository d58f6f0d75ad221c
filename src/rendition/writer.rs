//! Assembling a rendition from its segments as they come.

use std::collections::BTreeMap;
use std::io::{Seek, SeekFrom, Write};

use crate::error::{Error, Result, Stage};
use crate::mp3::index::FrameIndex;
use crate::rendition::plan::{Plan, toc_entry};

/// A finished rendition.
#[non_exhaustive]
pub struct Written<W> {
    /// What it was written to.
    pub out: W,
    /// Its size.
    pub bytes: u64,
}

/// Writes one rendition. CBR segments go straight to their place, in any order; those of ABR and VBR
/// are held back until the ones before them have come, and the Info frame is written last.
pub struct RenditionWriter<W> {
    plan: Plan,
    out: W,
    /// Where in it the rendition begins.
    start: u64,
    /// For error messages.
    name: String,
    /// Where the next bytes of each unfinished segment go (CBR).
    places: BTreeMap<u64, u64>,
    finished: u64,
    order: Option<InOrder>,
}

/// ABR and VBR: what has come too early, and what has gone by.
struct InOrder {
    next: u64,
    early: BTreeMap<u64, (Vec<u8>, bool)>,
    index: FrameIndex,
}

impl<W: Write + Seek> RenditionWriter<W> {
    /// Starts the rendition of `plan` in `out`, which is called `name` in errors.
    ///
    /// # Errors
    /// [`Error::Io`] if writing fails.
    pub fn new(plan: &Plan, out: W, name: impl Into<String>) -> Result<Self> {
        Self::behind(0, plan, out, name)
    }

    /// As [`new`](Self::new), but the rendition begins at byte `start` of `out`: behind a tag, say.
    ///
    /// # Errors
    /// [`Error::Io`] if writing fails.
    pub fn behind(start: u64, plan: &Plan, out: W, name: impl Into<String>) -> Result<Self> {
        let info = plan.cbr_info()?;
        let order = info.is_none().then(|| InOrder {
            next: 0,
            early: BTreeMap::new(),
            index: FrameIndex::new(plan.toc_frames()),
        });
        let (plan, name, places) = (plan.clone(), name.into(), BTreeMap::new());
        let mut writer = Self { plan, out, start, name, places, finished: 0, order };
        // Until the true one is known, silence of the same length keeps its place.
        let silence = || vec![0; usize::try_from(writer.plan.info_bytes()).unwrap_or_default()];
        let info = info.unwrap_or_else(silence);
        writer.write_at(0, &info)?;
        Ok(writer)
    }

    fn push_in_order(&mut self, index: u64, bytes: &[u8], last: bool) -> Result<()> {
        let Some(order) = &mut self.order else { return Ok(()) };
        if index != order.next {
            let (held, complete) = order.early.entry(index).or_default();
            held.extend_from_slice(bytes);
            *complete = last;
            return Ok(());
        }
        self.append(bytes)?;
        let mut complete = last;
        while complete && let Some(order) = &mut self.order {
            order.next += 1;
            let Some((held, last)) = order.early.remove(&order.next) else { break };
            self.append(&held)?;
            complete = last;
        }
        Ok(())
    }

    /// Writes behind what is there.
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(Error::io(Stage::Write, &*self.name))?;
        let pushed = self.order.as_mut().map_or(Ok(()), |order| order.index.push(bytes));
        pushed.map_err(|at| self.broken(&format!("no frame at byte {at}")))
    }

    /// The segment that an ABR or VBR rendition waits for; later ones are held in memory. `None` for CBR.
    #[must_use]
    pub fn awaits(&self) -> Option<u64> {
        self.order.as_ref().map(|order| order.next)
    }

    fn write_at(&mut self, at: u64, bytes: &[u8]) -> Result<()> {
        self.out
            .seek(SeekFrom::Start(self.start + at))
            .and_then(|_| self.out.write_all(bytes))
            .map_err(Error::io(Stage::Write, &*self.name))
    }

    fn broken(&self, what: &str) -> Error {
        Error::Internal { detail: format!("{}: {what}", self.name) }
    }

    /// Takes the next bytes of segment `index`; `last` says that it is complete with them.
    ///
    /// # Errors
    /// The rendition cannot be completed then. [`Error::Io`] or [`Error::DiskFull`] if writing fails; [`Error::Internal`] if the bytes are not what the
    /// plan says.
    pub fn push(&mut self, index: u64, bytes: &[u8], last: bool) -> Result<()> {
        self.finished += u64::from(last);
        let Some(range) = self.plan.segment_bytes(index) else {
            return self.push_in_order(index, bytes, last);
        };
        let at = self.places.remove(&index).unwrap_or(range.start);
        let end = at + bytes.len() as u64;
        if end > range.end || (last && end != range.end) {
            return Err(self.broken(&format!("segment {index} ends at {end} instead of {}", range.end)));
        }
        if !last {
            self.places.insert(index, end);
        }
        self.write_at(at, bytes)
    }

    /// Completes the rendition, after the last bytes of all segments.
    ///
    /// # Errors
    /// As [`push`](Self::push), also when segments are missing.
    pub fn finish(mut self) -> Result<Written<W>> {
        if self.finished != self.plan.segments() {
            let missing = self.plan.segments() - self.finished;
            return Err(self.broken(&format!("{missing} segments never came")));
        }
        let Some(order) = self.order.take() else {
            self.out.flush().map_err(Error::io(Stage::Write, &*self.name))?;
            return Ok(Written { out: self.out, bytes: self.plan.size().cap() });
        };
        let indexed =
            order.index.finish().map_err(|at| self.broken(&format!("half a frame at byte {at}")))?;
        if indexed.frames != self.plan.frames().0 {
            let planned = self.plan.frames();
            return Err(self.broken(&format!("{} frames instead of {planned}", indexed.frames)));
        }
        let info_bytes = self.plan.info_bytes();
        let bytes = info_bytes + indexed.bytes;
        let toc = indexed.toc.map(|position| toc_entry(info_bytes + position, bytes));
        let info = self.plan.info_frame(bytes, toc, indexed.crc)?;
        self.write_at(0, &info)?;
        self.out.flush().map_err(Error::io(Stage::Write, &*self.name))?;
        Ok(Written { out: self.out, bytes })
    }
}
