//! The links of an Ogg file: streams one behind the other (RFC 3533, section 4). Whoever reads the first one
//! sees nothing of the others, and would take it for the whole.

use std::ops::Range;

use super::coding::stream_info;
use super::page::{MOST, Page};
use super::pages::Pages;
use crate::error::Result;
use crate::master::flac::StreamInfo;
use crate::master::source::Input;

/// A link by its pages.
pub(in crate::master) struct FoundLink {
    /// From its first page to the next link's.
    pub(in crate::master) bytes: Range<u64>,
    pub(in crate::master) serial: u32,
    /// The first packet, which says what it holds.
    pub(in crate::master) header: Box<[u8]>,
    /// Whether there is a page that says that it is the last one.
    pub(in crate::master) is_ended: bool,
    /// Whether pages follow that page, which belong to no link.
    pub(in crate::master) has_strays: bool,
    has_audio: bool,
}

/// What is not larger than this is read as a whole.
const SMALL: u64 = 1 << 20;

/// The links of the file that has pages in `bytes`; none if it does not begin with one.
///
/// A large file is read as a whole only if it is not plain that there is only one.
///
/// # Errors
/// [`Error::Unsupported`](crate::Error::Unsupported) if streams lie side by side.
pub(in crate::master) fn find_links(input: &Input, bytes: Range<u64>) -> Result<Vec<FoundLink>> {
    if bytes.end - bytes.start > SMALL
        && let Some(link) = only_link(input, bytes.clone())?
    {
        return Ok(vec![link]);
    }
    input.begin_headers();
    let mut links: Vec<FoundLink> = Vec::new();
    let mut pages = Pages::new(bytes.clone());
    while let Some(page) = pages.next(input)? {
        let at = pages.place().start;
        // All of it is looked at.
        pages.progress();
        if !page.is_first() {
            let Some(link) = links.last_mut() else { break };
            link.has_audio = true;
            link.has_strays |= link.is_ended;
            link.is_ended |= page.is_last() && page.serial == link.serial;
            continue;
        }
        input.count_header()?;
        if let Some(link) = links.last_mut() {
            if !link.has_audio {
                return Err(input.unsupported(format!(
                    "several streams side by side in one Ogg file (link {}); one FLAC stream, or several one behind \
                     the other, are",
                    links.len()
                )));
            }
            link.bytes.end = at;
        }
        links.push(FoundLink::new(at..bytes.end, &page, &pages));
    }
    Ok(links)
}

impl FoundLink {
    fn new(bytes: Range<u64>, page: &Page, pages: &Pages) -> Self {
        let (serial, header) = (page.serial, pages.body().into());
        Self { bytes, serial, header, is_ended: page.is_last(), has_strays: false, has_audio: false }
    }
}

/// In parts of the file. So uneven that the numbers of its pages are not in order there if the same stream is in
/// it several times, however often.
const PROBES: [f64; 8] = [0.03051, 0.2179, 0.33558, 0.41607, 0.5621, 0.68308, 0.82576, 0.96276];

/// The link, if there is only one: its last page has as many samples as its header states, and the numbers of pages
/// here and there are in order.
fn only_link(input: &Input, bytes: Range<u64>) -> Result<Option<FoundLink>> {
    let mut pages = Pages::new(bytes.clone());
    let Some(first) = pages.next(input)?.filter(Page::is_first) else { return Ok(None) };
    let mut link = FoundLink::new(pages.place().start..bytes.end, &first, &pages);
    let Some(info) = stream_info(&link.header).map(StreamInfo::parse) else { return Ok(None) };
    let is_ours = |page: &Page| page.serial == first.serial && !page.is_first();
    let Some(second) = pages.next(input)?.filter(is_ours) else { return Ok(None) };
    let Some(last) = last_page(input, &bytes)?.filter(is_ours) else { return Ok(None) };
    if info.samples == 0 || last.granule != info.samples {
        return Ok(None);
    }
    let mut number = second.number;
    for part in PROBES {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // of a length
        let ahead = ((bytes.end - bytes.start) as f64 * part) as u64;
        pages.go_to(bytes.start + ahead);
        let page = pages.next(input)?.filter(is_ours);
        let Some(page) = page.filter(|page| (number + 1..=last.number).contains(&page.number)) else {
            return Ok(None);
        };
        number = page.number;
    }
    link.is_ended = true;
    Ok(Some(link))
}

/// The last intact page.
fn last_page(input: &Input, bytes: &Range<u64>) -> Result<Option<Page>> {
    let from = bytes.start.max(bytes.end.saturating_sub(2 * MOST as u64));
    let tail = input.bytes(from, bytes.end - from)?;
    Ok((0..tail.len()).rev().find_map(|at| Page::intact(&tail[at..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_a_stream_are_not_in_order_at_the_probes() {
        assert!(PROBES.is_sorted());
        for copies in 2..1_000 {
            let numbers = PROBES.map(|part| (part * f64::from(copies)).fract());
            assert!(!numbers.is_sorted(), "{copies} copies");
        }
    }
}
