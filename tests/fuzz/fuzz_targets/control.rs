#![no_main]

#[path = "../../../supervisor/protocol/tests/fuzzed/mod.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzed::control(bytes));
