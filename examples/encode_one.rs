//! Presses one master into one MP3.
//!
//! `cargo run --release --example encode_one -- testdata/strings.flac v0 strings.mp3`

use std::error::Error;
use std::fs::File;

use tonepress::master::Master;
use tonepress::{Engine, Profile};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [master, profile, output] = arguments.as_slice() else {
        return Err("usage: encode_one MASTER PROFILE OUTPUT".into());
    };
    let profile: Profile = profile.parse()?;
    let master = Master::open(master)?;

    let rendition = Engine::builder().build()?.request(&master, &profile)?;
    let size = rendition.len();
    let about = if size.is_exact() { "" } else { "about " };
    println!("{about}{} bytes to come", size.likely());

    let object = rendition.wait()?; // all cores press it
    object.copy_to(&File::create(output)?, output)?;
    println!("{output}: {} bytes", object.len());
    Ok(())
}
