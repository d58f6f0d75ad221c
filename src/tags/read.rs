//! Reading the tags of a master: one reader a format.

mod caf;
mod id3;
mod mp4;
mod ogg;
mod riff;
mod vorbis;

use crate::error::{Result, Stage};
use crate::master::Container;
use crate::master::recognise;
use crate::master::source::Input;
use crate::tags::model::Tags;
use crate::tags::reading::{Limits, Reading};

/// Reads the tags of a master. Of several tags the first that has a text is believed.
pub(super) fn read(input: &Input, container: Container, limits: &Limits) -> Result<Tags> {
    let mut reading = Reading::new(input, limits);
    let prefixes = recognise::id3_prefixes(input)?;
    let start = prefixes.last().map_or(0, |prefix| prefix.end);
    match container {
        Container::Flac => vorbis::read_flac(&mut reading, start)?,
        Container::Ogg => ogg::read(&mut reading, start)?,
        Container::Wav => riff::read_wav(&mut reading, start)?,
        Container::Wave64 => riff::read_w64(&mut reading, start)?,
        Container::Aiff => riff::read_aiff(&mut reading, start)?,
        Container::M4a | Container::Mp4 | Container::Mov => mp4::read(&mut reading, start)?,
        Container::Caf => caf::read(&mut reading, start)?,
    }
    for prefix in prefixes {
        reading.less_trusted(|reading| id3::read(reading, prefix))?;
    }
    input.unchanged(Stage::Open)?;
    Ok(reading.finish())
}
