//! `cargo +nightly fuzz run operations`
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    tests::fuzz::operations::body(bytes);
});
