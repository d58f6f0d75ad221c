#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tonepress_fuzz::frame::run(data));
