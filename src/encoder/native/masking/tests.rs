use super::*;

fn granule(mut line: impl FnMut(usize) -> f32) -> Granule {
    let mut granule = Granule::SILENT;
    for (k, x) in granule.lines[0].iter_mut().enumerate() {
        *x = line(k);
    }
    granule.lines[1] = granule.lines[0];
    granule
}

fn noise() -> impl FnMut(usize) -> f32 {
    let mut seed = 1u32;
    move |_| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as f32 / 8_388_608.0 - 1.0
    }
}

/// What is allowed in a granule that lasts.
fn steady(rate: u32, granule: &Granule) -> [[f32; 39]; 4] {
    let mut granules = [granule.clone(), granule.clone()];
    let mut masking = Masking::new(Best::detect(), rate, 2);
    for _ in 0..20 {
        masking.fill(&mut granules);
    }
    granules[1].allowed
}

fn decibels(x: f32) -> f32 {
    10.0 * x.log10()
}

#[test]
fn noise_is_masked_by_noise_a_few_decibels_above_it() {
    for rate in [48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000] {
        let granule = granule(noise());
        let allowed = steady(rate, &granule);
        for band in 2..20 {
            let lines = usize::from(bands::long(rate)[band])..usize::from(bands::long(rate)[band + 1]);
            let energy: f32 = granule.lines[0][lines].iter().map(|x| x * x).sum();
            let ratio = decibels(allowed[0][band] / energy);
            assert!((-14.0..6.0).contains(&ratio), "{rate} Hz, band {band}: {ratio}");
            // Left and right are equal: all is in the middle, and twice as much.
            assert!((decibels(allowed[2][band] / allowed[0][band]) - 3.0).abs() < 0.1, "band {band}");
        }
    }
}

#[test]
fn a_tone_masks_its_neighbours_further_up_than_down() {
    let allowed = steady(44_100, &granule(|k| if k == 100 { 0.5 } else { 0.0 }));
    let density: Vec<f32> = bands::long(44_100)
        .windows(2)
        .zip(allowed[0])
        .map(|(edge, allowed)| decibels(allowed / f32::from(edge[1] - edge[0])))
        .collect();
    let own = density[13];
    for (band, fall) in [(14, 8.0..25.0), (15, 25.0..35.0), (12, 15.0..30.0), (11, 40.0..70.0)] {
        assert!(fall.contains(&(own - density[band])), "band {band}: {} of {own}", density[band]);
    }
}

#[test]
fn thresholds_follow_the_level_down_to_that_in_quiet() {
    let loud = granule(noise());
    let mut random = noise();
    let soft = granule(|k| 0.25 * random(k));
    let (loud, soft) = (steady(44_100, &loud), steady(44_100, &soft));
    for band in 0..20 {
        assert!((loud[0][band] / soft[0][band] - 16.0).abs() < 0.1, "band {band}");
    }
    let silent = steady(44_100, &Granule::SILENT);
    assert!(silent.iter().all(|allowed| allowed[..22].iter().all(|&x| (1e-15..1e-3).contains(&x))));
}

#[test]
fn a_threshold_does_not_jump_up() {
    let loud = granule(noise());
    let mut random = noise();
    let soft = granule(|k| 0.01 * random(k));
    let mut granules = [soft, loud];
    let mut masking = Masking::new(Best::detect(), 44_100, 2);
    masking.fill(&mut granules);
    for band in 3..20 {
        let rise = granules[1].allowed[0][band] / granules[0].allowed[0][band];
        assert!((1.5..2.5).contains(&rise), "band {band}: {rise}");
    }
    // Nor if the granules come one by one.
    let mut masking = Masking::new(Best::detect(), 44_100, 2);
    let mut alone = granules.clone();
    let (first, second) = alone.split_at_mut(1);
    masking.fill(first);
    masking.fill(second);
    for (one, other) in granules.iter().zip(&alone) {
        assert_eq!(one.allowed, other.allowed);
    }
}

#[test]
fn short_windows_are_judged_one_by_one() {
    let mut random = noise();
    let mut short = granule(|k| if k < 192 { 1e-3 * random(k) } else { random(k) });
    short.block = [Block::Short; 2];
    let mut granules = [short];
    Masking::new(Best::detect(), 44_100, 2).fill(&mut granules);
    let allowed = &granules[0].allowed[0];
    for band in 1..12 {
        let rise = decibels(allowed[3 * band + 1] / allowed[3 * band]);
        assert!((45.0..75.0).contains(&rise), "band {band}: {rise}");
        assert!((decibels(allowed[3 * band + 2] / allowed[3 * band + 1])).abs() < 10.0);
    }
}
