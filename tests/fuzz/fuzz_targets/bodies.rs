#![no_main]
#![allow(dead_code)] // Here only what reads bodies is asked for.

/// The rules of betti-api, where they are.
#[path = "../../../workers/api/src"]
mod api {
    pub mod appointments;
    pub mod fuzzed;
    pub mod vitals;
}

use api::{appointments, fuzzed, vitals};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzed::bodies(bytes));
