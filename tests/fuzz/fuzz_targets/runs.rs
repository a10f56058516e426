//! `cargo +nightly fuzz run runs`
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    tests::fuzz::runs::body(bytes);
});
