//! Finding the intact pages of an Ogg file.

use std::ops::Range;

use super::page::{FIXED, MAGIC, MOST, Page};
use crate::error::{Result, Stage};
use crate::master::source::Input;

/// How much is read at a time.
const BLOCK: usize = 64 << 10;

/// Reads page by page. What is no intact page is passed over.
pub(super) struct Pages {
    /// Where the pages are in the file.
    bytes: Range<u64>,
    /// What was read of them, and where its first byte lies in the file.
    buf: Vec<u8>,
    start: u64,
    /// The page that was found last, if one was, begins here in `buf`.
    at: usize,
    page: Option<Page>,
    /// The bytes passed since there was progress.
    passed: u64,
}

impl Pages {
    pub(super) fn new(bytes: Range<u64>) -> Self {
        let start = bytes.start;
        Self { bytes, buf: Vec::new(), start, at: 0, page: None, passed: 0 }
    }

    /// The next intact page; `None` when there is none.
    pub(super) fn next(&mut self, input: &Input) -> Result<Option<Page>> {
        let behind = self.page.take().map_or(0, |page| page.len);
        self.pass(input, behind)?;
        loop {
            if self.buf.len() - self.at < MOST {
                self.read(input)?;
            }
            let rest = &self.buf[self.at..];
            if let Some(page) = Page::intact(rest) {
                self.page = Some(page);
                return Ok(Some(page));
            }
            if rest.len() < FIXED {
                return Ok(None);
            }
            let next = rest[1..].windows(MAGIC.len()).position(|bytes| bytes == MAGIC);
            // The last bytes may be the first of a page.
            let next = next.map_or(rest.len() - (MAGIC.len() - 1), |next| next + 1);
            self.pass(input, next)?;
        }
    }

    /// The sizes of the segments of the page that was found last.
    pub(super) fn sizes(&self) -> &[u8] {
        self.page.map_or(&[], |page| &self.buf[self.at + FIXED..][..page.segments])
    }

    /// What is in that page.
    pub(super) fn body(&self) -> &[u8] {
        self.page.map_or(&[], |page| &self.buf[self.at..self.at + page.len][FIXED + page.segments..])
    }

    /// Where that page lies in the file, from its first byte to the one behind it; before there was one, where it
    /// is looked for.
    pub(super) fn place(&self) -> Range<u64> {
        let start = self.start + self.at as u64;
        start..start + self.page.map_or(0, |page| page.len as u64)
    }

    /// Looks for the next page from `position` on.
    pub(super) fn go_to(&mut self, position: u64) {
        let ahead = position.checked_sub(self.start).and_then(|ahead| usize::try_from(ahead).ok());
        if let Some(ahead) = ahead.filter(|&ahead| ahead < self.buf.len()) {
            // It was read already.
            self.at = ahead;
        } else {
            self.buf.clear();
            (self.start, self.at) = (position, 0);
        }
        self.page = None;
        self.progress();
    }

    /// What was looked for was found.
    pub(super) fn progress(&mut self) {
        self.passed = 0;
    }

    fn pass(&mut self, input: &Input, bytes: usize) -> Result<()> {
        self.at += bytes;
        self.passed += bytes as u64;
        input.limit("bytes in search of a FLAC frame", self.passed, input.limits.scanned_bytes)
    }

    /// Reads on until a whole page is there, or nothing more. What lies before `at` is dropped.
    fn read(&mut self, input: &Input) -> Result<()> {
        self.start += self.at as u64;
        self.buf.drain(..self.at);
        self.at = 0;
        while self.buf.len() < MOST {
            let from = self.start + self.buf.len() as u64;
            let left = self.bytes.end.saturating_sub(from);
            let count = usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK));
            if count == 0 {
                break;
            }
            let kept = self.buf.len();
            self.buf.resize(kept + count, 0);
            let read = input.read_at(&mut self.buf[kept..], from, Stage::Decode)?;
            self.buf.truncate(kept + read);
            if read == 0 {
                break;
            }
        }
        Ok(())
    }
}
