//! `cargo +nightly fuzz run driver`
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    tests::fuzz::driver::body(bytes);
});
