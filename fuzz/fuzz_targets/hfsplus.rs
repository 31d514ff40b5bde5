//! See `calco_fuzz::target::hfsplus`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    calco_fuzz::target::hfsplus(input);
});
