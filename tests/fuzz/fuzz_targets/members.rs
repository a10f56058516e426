//! `cargo +nightly fuzz run members`
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    tests::fuzz::members::body(bytes);
});
