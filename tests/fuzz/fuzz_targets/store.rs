//! `cargo +nightly fuzz run store`
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    tests::fuzz::store::body(bytes);
});
