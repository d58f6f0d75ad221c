//! Cycles of each stage: `cargo test --release cycles -- --ignored --nocapture`.
use super::analysis::Analysis;
use super::granule::Granule;

pub(crate) fn now() -> u64 {
    #[allow(unsafe_code)]
    // SAFETY: every x86-64 processor has the instruction.
    unsafe {
        core::arch::x86_64::_rdtsc()
    }
}

#[test]
#[ignore = "a measurement"]
fn cycles() {
    for (rate, channels) in [(44_100, 2), (44_100, 1), (22_050, 2)] {
        let mut analysis = Analysis::new(rate, channels, Some(rate * 2 / 5));
        let samples = analysis.frame_samples();
        let mut x = 1u32;
        let pcm: Vec<f32> = (0..samples * 200)
            .map(|n| {
                x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (x >> 8) as f32 / 16_777_216.0 * (0.5 + 0.5 * (n as f32 * 1e-4).sin()) - 0.5
            })
            .collect();
        let mut best = u64::MAX;
        let mut granules = [Granule::SILENT, Granule::SILENT];
        for _ in 0..15 {
            let start = now();
            for frame in pcm.chunks_exact(samples) {
                analysis.push(&[frame, frame][..channels], &mut granules);
            }
            best = best.min(now() - start);
        }
        println!(
            "{rate} x{channels}: {} cycles a granule and channel",
            best / (200 * samples as u64 / 576 * channels as u64)
        );
    }
    stages();
}

fn best_of(mut f: impl FnMut()) -> u64 {
    (0..200)
        .map(|_| {
            let start = now();
            for _ in 0..50 {
                f();
            }
            (now() - start) / 50
        })
        .min()
        .unwrap_or_default()
}

fn stages() {
    use super::attack::Detector;
    use super::granule::Block;
    use super::lanes::Best;
    use super::mdct::mdct;
    use super::polyphase::{Polyphase, Slots};
    let best = Best::detect();
    let pcm: Vec<f32> = (0..1152).map(|n| (n as f32 * 0.37).sin()).collect();
    let mut polyphase = Polyphase::new(best, 2, 2);
    let mut slots: Box<[[Slots; 5]; 2]> = Box::new([[[[0.0; 32]; 18]; 5]; 2]);
    println!("polyphase {}", best_of(|| polyphase.push(&[&pcm, &pcm], &mut slots, 1)) / 4);
    let mut lines = [0.0; 576];
    for block in [Block::Long, Block::Short] {
        println!("mdct {block:?} {}", best_of(|| mdct(best, block, &slots[0][1], &slots[0][2], &mut lines)));
    }
    let mut detector = Detector::new();
    println!(
        "attack {}",
        best_of(|| {
            std::hint::black_box(detector.find(best, &slots[0][1]));
        })
    );
}
