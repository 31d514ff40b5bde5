//! See `calco_fuzz::target::f2fs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    calco_fuzz::target::f2fs(input);
});
