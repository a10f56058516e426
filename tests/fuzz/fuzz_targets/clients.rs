//! `cargo +nightly fuzz run clients`
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    tests::fuzz::clients::body(bytes);
});
