//! See `calco_fuzz::target::thin_pool`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    calco_fuzz::target::thin_pool(input);
});
