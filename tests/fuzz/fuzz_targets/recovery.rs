//! `cargo +nightly fuzz run recovery`
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    tests::fuzz::recovery::body(bytes);
});
