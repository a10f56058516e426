//! `cargo +nightly fuzz run configuration`
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    tests::fuzz::configuration::body(bytes);
});
