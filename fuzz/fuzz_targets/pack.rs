//! See `calco_fuzz::image::pack`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| calco_fuzz::image::pack(input));
