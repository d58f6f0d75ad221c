//! Where the packets of a master come from.

use std::sync::Arc;

use super::flac::Scanner;
use super::frame_index::Point;
use super::ogg::Frames;
use super::packet::Packet;
use super::packets::Table;
use super::salvage::{PacketMark, Salvage};
use super::{Audio, Inner};
use crate::error::{Error, Result, Stage};

/// How many packets are looked at, behind the place that a seek has led to, for the one that is wanted.
const NEAR: usize = 64;

/// Where packets come from, one after the other.
pub(super) enum Supply {
    /// Native FLAC.
    Scanner(Box<Scanner>),
    /// FLAC in Ogg.
    Frames(Box<Frames>),
    /// The master's table, and the index of the next one in it.
    Table(Arc<Table>, usize),
    /// Those of a damaged master that can be decoded.
    Found(Box<Finder>),
}

impl Supply {
    pub(super) fn new(inner: &Inner) -> Result<Self> {
        Ok(match &inner.audio {
            Audio::Flac(stream) => Self::Scanner(Box::new(stream.frames())),
            Audio::Ogg(chain) => Self::Frames(Box::new(chain.frames())),
            Audio::Table(table) => Self::Table(table.load(&inner.input)?, 0),
            Audio::Pcm(_) => return Err(Error::Internal { detail: "PCM read as packets".into() }),
        })
    }

    pub(super) fn next(&mut self, inner: &Inner) -> Result<Option<Packet>> {
        match (self, &inner.audio) {
            (Self::Table(table, index), _) => {
                *index += 1;
                table.read(&inner.input, *index - 1, Stage::Decode)
            }
            (Self::Scanner(scanner), Audio::Flac(stream)) => scanner.next(&inner.input, &stream.info),
            (Self::Frames(frames), Audio::Ogg(chain)) => frames.next(&inner.input, chain),
            (Self::Found(finder), _) => finder.next(inner),
            _ => Ok(None),
        }
    }

    /// Where the last one ended in the file, if it is native FLAC.
    pub(super) fn behind(&self) -> Option<u64> {
        if let Self::Scanner(scanner) = self { Some(scanner.behind()) } else { None }
    }

    /// How many bytes behind the begin of the audio the page begins of which the last one is the first, if it is FLAC
    /// in Ogg.
    pub(super) fn place(&self, inner: &Inner) -> Option<u64> {
        match (self, &inner.audio) {
            (Self::Frames(frames), Audio::Ogg(chain)) => frames.place(chain),
            _ => None,
        }
    }

    /// How the format changes at sample `at`, if it is known of FLAC in Ogg that it does.
    pub(super) fn change(&self, at: u64) -> Option<String> {
        match self {
            Self::Frames(frames) => frames.change(at).map(str::to_owned),
            _ => None,
        }
    }

    /// The next one that can be read.
    pub(super) fn next_there(&mut self, inner: &Inner) -> Result<Option<Packet>> {
        loop {
            match self.next(inner) {
                Err(Error::Damaged { .. }) => {}
                other => return other,
            }
        }
    }

    /// Goes to the packet that holds sample `at`. Of FLAC frames, whose place is guessed from the
    /// file's size unless a frame is `near`, it may be one before or behind.
    pub(super) fn seek(&mut self, inner: &Inner, at: u64, near: Option<Point>) -> Result<()> {
        match (self, &inner.audio) {
            (Self::Table(table, index), _) => *index = table.find(at),
            (Self::Scanner(scanner), Audio::Flac(stream)) => {
                scanner.seek(&inner.input, &stream.info, at, near)?;
            }
            (Self::Frames(frames), Audio::Ogg(chain)) => frames.seek(&inner.input, chain, at, near)?,
            (Self::Found(finder), _) => finder.seek(inner, at, near)?,
            _ => {}
        }
        Ok(())
    }
}

/// Finds the packets that the survey found, and no others.
pub(super) struct Finder {
    source: Supply,
    salvage: Arc<Salvage>,
    /// The index of the packet that is wanted next.
    next: usize,
    /// Whether it need not be the next of those that the survey found.
    sought: bool,
}

impl Finder {
    pub(super) fn new(inner: &Inner, salvage: Arc<Salvage>) -> Result<Self> {
        Ok(Self { source: Supply::new(inner)?, salvage, next: 0, sought: false })
    }

    pub(super) fn next(&mut self, inner: &Inner) -> Result<Option<Packet>> {
        let Some(wanted) = self.salvage.packet(self.next) else { return Ok(None) };
        let mut looked_at = 0;
        loop {
            match self.source.next_there(inner)? {
                Some(packet) if PacketMark::of(&packet) == *wanted => {
                    (self.next, self.sought) = (self.next + 1, false);
                    let samples = packet.samples.start..packet.samples.end.min(inner.info.samples.0);
                    return Ok(Some(Packet { samples, ..packet }));
                }
                Some(_) if !self.sought || looked_at < NEAR => looked_at += 1,
                // A seek may lead beyond it: from the start on it was found before.
                _ if self.sought => (self.source, self.sought) = (Supply::new(inner)?, false),
                _ => return Err(Error::Changed { name: inner.input.name.clone() }),
            }
        }
    }

    /// Goes to the packet that holds sample `at`.
    pub(super) fn seek(&mut self, inner: &Inner, at: u64, near: Option<Point>) -> Result<()> {
        self.next = self.salvage.find(at);
        self.sought = true;
        self.source.seek(inner, at, near)
    }
}
