//! `cargo +nightly fuzz run hostile`
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    tests::fuzz::hostile::body(bytes);
});
