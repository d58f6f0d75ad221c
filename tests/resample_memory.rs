//! What the worst pairs of rates cost in memory. Alone in its program, so that no other test is measured.
#![cfg(target_os = "linux")]

use tonepress::SampleRate;
use tonepress::master::resample::Resampler;
use tonepress::pcm::Pcm;

/// The most memory that this process ever had resident, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("so does every process");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

#[test]
fn rates_without_a_common_divisor_are_bounded() {
    let before = peak();
    let [from, to] = [383_999, 48_000].map(|hz| SampleRate::new(hz).expect("in range"));
    let mut resampler = Resampler::new(from, to).expect("any pair of rates");
    let total = 3 * u64::from(from.hz());
    let needed = resampler.input_range(&(48_000..48_001), total);
    assert_eq!(needed.end - needed.start, 2 * 383_999, "two blocks of a second");

    let (mut input, mut output) = (Pcm::default(), Pcm::default());
    input.reset(1, needed.start);
    input.plane_mut(0).resize(2 * 383_999, 0.5);
    resampler.resample(&input, total, 48_000..48_001, &mut output).expect("input as asked for");
    assert!((output.plane(0)[0] - 0.5).abs() < 1e-6, "{output:?}");
    let grown = peak() - before;
    assert!(grown < 64, "{grown} MiB");
}
