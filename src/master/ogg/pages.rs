//! Finding the intact pages of an Ogg file.

use std::ops::Range;

use super::page::{FIXED, MAGIC, MOST, Page};
use crate::error::Result;
use crate::master::source::Input;
use crate::master::window::Window;

/// Reads page by page. What is no intact page is passed over.
pub(super) struct Pages {
    /// The page that was found last, if one was, begins where this is.
    window: Window,
    page: Option<Page>,
    /// The bytes passed since there was progress.
    passed: u64,
}

impl Pages {
    pub(super) fn new(bytes: Range<u64>) -> Self {
        Self { window: Window::new(bytes), page: None, passed: 0 }
    }

    /// The next intact page; `None` when there is none.
    pub(super) fn next(&mut self, input: &Input) -> Result<Option<Page>> {
        let behind = self.page.take().map_or(0, |page| page.len);
        self.pass(input, behind)?;
        loop {
            // A whole page, or nothing more.
            while self.window.rest().len() < MOST && self.window.read(input)? {}
            let rest = self.window.rest();
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
        self.page.map_or(&[], |page| &self.window.rest()[FIXED..][..page.segments])
    }

    /// What is in that page.
    pub(super) fn body(&self) -> &[u8] {
        self.page.map_or(&[], |page| &self.window.rest()[..page.len][FIXED + page.segments..])
    }

    /// Where that page lies in the file, from its first byte to the one behind it; before there was one, where it
    /// is looked for.
    pub(super) fn place(&self) -> Range<u64> {
        let start = self.window.place();
        start..start + self.page.map_or(0, |page| page.len as u64)
    }

    /// Looks for the next page from `position` on.
    pub(super) fn go_to(&mut self, position: u64) {
        self.window.go_to(position);
        self.page = None;
        self.progress();
    }

    /// What was looked for was found.
    pub(super) fn progress(&mut self) {
        self.passed = 0;
    }

    fn pass(&mut self, input: &Input, bytes: usize) -> Result<()> {
        self.window.at += bytes;
        self.passed += bytes as u64;
        input.limit("bytes in search of a FLAC frame", self.passed, input.limits.scanned_bytes)
    }
}
