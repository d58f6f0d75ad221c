//! Presses one master into several MP3s at once, decoding it once, and keeps them in a store: run it
//! again, and they are there.
//!
//! `cargo run --release --example fan_out -- testdata/strings.flac cache 128 192 320 v0`

use std::error::Error;

use tonepress::master::Master;
use tonepress::store::Options;
use tonepress::{Engine, Profile};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [master, store, profiles @ ..] = arguments.as_slice() else {
        return Err("usage: fan_out MASTER STORE PROFILE…".into());
    };
    let profiles: Vec<Profile> = profiles.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let master = Master::open(master)?;
    let engine = Engine::builder().store(Options::new(store).max_bytes(1 << 30).open()?).build()?;

    // All are asked for before the first is waited for, so that they share what is decoded.
    for (profile, rendition) in profiles.iter().zip(engine.fan_out(&master, &profiles)) {
        let rendition = rendition?;
        let how = if rendition.was_stored() { "was there" } else { "pressed now" };
        let object = rendition.wait()?;
        let place = object.path().map_or("not kept".to_owned(), |path| path.display().to_string());
        println!("{profile}: {} bytes, {how}: {place}", object.len());
    }
    let stats = engine.stats();
    println!("{} steps decoded, {} shared", stats.steps_decoded, stats.steps_shared);
    Ok(())
}
