#![no_main]

#[path = "../../../supervisor/daemon/src/supervisor/monitors/notify.rs"]
mod notify;
#[path = "../../../supervisor/daemon/src/supervisor/monitors/notify_fuzzed.rs"]
mod notify_fuzzed;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| notify_fuzzed::notes(bytes));
