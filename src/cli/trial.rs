//! What pressing costs, tried on a little of a master.

use std::time::Instant;

use tonepress::master::Master;
use tonepress::master::convert::{Converter, to_channels};
use tonepress::pcm::Pcm;
use tonepress::rendition::press::SegmentEncoder;
use tonepress::{Plan, Samples};

/// How many seconds of a master are pressed to see how long the rest takes.
const TRIAL: u64 = 10;

/// Presses a little from the middle of a master: the seconds that a second takes on one core.
pub(crate) fn cost(master: &Master, plan: &Plan) -> tonepress::Result<f64> {
    let began = Instant::now();
    let (rate, channels) = (plan.resolved().rate(), plan.resolved().channels());
    let index = plan.segments() / 2;
    let segment = plan.segment(index);
    let end = segment.pcm.end.min(segment.pcm.start + TRIAL * u64::from(rate.hz()));
    let range = segment.pcm.start..end;
    let (mut pcm, mut mixed) = (Pcm::default(), Pcm::default());
    Converter::new(master)?.read(rate, range.clone(), &plan.master_range(&range), &mut pcm)?;
    let pcm = match to_channels(pcm.channels(), channels) {
        None => &pcm,
        Some(mix) => {
            mix.apply(&pcm, &mut mixed);
            &mixed
        }
    };
    SegmentEncoder::new(plan, index)?.push(pcm, &mut Vec::new())?;
    Ok(began.elapsed().as_secs_f64() / rate.seconds(Samples(end - range.start)).max(1e-6))
}
