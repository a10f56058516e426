//! `cargo +nightly fuzz run clusters`
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    tests::fuzz::clusters::body(bytes);
});
