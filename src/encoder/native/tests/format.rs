//! Random parts, written and read again.

use proptest::prelude::*;

use super::reader::{ReadFrame, Reader};
use crate::encoder::native::bands::{Bands, LINES, MAX_BANDS};
use crate::encoder::native::granule::Block;
use crate::encoder::native::part::{MAX_PART_BITS, Part};
use crate::encoder::native::scalefactors::{Packing, limits};
use crate::encoder::native::stream::{Frame, Stream};
use crate::mp3::frame::{Header, Mode, RATES, Version};
use crate::units::{Kbps, SampleRate};

/// A small generator of numbers, the same on every machine.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as u32) % end
    }
}

/// A part with lines that fall off from `top`, so that every kind of table comes up.
fn random_part(
    random: &mut Random,
    stream: &Stream,
    mpeg1: bool,
    block: Block,
    first: Option<&Part>,
) -> Part {
    let mut part = Part::new();
    part.block = block;
    let short = block == Block::Short;
    part.preflag = !short && random.below(4) == 0;
    part.coarse = random.below(2) == 0;
    let limit = limits(mpeg1, part.preflag);
    let split = if short { 18 } else { 11 };
    let coded = if short { 36 } else { 21 };
    let fullness = [random.below(6), random.below(6)];
    part.scale = [0; MAX_BANDS];
    for band in 0..coded {
        let half = usize::from(band >= split);
        let most = u32::from(limit[half]).min((1 << fullness[half]) - 1);
        part.scale[band] = random.below(most + 1) as u8;
    }
    if let Some(first) = first.filter(|first| mpeg1 && !short && first.block != Block::Short) {
        let groups = [0..6, 6..11, 11..16, 16..21];
        for (group, bands) in groups.into_iter().enumerate() {
            if random.below(3) == 0 {
                part.shared[group] = true;
                part.scale[bands.clone()].copy_from_slice(&first.scale[bands]);
            }
        }
    }
    part.packing = Packing::cheapest(&part.scale, short, mpeg1, part.preflag, part.shared);
    if short {
        part.window_gain = std::array::from_fn(|_| random.below(8) as u8);
    }
    // Not so loud that decoders clip.
    part.global_gain = 120 + random.below(10) as u8;
    let bands = stream.bands().of(block).clone();
    for negative in &mut part.negative {
        *negative = random.below(4) as u8;
    }
    let mut top = [0, 1, 2, 3, 5, 7, 15, 16, 18, 22, 30, 46, 78, 142, 270, 526, 1_038, 2_062, 8_206]
        [random.below(19) as usize];
    let ones_from = random.below(577) as usize;
    let zeros_from = random.below(577) as usize;
    let rarity = random.below(7);
    let sparse = random.below(17);
    loop {
        for line in 0..LINES {
            let most = if line >= ones_from { top.min(1) } else { top / (1 + line as u32 / 40) };
            let most = if random.below(16) < sparse { most.min(3) } else { most };
            let value = (0..rarity).fold(most, |value, _| value.min(random.below(most + 1)));
            part.spectrum.magnitudes[line] = if line >= zeros_from { 0 } else { value.min(most) as u16 };
        }
        let largest = largest(&part.spectrum.magnitudes, &bands);
        part.spectrum.choose(&largest, &bands, block);
        if part.bits() + 100 <= MAX_PART_BITS {
            return part;
        }
        top /= 2;
    }
}

fn largest(magnitudes: &[u16; LINES], bands: &Bands) -> [u16; MAX_BANDS] {
    let mut largest = [0; MAX_BANDS];
    for (band, edge) in bands.start.windows(2).take(bands.count).enumerate() {
        let lines = &magnitudes[usize::from(edge[0])..usize::from(edge[1])];
        largest[band] = lines.iter().copied().max().unwrap_or(0);
    }
    largest
}

const BLOCKS: [Block; 7] =
    [Block::Long, Block::Long, Block::Start, Block::Short, Block::Short, Block::Stop, Block::Long];

/// Frames of random parts, and their bytes.
pub(super) fn random_stream(seed: u64, rate: u32, mode: Mode, frames: usize) -> (Vec<Vec<Part>>, Vec<u8>) {
    let mut random = Random(seed);
    let version = Version::of(SampleRate::new(rate).unwrap()).unwrap();
    let mpeg1 = version == Version::Mpeg1;
    let mut stream = Stream::new(version, rate, mode);
    let (mut all, mut out) = (Vec::new(), Vec::new());
    let channels = if mode == Mode::Mono { 1 } else { 2 };
    let mut granule = 0;
    for _ in 0..frames {
        let kbps = version.bitrates()[random.below(version.bitrates().len() as u32) as usize];
        let mut header = Header { version, rate, bitrate: Kbps(kbps), padding: random.below(2) == 1, mode };
        let mut parts: Vec<Part> = Vec::new();
        for _ in 0..if mpeg1 { 2 } else { 1 } {
            for channel in 0..channels {
                let first = (parts.len() >= channels).then(|| parts[channel].clone());
                parts.push(random_part(&mut random, &stream, mpeg1, BLOCKS[granule % 7], first.as_ref()));
            }
            granule += 1;
        }
        let bytes = |parts: &[Part]| (parts.iter().map(Part::bits).sum::<u32>() as usize).div_ceil(8);
        for &kbps in version.bitrates() {
            if header.bitrate.0 < kbps && bytes(&parts) > stream.reservoir() + stream.space(header) {
                header.bitrate = Kbps(kbps);
            }
        }
        let mut last = 0;
        while bytes(&parts) > stream.reservoir() + stream.space(header) {
            parts[last].spectrum.magnitudes.fill(0);
            let block = parts[last].block;
            parts[last].spectrum.choose(&[0; MAX_BANDS], stream.bands().of(block), block);
            parts[last].shared = [false; 4];
            parts[last].scale = [0; MAX_BANDS];
            parts[last].preflag = false;
            parts[last].packing =
                Packing::cheapest(&[0; MAX_BANDS], block == Block::Short, mpeg1, false, [false; 4]);
            for part in last + 1..parts.len() {
                parts[part].shared = [false; 4];
                let (short, preflag) = (parts[part].block == Block::Short, parts[part].preflag);
                parts[part].packing =
                    Packing::cheapest(&parts[part].scale.clone(), short, mpeg1, preflag, [false; 4]);
            }
            last += 1;
        }
        let mid_side = mode == Mode::Joint && random.below(2) == 0;
        stream.add(&Frame { header, mid_side, parts: &parts }, &mut out);
        all.push(parts);
    }
    stream.flush(&mut out);
    (all, out)
}

pub(super) const MODES: [Mode; 4] = [Mode::Mono, Mode::Stereo, Mode::Joint, Mode::Dual];

fn compare(parts: &[Vec<Part>], read: &[ReadFrame]) {
    assert_eq!(parts.len(), read.len());
    for (written, read) in parts.iter().flatten().zip(read.iter().flat_map(|frame| &frame.parts)) {
        let values: Vec<i32> = written
            .spectrum
            .magnitudes
            .iter()
            .zip(written.negative.iter().flat_map(|negative| [negative >> 1, negative & 1]))
            .map(|(&magnitude, negative)| i32::from(magnitude) * (1 - 2 * i32::from(negative)))
            .collect();
        assert_eq!(values, read.values);
        assert_eq!(written.scale[..read.scale.len()], read.scale);
        let fields =
            (written.block, written.global_gain, written.coarse, written.preflag, written.window_gain);
        assert_eq!(fields, (read.block, read.global_gain, read.coarse, read.preflag, read.window_gain));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_written_is_read(seed: u64, rate in prop::sample::select(RATES.to_vec()), mode in prop::sample::select(MODES.to_vec())) {
        let (parts, bytes) = random_stream(seed, rate, mode, 12);
        compare(&parts, &Reader::new().read(&bytes));
    }
}

#[test]
fn all_tables_and_lengths_are_written_in_every_version() {
    let reader = Reader::new();
    for version in [Version::Mpeg1, Version::Mpeg2, Version::Mpeg25] {
        let (mut tables, mut quads, mut lengths, mut pretabs) = ([0; 32], [0; 2], [0; 5], 0);
        for (seed, rate) in RATES.into_iter().enumerate().cycle().take(144) {
            if Version::of(SampleRate::new(rate).unwrap()) != Some(version) {
                continue;
            }
            let (_, bytes) = random_stream(seed as u64, rate, Mode::Stereo, 60);
            for part in reader.read(&bytes).into_iter().flat_map(|frame| frame.parts) {
                part.tables.iter().for_each(|&table| tables[usize::from(table)] += 1);
                quads[usize::from(part.quads_in_b)] += 1;
                part.slen.iter().for_each(|&length| lengths[usize::from(length)] += 1);
                pretabs += u32::from(part.preflag);
            }
        }
        for (table, count) in tables.into_iter().enumerate() {
            assert!(count > 0 || matches!(table, 4 | 14), "{version:?}: table {table} was never written");
        }
        assert!(quads[0] > 0 && quads[1] > 0 && lengths.iter().all(|&count| count > 0) && pretabs > 0);
    }
}

/// Decoders of others have nothing to say about all that the format allows.
#[test]
fn decoders_of_others_read_what_is_written() {
    let path = std::env::temp_dir().join(format!("tonepress-native-{}.mp3", std::process::id()));
    for rate in RATES {
        for mode in MODES {
            let (_, bytes) = random_stream(u64::from(rate), rate, mode, 60);
            std::fs::write(&path, bytes).unwrap();
            for (decoder, arguments) in [
                ("mpg123", &["-q", "-t"][..]),
                ("ffmpeg", &["-nostdin", "-v", "error", "-i"]),
                ("madplay", &["-Q", "-o", "null:"]),
            ] {
                let mut command = std::process::Command::new(decoder);
                command.args(arguments).arg(&path);
                if decoder == "ffmpeg" {
                    command.args(["-f", "null", "-"]);
                }
                let output = command.output();
                let Ok(output) = output else {
                    let required = std::env::var_os("TONEPRESS_REQUIRE_TOOLS").is_some_and(|v| v == "1");
                    assert!(!required, "{decoder} is not installed, and TONEPRESS_REQUIRE_TOOLS=1");
                    eprintln!("SKIPPED: {decoder} is not installed");
                    continue;
                };
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success() && said.is_empty(), "{decoder}, {rate} Hz {mode:?}: {said}");
            }
        }
    }
    std::fs::remove_file(path).unwrap();
}
