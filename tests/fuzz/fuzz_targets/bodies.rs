#![no_main]
#![allow(dead_code)] // Here only what reads bodies is asked for.

/// The rules of betti-api, where they are.
#[path = "../../../workers/api/src"]
mod api {
    pub mod activity;
    pub mod appointments;
    pub mod doses;
    pub mod drinks;
    pub mod fuzzed;
    pub mod medication;
    pub mod vitals;
}

use api::{activity, appointments, doses, drinks, fuzzed, medication, vitals};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzed::bodies(bytes));
