//! The profile parser: what it takes has one canonical form, which means the same.

use tonepress::master::Layout;
use tonepress::{Plan, Profile};

use super::plan::master;

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(profile) = text.parse::<Profile>() else { return };
    let canonical = profile.to_string();
    let again: Profile = canonical.parse().expect("the canonical form is a profile");
    assert_eq!((again, again.to_string()), (profile, canonical));
    for (rate, layout) in [(8_000, Layout::MONO), (44_100, Layout::STEREO), (384_000, Layout::STEREO)] {
        let master = master(rate, layout, 100_000).unwrap();
        assert_eq!(Plan::new(&master, &profile).ok(), Plan::new(&master, &again).ok());
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    ["128", "cbr320:joint", "v0", "v2.5:rate=22050:mono", "abr160:q=7:stereo", "192:whole"]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}
