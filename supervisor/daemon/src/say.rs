//! A line for people, on standard error. Unlike `eprintln!` it cannot end us: a keeper whose stderr is a closed pipe or a full
//! disk goes on holding the house.

use std::fmt::Arguments;
use std::io::Write;

use crate::own_log;

/// Says one line; whoever does not listen misses it.
pub fn line(text: Arguments) {
    own_log::keep_short();
    let _ = std::io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}

/// `eprintln!` that never panics.
macro_rules! say {
    ($($text:tt)*) => { $crate::say::line(format_args!($($text)*)) };
}
