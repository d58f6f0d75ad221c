//! The downmix against `FFmpeg`'s libswresample.

use std::fs;

use tonepress::master::downmix::Downmix;
use tonepress::master::{Layout, Position, Position::*};
use tonepress::pcm::Pcm;

mod common;

/// `FFmpeg`'s names for some layouts, and their channels in its order.
const LAYOUTS: [(&str, &[Position]); 10] = [
    ("stereo", &[FrontLeft, FrontRight]),
    ("3.0", &[FrontLeft, FrontRight, FrontCentre]),
    ("4.0", &[FrontLeft, FrontRight, FrontCentre, RearCentre]),
    ("quad", &[FrontLeft, FrontRight, RearLeft, RearRight]),
    ("5.0", &[FrontLeft, FrontRight, FrontCentre, RearLeft, RearRight]),
    ("5.1", &[FrontLeft, FrontRight, FrontCentre, Lfe, RearLeft, RearRight]),
    ("5.1(side)", &[FrontLeft, FrontRight, FrontCentre, Lfe, SideLeft, SideRight]),
    ("6.1", &[FrontLeft, FrontRight, FrontCentre, Lfe, RearCentre, SideLeft, SideRight]),
    ("7.1", &[FrontLeft, FrontRight, FrontCentre, Lfe, RearLeft, RearRight, SideLeft, SideRight]),
    (
        "7.1(wide)",
        &[
            FrontLeft,
            FrontRight,
            FrontCentre,
            Lfe,
            RearLeft,
            RearRight,
            FrontLeftOfCentre,
            FrontRightOfCentre,
        ],
    ),
];

#[test]
fn gains_equal_ffmpegs() {
    let dir = tempfile::tempdir().unwrap();
    let (source, result) = (dir.path().join("source"), dir.path().join("result"));
    for (name, positions) in LAYOUTS {
        for (channels, target) in [(2, "stereo"), (1, "mono")] {
            // Its mono is not the sum of its own left and right when there is a rear centre.
            if channels == 1 && positions.contains(&RearCentre) {
                continue;
            }
            let Some(mix) = Downmix::new(&Layout::new(positions).unwrap(), channels) else { continue };
            let Some(mut ffmpeg) = common::tool("ffmpeg") else { return };
            // One channel at a time at full scale, then all of them: the gains themselves.
            let count = positions.len();
            let mut input = Pcm::default();
            input.reset(count, 0);
            for channel in 0..count {
                let on = |moment: usize| f32::from(u8::from(moment == channel || moment == count));
                input.plane_mut(channel).extend((0..=count).map(on));
            }
            let interleaved = (0..=count).flat_map(|moment| input.planes().map(move |plane| plane[moment]));
            fs::write(&source, interleaved.flat_map(f32::to_le_bytes).collect::<Vec<_>>()).unwrap();
            // Without the limit FFmpeg scales integers only.
            let filter = format!("aresample=rematrix_maxval=1.0,aformat=channel_layouts={target}");
            let status = ffmpeg
                .args(["-v", "error", "-y", "-f", "f32le", "-ar", "48000"])
                .args(["-channel_layout", name, "-i"])
                .arg(&source)
                .args(["-af", &filter, "-f", "f32le"])
                .arg(&result)
                .status();
            assert!(status.unwrap().success());
            let theirs: Vec<f32> = fs::read(&result)
                .unwrap()
                .chunks_exact(4)
                .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
                .collect();

            let mut ours = Pcm::default();
            mix.apply(&input, &mut ours);
            assert_eq!(theirs.len(), channels * (count + 1), "{name}");
            for (position, theirs) in theirs.iter().enumerate() {
                let ours = ours.plane(position % channels)[position / channels];
                assert!(
                    (ours - theirs).abs() < 1e-6,
                    "{name} to {target}: {ours} and {theirs} at {position}"
                );
            }
        }
    }
}
