#![no_main]

#[path = "../../../supervisor/manifest/tests/fuzzed/mod.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzed::pm2_json(bytes));
