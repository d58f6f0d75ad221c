//! Renditions in memory, and their decoding by others.

use std::io::Cursor;
use std::num::NonZeroUsize;
use std::path::Path;

use tonepress::master::{Codec, Container, Layout, Master, MasterInfo};
use tonepress::pcm::Pcm;
use tonepress::rendition::press::SegmentEncoder;
use tonepress::rendition::writer::RenditionWriter;
use tonepress::{Engine, Plan, Profile, SampleRate, Samples};

use super::{run, signal::Music, tool, write};

/// A 16-bit WAV of `music`.
pub fn wav(music: &Music, rate: u32, channels: usize, samples: u64) -> Vec<u8> {
    let mut ints = Vec::new();
    for at in 0..samples {
        for channel in 0..channels {
            ints.push((music.sample(at, channel) * 32_768.0) as i32);
        }
    }
    let format = write::wav_format(1, u16::try_from(channels).unwrap(), rate, 16);
    write::wav(&format, &write::pcm_le(&ints, 16))
}

/// The facts of a 16-bit WAV.
pub fn info(rate: u32, layout: Layout, samples: u64) -> MasterInfo {
    MasterInfo::new(Container::Wav, Codec::Pcm, SampleRate::new(rate).unwrap(), 16, layout, Samples(samples))
}

/// Presses segments in the given order.
pub fn press_music(plan: &Plan, music: &Music, order: impl Iterator<Item = u64>) -> Vec<u8> {
    let mut writer = RenditionWriter::new(plan, Cursor::new(Vec::new()), "test").unwrap();
    let mut pcm = Pcm::default();
    for index in order {
        let mut encoder = SegmentEncoder::new(plan, index).unwrap();
        music.fill(&mut pcm, plan.resolved().channels(), encoder.wanted());
        let mut bytes = Vec::new();
        encoder.push(&pcm, &mut bytes).unwrap();
        encoder.finish(&mut bytes).unwrap();
        writer.push(index, &bytes, true).unwrap();
    }
    writer.finish().unwrap().out.into_inner()
}

/// An engine without a store.
pub fn engine(threads: usize) -> Engine {
    Engine::builder().threads(NonZeroUsize::new(threads).unwrap()).build().unwrap()
}

/// Presses `master` at `profiles` on `threads` threads.
pub fn press(master: &Master, profiles: &[&str], threads: usize) -> Vec<(Plan, Vec<u8>)> {
    let profiles: Vec<Profile> = profiles.iter().map(|profile| profile.parse().unwrap()).collect();
    let pressed = engine(threads).fan_out(master, &profiles).into_iter().map(|rendition| {
        let rendition = rendition.unwrap();
        let object = rendition.wait().unwrap_or_else(|error| panic!("{error}"));
        (rendition.plan().clone(), object.as_ref().to_vec())
    });
    pressed.collect()
}

/// What ffmpeg decodes of an MP3, without gaps: interleaved.
pub fn ffmpeg_decodes(mp3: &Path) -> Option<Vec<f32>> {
    let mut ffmpeg = tool("ffmpeg")?;
    Some(floats(&run(ffmpeg.args(["-nostdin", "-v", "error", "-i"]).arg(mp3).args(["-f", "f32le", "-"]))))
}

/// What mpg123 decodes of an MP3, without gaps: interleaved.
pub fn mpg123_decodes(mp3: &Path) -> Option<Vec<f32>> {
    let mut mpg123 = tool("mpg123")?;
    Some(floats(&run(mpg123.args(["-q", "--gapless", "-e", "f32", "-s"]).arg(mp3))))
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
}
