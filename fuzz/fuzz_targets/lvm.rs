//! See `calco_fuzz::target::lvm`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    calco_fuzz::target::lvm(input);
});
