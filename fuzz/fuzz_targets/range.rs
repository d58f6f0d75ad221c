#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tonepress_fuzz::range::run(data));
