//! What a master is, and what opening one finds out.

use std::sync::{Arc, Mutex, OnceLock, RwLock};

use super::id::MasterId;
use super::info::{Container, MasterInfo};
use super::ogg::Chain;
use super::packets::{ReadTable, TableOnFile};
use super::pcm_data::PcmData;
use super::salvage::Salvage;
use super::source::Input;
use super::stream::Stream;
use super::verdict::Heard;
use crate::error::{Error, Result};
use crate::units::Samples;

/// What a master is, behind all its handles.
pub(super) struct Inner {
    pub(super) input: Input,
    pub(super) info: MasterInfo,
    pub(super) audio: Audio,
    pub(super) id: OnceLock<MasterId>,
    /// What an index said of its soundness, and when.
    pub(super) heard: RwLock<Option<Heard>>,
    /// What can be decoded of it if it is damaged, once somebody has asked.
    pub(super) salvage: Mutex<Option<Arc<Salvage>>>,
}

/// Where the audio is and how it is read.
pub(super) enum Audio {
    Pcm(PcmData),
    /// Native.
    Flac(Stream),
    /// FLAC in Ogg.
    Ogg(Chain),
    Table(TableOnFile),
}

/// What opening found out.
pub(super) struct Opened {
    pub(super) info: MasterInfo,
    pub(super) audio: Audio,
}

impl Opened {
    pub(super) fn new(input: &Input, info: MasterInfo, audio: Audio) -> Result<Self> {
        if info.samples.0 == 0 {
            return Err(Error::Empty { name: input.name.clone() });
        }
        input.admit(&info)?;
        Ok(Self { info, audio })
    }

    /// What is in packets, by the table that `read` reads of a file that starts at `start`.
    pub(super) fn of_packets(
        input: &Input,
        container: Container,
        start: u64,
        read: ReadTable,
    ) -> Result<Self> {
        input.begin_headers();
        let table = read(input, start)?;
        let coding = &table.coding;
        let info = MasterInfo {
            container,
            codec: coding.codec(),
            rate: coding.rate(input)?,
            bits: coding.bits(),
            layout: coding.layout(input)?,
            samples: Samples(table.samples()),
        };
        let audio = match table.pcm_in_one_piece() {
            Some((pcm, data)) => Audio::Pcm(PcmData { coding: pcm.coding, data }),
            None => Audio::Table(TableOnFile::new(&table, start, read)),
        };
        Self::new(input, info, audio)
    }
}
