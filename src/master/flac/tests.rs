//! Frames of every kind, written here, are decoded to what was put in; and no bytes at all do harm.

use proptest::prelude::*;

use super::FrameDecoder;
use super::checksum::{frame_sum, header_sum};
use super::decoder::Processor;
use super::error::Fault;
use super::header::{Channels, Format};

/// Writes bits, the most significant first.
struct Writer {
    bytes: Vec<u8>,
    count: usize,
}

impl Writer {
    fn put(&mut self, value: i64, width: u32) {
        for bit in (0..width).rev() {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= u8::from(value >> bit & 1 == 1) << (7 - self.count % 8);
            self.count += 1;
        }
    }

    fn unary(&mut self, zeros: u64) {
        for _ in 0..zeros {
            self.put(0, 1);
        }
        self.put(1, 1);
    }
}

/// How a channel is to be coded.
#[derive(Debug, Clone)]
enum Coding {
    Verbatim,
    Fixed(usize),
    Linear { coefs: Vec<i64>, shift: u32 },
}

#[derive(Debug, Clone)]
struct Channel {
    samples: Vec<i64>,
    coding: Coding,
    wasted: u32,
    partitions: u32,
    /// The Rice parameter; 31 for partitions that are not coded.
    k: u32,
    wide_parameters: bool,
}

fn all(out: &mut Writer, values: &[i64], width: u32) {
    for &value in values {
        out.put(value, width);
    }
}

fn put_channel(out: &mut Writer, channel: &Channel, width: u32) {
    let Channel { wasted, partitions, k, wide_parameters, .. } = *channel;
    let width = width - wasted;
    let samples: Vec<i64> = channel.samples.iter().map(|sample| sample >> wasted).collect();
    let residual_of = |coefs: &[i64], shift: u32| -> Option<Vec<i64>> {
        (coefs.len()..samples.len())
            .map(|at| {
                let sum: i64 = coefs.iter().zip(samples[..at].iter().rev()).map(|(c, s)| c * s).sum();
                let residual = samples[at] - (sum >> shift);
                (residual.abs() <= i64::from(i32::MAX)).then_some(residual)
            })
            .collect()
    };
    let fixed: [&[i64]; 5] = [&[], &[1], &[2, -1], &[3, -3, 1], &[4, -6, 4, -1]];
    let (kind, coefs, shift) = match &channel.coding {
        _ if samples.iter().all(|sample| *sample == samples[0]) => (0, vec![], 0),
        Coding::Verbatim => (1, vec![], 0),
        Coding::Fixed(order) => (8 + *order as i64, fixed[*order].to_vec(), 0),
        Coding::Linear { coefs, shift } => (31 + coefs.len() as i64, coefs.clone(), *shift),
    };
    let partitions = (0..=partitions)
        .rev()
        .find(|order| samples.len().is_multiple_of(1 << order) && samples.len() >> order >= coefs.len())
        .unwrap_or(0);
    let residual = residual_of(&coefs, shift).filter(|_| coefs.len() <= samples.len() && kind > 1);
    let kind = if residual.is_none() && kind > 1 { 1 } else { kind };
    out.put(kind << 1 | i64::from(wasted > 0), 8);
    if wasted > 0 {
        out.unary(u64::from(wasted) - 1);
    }
    match kind {
        0 => return out.put(samples[0], width),
        1 => return all(out, &samples, width),
        _ => {}
    }
    all(out, &samples[..coefs.len()], width);
    if kind > 31 {
        out.put(14, 4);
        out.put(shift.into(), 5);
        all(out, &coefs, 15);
    }
    let parameter = if wide_parameters { 5 } else { 4 };
    out.put(i64::from(wide_parameters), 2);
    out.put(partitions.into(), 4);
    let mut residual = residual.unwrap().into_iter();
    for partition in 0..1 << partitions {
        let len = (samples.len() >> partitions) - if partition == 0 { coefs.len() } else { 0 };
        let part: Vec<i64> = residual.by_ref().take(len).collect();
        let code = |value: i64| (value << 1 ^ value >> 63).cast_unsigned();
        let k = k.min((1 << parameter) - 1);
        let longest = part.iter().map(|value| code(*value) >> k).max().unwrap_or(0);
        if k == (1 << parameter) - 1 || longest > 2_000 {
            let width =
                part.iter().map(|value| 65 - (value ^ value >> 63).leading_zeros()).max().unwrap_or(0);
            // 31 bits at most can be said; then by a code.
            if width < 32 {
                let width = if part.iter().all(|value| *value == 0) { 0 } else { width };
                out.put((1 << parameter) - 1, parameter);
                out.put(width.into(), 5);
                all(out, &part, width);
                continue;
            }
        }
        let k = if longest > 2_000 || k == (1 << parameter) - 1 { (1 << parameter) - 2 } else { k };
        out.put(k.into(), parameter);
        for value in part {
            out.unary(code(value) >> k);
            out.put(code(value).cast_signed(), k);
        }
    }
}

/// A frame whose width stands in STREAMINFO.
fn frame(channels: Channels, coded: &[Channel], bits: u32) -> Vec<u8> {
    let assignment = match channels {
        Channels::Independent(count) => count as u8 - 1,
        Channels::LeftSide => 8,
        Channels::SideRight => 9,
        Channels::MidSide => 10,
    };
    let mut out = Writer { bytes: vec![0xff, 0xf9, 0x70, assignment << 4, 7], count: 0 };
    out.bytes.extend((coded[0].samples.len() as u16 - 1).to_be_bytes());
    out.bytes.push(header_sum(&out.bytes));
    out.count = out.bytes.len() * 8;
    for (index, channel) in coded.iter().enumerate() {
        put_channel(&mut out, channel, bits + u32::from(channels.side() == Some(index)));
    }
    seal(out.bytes)
}

fn seal(mut frame: Vec<u8>) -> Vec<u8> {
    frame.extend(frame_sum(&frame).to_be_bytes());
    frame
}

/// A decoder for each kind of processor there is here.
fn decoders(format: Format) -> Vec<FrameDecoder> {
    vec![FrameDecoder::for_processor(format, Processor::Any), FrameDecoder::new(format)]
}

fn coding() -> impl Strategy<Value = Coding> {
    prop_oneof![
        Just(Coding::Verbatim),
        (0..=4_usize).prop_map(Coding::Fixed),
        (prop::collection::vec(-16_384..16_384_i64, 1..=32), 0..16_u32)
            .prop_map(|(coefs, shift)| Coding::Linear { coefs, shift }),
        // As an encoder finds them: the sum is about one.
        (prop::collection::vec(-300..300_i64, 1..=32), 8..12_u32).prop_map(|(mut coefs, shift)| {
            coefs[0] += 1 << shift;
            Coding::Linear { coefs, shift }
        }),
    ]
}

/// Numbers of a channel from 0 to 1, loud or soft, smooth or not.
fn curve(len: usize) -> impl Strategy<Value = Vec<f64>> {
    let step = prop_oneof![Just(0.0), Just(1e-6), Just(1e-3), Just(0.05), Just(1.0)];
    (any::<f64>(), step, prop::collection::vec(-1.0..1.0_f64, len)).prop_map(|(_, step, noise)| {
        let mut at = 0.5;
        noise
            .into_iter()
            .map(|noise| {
                at = (at + noise * step).clamp(0.0, 1.0);
                at
            })
            .collect()
    })
}

/// A stream's width, how its channels are coded, what they hold, and a frame of it.
fn frames() -> impl Strategy<Value = (u32, Vec<Vec<i32>>, Vec<u8>)> {
    let len = prop_oneof![1..40_usize, (1..20_usize).prop_map(|n| n * 16), Just(576), 1..1_200_usize];
    (4..=32_u32, 1..=8_usize, 0..4_u8, len).prop_flat_map(|(bits, count, mode, len)| {
        let channels = match mode {
            0 => Channels::Independent(count),
            1 => Channels::LeftSide,
            2 => Channels::SideRight,
            _ => Channels::MidSide,
        };
        let how = (curve(len), coding(), 0..bits, 0..8_u32, 0..=31_u32, any::<bool>(), any::<bool>());
        prop::collection::vec(how, channels.count()).prop_map(move |how| {
            let wanted: Vec<Vec<i32>> = how
                .iter()
                .map(|(curve, _, wasted, _, _, _, waste)| {
                    let wasted = if *waste { *wasted } else { 0 };
                    let full = (1_i64 << bits) - 1;
                    let of = |value: &f64| (value * full as f64) as i64 - (1_i64 << (bits - 1));
                    curve.iter().map(|value| (of(value) >> wasted << wasted) as i32).collect()
                })
                .collect();
            let plane = |at: usize| wanted[at].iter().map(|&sample| i64::from(sample));
            let side = || plane(0).zip(plane(1)).map(|(left, right)| left - right).collect();
            let mid = || plane(0).zip(plane(1)).map(|(left, right)| (left + right) >> 1).collect();
            let coded: Vec<Vec<i64>> = match channels {
                Channels::Independent(count) => (0..count).map(|at| plane(at).collect()).collect(),
                Channels::LeftSide => vec![plane(0).collect(), side()],
                Channels::SideRight => vec![side(), plane(1).collect()],
                Channels::MidSide => vec![mid(), side()],
            };
            let coded: Vec<Channel> = coded
                .into_iter()
                .zip(&how)
                .map(|(samples, (_, coding, _, partitions, k, wide_parameters, waste))| Channel {
                    wasted: samples.iter().map(|sample| sample.trailing_zeros()).min().unwrap().min(bits - 1)
                        * u32::from(*waste),
                    samples,
                    coding: coding.clone(),
                    partitions: *partitions,
                    k: *k,
                    wide_parameters: *wide_parameters,
                })
                .collect();
            (bits, wanted, frame(channels, &coded, bits))
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    /// Every kind of frame gives what was put in, on every processor, as integers and as numbers.
    #[test]
    fn frames_are_decoded((bits, wanted, frame) in frames()) {
        let format = Format { rate: 44_100, channels: wanted.len(), bits };
        for mut decoder in decoders(format) {
            // What lies before stays.
            let mut planes = vec![vec![5]; wanted.len()];
            let header = decoder.decode(&frame, false, &mut planes).unwrap();
            prop_assert_eq!((header.block, header.number), (wanted[0].len(), 7));
            for (plane, wanted) in planes.iter().zip(&wanted) {
                prop_assert_eq!(plane[0], 5);
                prop_assert_eq!(&plane[1..], &wanted[..]);
            }
            let mut planes = vec![Vec::<f32>::new(); wanted.len()];
            decoder.decode(&frame, false, &mut planes).unwrap();
            for (plane, wanted) in planes.iter().zip(&wanted) {
                for (&given, &wanted) in plane.iter().zip(wanted) {
                    let wanted = (f64::from(wanted) / (1_u64 << (bits - 1)) as f64) as f32;
                    prop_assert_eq!(given.to_bits(), wanted.to_bits());
                }
            }
            let behind = [&frame[..], &[0xff, 1, 2, 3]].concat();
            prop_assert_eq!(decoder.end(&behind), Ok(frame.len()));
        }
    }

    /// One wrong bit is found by a checksum, a cut by its end; a decoder then goes on as if nothing had been.
    #[test]
    fn damage_is_found((bits, wanted, frame) in frames(), at in any::<prop::sample::Index>()) {
        let format = Format { rate: 44_100, channels: wanted.len(), bits };
        let mut decoder = FrameDecoder::new(format);
        let bit = at.index(frame.len() * 8);
        let mut wrong = frame.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        let mut planes = vec![vec![5]; wanted.len()];
        prop_assert!(decoder.decode(&wrong, false, &mut planes).is_err());
        prop_assert!(decoder.decode(&frame[..bit / 8], false, &mut planes).is_err());
        prop_assert!(planes.iter().all(|plane| plane == &[5]));
        prop_assert!(decoder.decode(&frame, false, &mut planes).is_ok());
    }

    /// Nothing does harm where the checksums are right: it is an error, or samples within their width, and the same
    /// on every processor.
    #[test]
    fn nonsense_does_no_harm(
        (bits, wanted, frame) in frames(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let format = Format { rate: 44_100, channels: wanted.len(), bits };
        let mut frame = frame[..frame.len() - 2].to_vec();
        for (at, byte) in changes {
            let behind = 8 + at.index(frame.len() - 8);
            frame[behind] = byte;
        }
        let frame = seal(frame);
        let mut all = Vec::new();
        for mut decoder in decoders(format) {
            let mut planes = vec![Vec::<i32>::new(); wanted.len()];
            let result = decoder.decode(&frame, false, &mut planes);
            let most = 1_i64 << (bits - 1);
            prop_assert!(planes.iter().flatten().all(|&sample| (-most..most).contains(&sample.into())));
            prop_assert!(result.is_ok() || planes.iter().all(Vec::is_empty));
            all.push((result, planes));
        }
        prop_assert_eq!(&all[0], &all[1]);
    }

    /// Nor do any bytes.
    #[test]
    fn noise_does_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300), bits in 4..=32_u32) {
        let format = Format { rate: 44_100, channels: 2, bits };
        let mut decoder = FrameDecoder::new(format);
        let mut head = vec![0xff, 0xf9, 0x70, 0xa0, 7, 0xff, 0xfe];
        head.push(header_sum(&head));
        for frame in [seal(bytes.clone()), seal([head, bytes].concat())] {
            let _ = decoder.decode(&frame, false, &mut [Vec::<f32>::new(), Vec::new()]);
            let _ = decoder.end(&frame);
        }
    }
}

/// What is forbidden is told by name, and where.
#[test]
fn what_is_forbidden_is_told() {
    let format = Format { rate: 44_100, channels: 1, bits: 16 };
    let fault = |header: [u8; 4], rest: &[u8]| {
        let mut frame = [&[0xff, 0xf8], &header[..]].concat();
        frame.push(header_sum(&frame));
        frame.extend(rest);
        FrameDecoder::new(format).decode(&seal(frame), false, &mut [Vec::<i32>::new()]).unwrap_err()
    };
    // 192 samples of one channel, 16 bits, frame 0.
    let good = [0x10, 0x08, 0, 0].map(|byte: u8| byte);
    let header = [good[0], good[1], good[2]];
    let subframe = |rest: &[u8]| {
        let mut frame = [&[0xff, 0xf8], &header[..]].concat();
        frame.push(header_sum(&frame));
        frame.extend(rest);
        FrameDecoder::new(format).decode(&seal(frame), false, &mut [Vec::<i32>::new()])
    };
    assert!(subframe(&[0, 0x12, 0x34]).is_ok());
    for (rest, wanted, bit) in [
        (&[0x80, 0, 0][..], Fault::Reserved("bit in a subframe"), 56),
        (&[0x04, 0, 0], Fault::Reserved("kind of subframe"), 56),
        (&[0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], Fault::Forbidden("a number that is too large"), 56),
        (&[0x01, 0, 1, 0, 0], Fault::Forbidden("a subframe all of whose bits are wasted"), 72),
        (&[0x10, 0xff], Fault::Reserved("coding of a residual"), 58),
        (&[0x10, 0x1c, 0], Fault::Forbidden("partitions that do not divide the block"), 62),
        (&[0x42, 0, 0, 0, 0, 0xf0, 0], Fault::Forbidden("coefficients of 16 bits"), 92),
        (&[0x40, 0, 0, 0xe8, 0x80, 0], Fault::Forbidden("a predictor that shifts to the left"), 81),
        (&[0, 0x12], Fault::End, 72),
        (&[2, 0, 0], Fault::End, 88),
    ] {
        let error = subframe(rest).unwrap_err();
        assert_eq!((error.fault, error.bit), (wanted, bit), "{rest:x?}");
    }
    let fault = |header| fault(header, &[0, 0, 0]).fault;
    assert_eq!(fault([0x00, 0x08, 0, 0]), Fault::Reserved("code of its block size"));
    assert_eq!(fault([0x1f, 0x08, 0, 0]), Fault::Forbidden("an impossible rate"));
    assert_eq!(fault([0x10, 0xb8, 0, 0]), Fault::Reserved("code of its channels"));
    assert_eq!(fault([0x10, 0x06, 0, 0]), Fault::Reserved("code of its width"));
    assert_eq!(fault([0x10, 0x09, 0, 0]), Fault::Reserved("bit in its header"));
    assert_eq!(fault([0x10, 0x08, 0xff, 0]), Fault::Forbidden("a frame number that is not coded as one"));
    assert_eq!(fault([0x10, 0x08, 0xc2, 0]), Fault::Forbidden("a frame number that is not coded as one"));
}

/// Two halves that are within their width do not make a sample that is beyond its own.
#[test]
fn differences_may_not_lead_out_of_the_width() {
    for (bits, channels) in [(16, Channels::LeftSide), (31, Channels::MidSide), (32, Channels::SideRight)] {
        let most = (1_i64 << (bits - 1)) - 1;
        let constant = |value: i64| Channel {
            samples: vec![value; 20],
            coding: Coding::Verbatim,
            wasted: 0,
            partitions: 0,
            k: 0,
            wide_parameters: false,
        };
        let coded = match channels {
            Channels::SideRight => [constant(2 * most), constant(most)],
            _ => [constant(most), constant(-2 * most)],
        };
        let format = Format { rate: 44_100, channels: 2, bits };
        let mut planes = [vec![1_i32], vec![2]];
        let error =
            FrameDecoder::new(format).decode(&frame(channels, &coded, bits), false, &mut planes).unwrap_err();
        assert_eq!(error.fault, Fault::Width(bits));
        assert_eq!(planes, [vec![1], vec![2]]);
    }
}
