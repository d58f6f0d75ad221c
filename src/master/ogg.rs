//! FLAC frames in an Ogg file, found by Symphonia.
//!
//! It seeks past the target and gives the first packets behind a lost page the wrong time stamps. So every
//! frame's position is read from the frame itself; whoever reads them checks that none is missing.

use std::ops::Range;

use symphonia::core::formats::{FormatOptions, FormatReader, SeekMode, SeekTo};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::units::Timestamp;
use symphonia::default::formats::OggReader;

use super::contain::contain;
use super::flac::StreamInfo;
use super::packet::Packet;
use super::reader::{TooFar, Watch, Window};
use super::source::Input;
use crate::error::{Error, Result, Stage};

/// Reads the frames in an Ogg file, by Symphonia.
pub(super) struct Pages {
    reader: Box<dyn FormatReader>,
    track: u32,
    watch: Watch,
    /// Whether the reader has panicked, and is not to be used any more.
    broken: bool,
}

impl Pages {
    pub(super) fn open(input: &Input, bytes: &Range<u64>) -> Result<Self> {
        let watch = Watch::new(input.limits.scanned_bytes);
        let window = Window::new(input.source.clone(), bytes.clone(), watch.clone());
        let source = MediaSourceStream::new(Box::new(window), MediaSourceStreamOptions::default());
        let reader = contain(|| OggReader::try_new(source, FormatOptions::default()));
        check(input, &watch)?;
        let reader: Box<dyn FormatReader> = match reader {
            Some(Ok(reader)) => Box::new(reader),
            Some(Err(error)) => return Err(input.damaged(0, format!("no FLAC frame found ({error})"))),
            None => return Err(input.damaged(0, "no FLAC frame found")),
        };
        // With several, Symphonia's seeking can loop for ever.
        let [track] = reader.tracks() else {
            return Err(input.unsupported("several streams in one Ogg file; a single FLAC stream is"));
        };
        Ok(Self { track: track.id, reader, watch, broken: false })
    }

    pub(super) fn next(&mut self, input: &Input, info: &StreamInfo) -> Result<Option<Packet>> {
        while let Some(bytes) = self.next_packet(input)? {
            // What is no frame is left out, so that whoever counts finds it missing.
            if let Some(samples) = info.samples_of(&bytes) {
                self.watch.progress();
                return Ok(Some(Packet { samples, lead: 0, bytes }));
            }
        }
        Ok(None)
    }

    pub(super) fn next_packet(&mut self, input: &Input) -> Result<Option<Box<[u8]>>> {
        if self.broken {
            return Ok(None);
        }
        let packet = contain(|| self.reader.next_packet());
        self.broken = packet.is_none();
        check(input, &self.watch)?;
        // Any error of Symphonia's means that no more frame can be found; which samples are
        // missing then is for the reader of the frames to say.
        Ok(packet.and_then(Result::ok).flatten().map(|packet| packet.data))
    }

    pub(super) fn seek(&mut self, input: &Input, bytes: &Range<u64>, at: u64) -> Result<()> {
        if self.broken {
            *self = Self::open(input, bytes)?;
        }
        self.watch.progress();
        let to = SeekTo::Timestamp { ts: Timestamp::new(at.cast_signed()), track_id: self.track };
        self.broken = contain(|| self.reader.seek(SeekMode::Accurate, to)).is_none();
        check(input, &self.watch)
    }
}

/// An error if the source has failed, or was read too far without a frame.
fn check(input: &Input, watch: &Watch) -> Result<()> {
    match watch.take() {
        None => Ok(()),
        Some(error) if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<TooFar>) => {
            let limit = input.limits.scanned_bytes;
            input.limit("bytes in search of a FLAC frame", limit + 1, limit)
        }
        Some(source) => Err(Error::io(Stage::Decode, input.name.as_str())(source)),
    }
}
