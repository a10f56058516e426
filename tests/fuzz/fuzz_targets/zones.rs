//! `cargo +nightly fuzz run zones`
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    tests::fuzz::zones::body(bytes);
});
