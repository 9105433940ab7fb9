//! A panic ends the whole process at once, in whichever thread or task it happens: a supervisor without its log thread, or
//! without one of its tasks, would look well and do half of its work. Ended, it is replaced, and nothing is lost. An allocation
//! that fails ends the process by itself.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;
use std::process::abort;
use std::thread;

use crate::clock;

/// From now on a panic says what happened, where, and how it came to that, and ends the process with SIGABRT.
pub fn end_at_a_panic(who: &'static str) {
    std::panic::set_hook(Box::new(move |panic| {
        say!("{} {who}: {}", clock::stamp(), words(panic));
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            say!("{backtrace}"); // RUST_BACKTRACE asks for it
        }
        abort();
    }));
}

fn words(panic: &PanicHookInfo) -> String {
    let thread = thread::current();
    let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
    let said = panic.payload_as_str().unwrap_or("no message");
    format!("panicked in thread {}{place}: {said}", thread.name().unwrap_or("without a name"))
}
