//! See `calco_fuzz::image::manifest`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| calco_fuzz::image::manifest(input));
