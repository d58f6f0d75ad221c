//! The packets of one stream, put together from its pages (RFC 3533, section 5).

use std::ops::Range;

use super::pages::Pages;
use crate::error::Result;
use crate::master::source::Input;

/// Reads packet by packet. Those of which a page is lost are left out.
pub(in crate::master) struct Packets {
    pages: Pages,
    serial: u32,
    /// The number of the stream's page that was found last.
    number: Option<u32>,
    /// The next segment of that page, and where it begins in its body.
    segment: usize,
    offset: usize,
    /// The packet that goes on in the next page.
    begun: Begun,
    /// Whether no packet of that page has begun.
    is_fresh: bool,
    /// Where the page lies in which the packet that comes next begins before all others; of the last packet.
    begun_in: Option<u64>,
    begin: Option<u64>,
    /// Where the stream's page ends that was found last.
    end: u64,
}

/// A packet that began in a page before.
enum Begun {
    No,
    /// With these bytes.
    With(Vec<u8>),
    /// In a page that was not read.
    Unseen,
}

impl Packets {
    /// Those of the stream `serial` whose pages are in `bytes`.
    pub(in crate::master) fn new(bytes: Range<u64>, serial: u32) -> Self {
        let end = bytes.start;
        let pages = Pages::new(bytes);
        Self {
            pages,
            serial,
            number: None,
            segment: 0,
            offset: 0,
            begun: Begun::No,
            is_fresh: false,
            begun_in: None,
            begin: None,
            end,
        }
    }

    /// The next packet all of which is there; `None` when there is none.
    pub(in crate::master) fn next(&mut self, input: &Input) -> Result<Option<Box<[u8]>>> {
        loop {
            while let Some((part, is_end)) = self.next_part() {
                let begun = std::mem::replace(&mut self.begun, Begun::No);
                if matches!(begun, Begun::No) {
                    self.begun_in = self.is_fresh.then(|| self.pages.place().start);
                    self.is_fresh = false;
                }
                if is_end {
                    self.begin = self.begun_in;
                }
                let part = &self.pages.body()[part];
                match (begun, is_end) {
                    (Begun::No, true) => return Ok(Some(part.into())),
                    (Begun::No, false) => self.begun = Begun::With(part.to_vec()),
                    (Begun::With(mut bytes), is_end) => {
                        bytes.extend_from_slice(part);
                        if is_end {
                            return Ok(Some(bytes.into_boxed_slice()));
                        }
                        self.begun = Begun::With(bytes);
                    }
                    (Begun::Unseen, true) => {}
                    (Begun::Unseen, false) => self.begun = Begun::Unseen,
                }
            }
            if !self.next_page(input)? {
                return Ok(None);
            }
        }
    }

    /// Where the page begins in the file of which the last packet is the first that begins there, if it is.
    pub(super) fn begin(&self) -> Option<u64> {
        self.begin
    }

    /// Where the stream's page that was found last ends in the file.
    pub(in crate::master) fn end(&self) -> u64 {
        self.end
    }

    /// Looks for the next packet that begins behind `position`.
    pub(super) fn go_to(&mut self, position: u64) {
        self.pages.go_to(position);
        (self.number, self.segment, self.offset, self.begun) = (None, 0, 0, Begun::No);
        self.end = position;
    }

    /// A packet was what was looked for.
    pub(super) fn progress(&mut self) {
        self.pages.progress();
    }

    /// What comes next in the page, and whether its packet ends with it.
    fn next_part(&mut self) -> Option<(Range<usize>, bool)> {
        let sizes = self.pages.sizes().get(self.segment..).filter(|sizes| !sizes.is_empty())?;
        let full = sizes.iter().take_while(|&&size| size == 255).count();
        let last = sizes.get(full);
        let len = 255 * full + last.map_or(0, |&size| usize::from(size));
        let part = self.offset..self.offset + len;
        (self.segment, self.offset) = (self.segment + full + usize::from(last.is_some()), part.end);
        Some((part, last.is_some()))
    }

    /// Goes to the stream's next page; false if there is none.
    fn next_page(&mut self, input: &Input) -> Result<bool> {
        while let Some(page) = self.pages.next(input)? {
            if page.serial != self.serial {
                // Nothing of it is to be taken for the stream's.
                self.segment = page.segments;
                continue;
            }
            let follows = self.number.is_none_or(|number| page.number == number.wrapping_add(1));
            let begun = std::mem::replace(&mut self.begun, Begun::No);
            if page.goes_on() {
                let is_there = follows && matches!(begun, Begun::With(_));
                self.begun = if is_there { begun } else { Begun::Unseen };
            }
            (self.number, self.segment, self.offset) = (Some(page.number), 0, 0);
            self.is_fresh = true;
            self.end = self.pages.place().end;
            return Ok(true);
        }
        self.segment = 0;
        Ok(false)
    }
}
