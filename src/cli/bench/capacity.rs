//! What the measurements mean for somebody who buys machines: how much music a day they press, and what it costs.

use super::results::{Capacity, Listeners, Work};

/// What is taken for a track and an album.
pub(super) const TRACK_S: f64 = 240.0;
pub(super) const ALBUM_TRACKS: f64 = 12.0;

/// Each work of one master; `price` is what an hour of one core costs.
pub(super) fn capacities(works: &[Work], price: Option<f64>) -> Vec<Capacity> {
    let of = |work: &Work| {
        let all = work.ours.last()?;
        // Seconds of a master that become renditions at all profiles, in a second.
        let speed = all.realtime_x / work.profiles.len() as f64;
        let core_hours = 1_000.0 * TRACK_S / speed / 3_600.0 * all.threads as f64;
        Some(Capacity {
            work: work.name.clone(),
            tracks_per_day: 86_400.0 * speed / TRACK_S,
            albums_per_hour: 3_600.0 * speed / (TRACK_S * ALBUM_TRACKS),
            cost_per_1000_tracks: price.map(|price| price * core_hours),
        })
    };
    works.iter().filter(|work| work.masters == 1).filter_map(of).collect()
}

/// Listeners at 320, or at the highest constant bitrate that was measured: each takes a second of audio a second.
pub(super) fn listeners(works: &[Work]) -> Option<Listeners> {
    let bitrate = |work: &Work| match &work.profiles[..] {
        [only] => only.split(':').next()?.parse::<u32>().ok(),
        _ => None,
    };
    let work = works.iter().filter(|work| bitrate(work).is_some()).max_by_key(|work| bitrate(work))?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a count
    let at_once = work.ours.last()?.realtime_x.floor() as u64;
    Some(Listeners { profile: work.name.clone(), at_once })
}
