//! Why an app is what it is, in plain words.

use std::time::Duration;

use lifecycle::{Ailment, Exit, Failure, Moment, State};
use nix::errno::Errno;
use nix::sys::signal::Signal;

use super::memory::Notes;

/// How a run ended, in words: `exited with code 1`, `killed by SIGSEGV (core dumped)`.
pub fn of_exit(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exited with code {code}"),
        Exit::Signal { signal, core_dumped } => {
            format!("killed by {}{}", signal_name(signal), if core_dumped { " (core dumped)" } else { "" })
        }
        Exit::OutOfMemory => "the kernel ended it for want of memory".to_owned(),
        Exit::NotSpawned(errno) => format!("could not be started: {}", Errno::from_raw(errno).desc().to_lowercase()),
    }
}

/// What went wrong last, in words.
pub fn of_failure(failure: Failure, notes: &Notes) -> String {
    let detail = notes.detail.as_deref();
    match failure {
        Failure::Exited(Exit::NotSpawned(_)) if detail.is_some() => detail.unwrap_or_default().to_owned(),
        Failure::Exited(exit) => {
            let after = notes.lasted_ms.map(|ms| format!(" after {}", span(Duration::from_millis(ms))));
            format!("{}{}{}", of_exit(exit), after.unwrap_or_default(), what_to_do(exit))
        }
        Failure::NotReady { within } => {
            let what = format!("not ready within {}", span(within));
            detail.map_or(what.clone(), |detail| format!("{what}: {detail}"))
        }
        Failure::Unhealthy(ailment) => detail.unwrap_or(of_ailment(ailment)).to_owned(),
        Failure::Vanished => "ended while nobody looked".to_owned(),
    }
}

/// Where that is not for whoever reads it to guess.
fn what_to_do(exit: Exit) -> &'static str {
    match exit {
        Exit::OutOfMemory => {
            " (max_memory_restart below that restarts it in order; priority = \"high\" has others ended before it)"
        }
        Exit::Code(_) | Exit::Signal { .. } | Exit::NotSpawned(_) => "",
    }
}

fn of_ailment(ailment: Ailment) -> &'static str {
    match ailment {
        Ailment::Health => "failed its health check",
        Ailment::Watchdog => "missed its watchdog",
        Ailment::Memory => "used more memory than it may",
    }
}

/// What comes next, in words: `retry in 1.2 s (3rd)`.
pub fn of_retry(state: State, failures: usize, now: Moment) -> Option<String> {
    match state {
        State::Backoff { retry_at } if failures > 0 => {
            Some(format!("retry in {} ({})", span(retry_at.since(now)), ordinal(failures)))
        }
        State::Cooling { retry_at, .. } => {
            Some(format!("failed {failures} times; next try in {}", span(retry_at.since(now))))
        }
        _ => None,
    }
}

/// A number of bytes as people say it: `512 bytes`, `1.5 KiB`, `300 MiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let Some((size, name)) = UNITS.iter().find(|(size, _)| bytes >= *size) else { return format!("{bytes} bytes") };
    let tenths = (u128::from(bytes) * 10 + u128::from(*size) / 2) / u128::from(*size);
    match tenths % 10 {
        0 => format!("{} {name}", tenths / 10),
        tenth => format!("{}.{tenth} {name}", tenths / 10),
    }
}

/// A length of time as people say it: `0.3 s`, `12 s`, `4 min`.
pub fn span(span: Duration) -> String {
    let ms = span.as_millis();
    match ms {
        0 => "0 s".to_owned(),
        1..100 => format!("{ms} ms"),
        100..60_000 if ms % 1000 < 50 || ms >= 10_000 => format!("{} s", (ms + 500) / 1000),
        100..60_000 => format!("{:.1} s", span.as_secs_f64()),
        60_000..3_600_000 => format!("{} min", ms / 60_000),
        _ => format!("{} h", ms / 3_600_000),
    }
}

pub fn signal_name(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| format!("signal {signal}"), |signal| signal.as_str().to_owned())
}

/// The errno's name, as in C: `ENOENT`.
pub fn errno_name(errno: i32) -> String {
    match Errno::from_raw(errno) {
        Errno::UnknownErrno => format!("errno {errno}"),
        known => format!("{known:?}"),
    }
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        for (time, text) in [
            (0, "0 s"),
            (40, "40 ms"),
            (300, "0.3 s"),
            (1240, "1.2 s"),
            (3000, "3 s"),
            (59_900, "60 s"),
            (125_000, "2 min"),
        ] {
            assert_eq!(span(ms(time)), text);
        }
    }

    #[test]
    fn a_crash_is_told_with_its_code_its_time_and_what_comes_next() {
        let notes = Notes { lasted_ms: Some(300), ..Notes::default() };
        assert_eq!(of_failure(Failure::Exited(Exit::Code(1)), &notes), "exited with code 1 after 0.3 s");
        let state = State::Backoff { retry_at: Moment::at(ms(2240)) };
        assert_eq!(of_retry(state, 3, Moment::at(ms(1000))).unwrap(), "retry in 1.2 s (3rd)");
        assert_eq!(of_retry(State::Stopped, 3, Moment::START), None);
    }

    #[test]
    fn signals_and_errors_are_named() {
        assert_eq!(of_exit(Exit::Signal { signal: 11, core_dumped: true }), "killed by SIGSEGV (core dumped)");
        assert_eq!(of_exit(Exit::Signal { signal: 40, core_dumped: false }), "killed by signal 40");
        let notes = Notes { lasted_ms: Some(240_000), ..Notes::default() };
        let words = of_failure(Failure::Exited(Exit::OutOfMemory), &notes);
        assert!(words.starts_with("the kernel ended it for want of memory after 4 min (max_memory_restart"), "{words}");
        assert_eq!(errno_name(2), "ENOENT");
    }

    #[test]
    fn the_detail_of_a_failure_is_told_where_it_belongs() {
        let notes =
            Notes { detail: Some("cannot run /x/y: no such file".into()), lasted_ms: Some(0), ..Notes::default() };
        assert_eq!(of_failure(Failure::Exited(Exit::NotSpawned(2)), &notes), "cannot run /x/y: no such file");
        let notes = Notes { detail: Some("closed its ready pipe without a line".into()), ..Notes::default() };
        assert_eq!(
            of_failure(Failure::NotReady { within: ms(3000) }, &notes),
            "not ready within 3 s: closed its ready pipe without a line"
        );
        let words = "3 health checks failed: nobody listens on 127.0.0.1:80";
        let notes = Notes { detail: Some(words.into()), ..Notes::default() };
        assert_eq!(of_failure(Failure::Unhealthy(Ailment::Health), &notes), words);
        assert_eq!(of_failure(Failure::Unhealthy(Ailment::Memory), &Notes::default()), "used more memory than it may");
    }

    #[test]
    fn numbers_get_their_endings() {
        let said: Vec<String> = [1, 2, 3, 4, 11, 12, 21, 112].map(ordinal).into();
        assert_eq!(said, ["1st", "2nd", "3rd", "4th", "11th", "12th", "21st", "112th"]);
    }
}
