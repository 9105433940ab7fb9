//! What an `sd_notify` datagram says: lines of `NAME=value`. What is not known or is no number is passed over.

use std::time::Duration;

/// No longer time is believed: what asks for more has miscounted.
const LONGEST_TIME: Duration = Duration::from_secs(24 * 60 * 60);

/// One thing that a datagram says. Of those that it says twice, the last counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// `MAINPID=`
    MainPid(i32),
    /// `STATUS=`
    Status(String),
    /// `WATCHDOG_USEC=`
    WatchdogInterval(Duration),
    /// `EXTEND_TIMEOUT_USEC=`
    Extend(Duration),
    /// `STOPPING=1`
    Stopping,
    /// `READY=1`
    Ready,
    /// `WATCHDOG=1`
    Watchdog,
    /// `WATCHDOG=trigger`
    WatchdogTrigger,
}

/// In an order in which each finds what it rests on: who the main process is and how long things may take come before
/// readiness, readiness before what is asked of those who are ready.
pub fn words(datagram: &str) -> Vec<Word> {
    let last = |read: fn(&str, &str) -> Option<Word>| {
        datagram
            .lines()
            .filter_map(|line| line.split_once('='))
            .filter_map(|(name, value)| read(name, value))
            .next_back()
    };
    [main_pid, status, watchdog_interval, extend, stopping, ready, watchdog].into_iter().filter_map(last).collect()
}

/// The main process that a datagram names.
pub fn main_pid_in(datagram: &str) -> Option<i32> {
    words(datagram).into_iter().find_map(|word| match word {
        Word::MainPid(pid) => Some(pid),
        _ => None,
    })
}

fn main_pid(name: &str, value: &str) -> Option<Word> {
    // 1 is the machine's own.
    value.parse().ok().filter(|pid| name == "MAINPID" && *pid > 1).map(Word::MainPid)
}

fn status(name: &str, value: &str) -> Option<Word> {
    (name == "STATUS").then(|| Word::Status(value.to_owned()))
}

fn watchdog_interval(name: &str, value: &str) -> Option<Word> {
    (name == "WATCHDOG_USEC").then(|| time(value))?.map(Word::WatchdogInterval)
}

fn extend(name: &str, value: &str) -> Option<Word> {
    (name == "EXTEND_TIMEOUT_USEC").then(|| time(value))?.map(Word::Extend)
}

fn stopping(name: &str, value: &str) -> Option<Word> {
    ((name, value) == ("STOPPING", "1")).then_some(Word::Stopping)
}

fn ready(name: &str, value: &str) -> Option<Word> {
    ((name, value) == ("READY", "1")).then_some(Word::Ready)
}

fn watchdog(name: &str, value: &str) -> Option<Word> {
    match (name, value) {
        ("WATCHDOG", "1") => Some(Word::Watchdog),
        ("WATCHDOG", "trigger") => Some(Word::WatchdogTrigger),
        _ => None,
    }
}

/// Microseconds, more than none.
fn time(value: &str) -> Option<Duration> {
    let time = value.parse().ok().filter(|number| *number > 0).map(Duration::from_micros)?;
    Some(time.min(LONGEST_TIME))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_datagram_says_each_thing_once_and_the_last_word_counts() {
        let status = |text: &str| Word::Status(text.into());
        for (datagram, expected) in [
            ("READY=1", vec![Word::Ready]),
            ("READY=1\n", vec![Word::Ready]),
            ("READY=1\nSTATUS=one\nMAINPID=7\nSTATUS=two = 2", vec![Word::MainPid(7), status("two = 2"), Word::Ready]),
            ("STATUS=", vec![status("")]),
            ("MAINPID=7\nMAINPID=8", vec![Word::MainPid(8)]),
            ("STOPPING=1\nSTATUS=bye", vec![status("bye"), Word::Stopping]),
            ("WATCHDOG=1", vec![Word::Watchdog]),
            ("WATCHDOG=1\nWATCHDOG=trigger", vec![Word::WatchdogTrigger]),
            ("WATCHDOG_USEC=2000000", vec![Word::WatchdogInterval(Duration::from_secs(2))]),
            ("EXTEND_TIMEOUT_USEC=1500", vec![Word::Extend(Duration::from_micros(1500))]),
            ("EXTEND_TIMEOUT_USEC=18446744073709551615", vec![Word::Extend(LONGEST_TIME)]),
            (
                "READY=1\nWATCHDOG=1\nWATCHDOG_USEC=1",
                vec![Word::WatchdogInterval(Duration::from_micros(1)), Word::Ready, Word::Watchdog],
            ),
        ] {
            assert_eq!(words(datagram), expected, "{datagram:?}");
        }
    }

    #[test]
    fn what_is_not_known_or_no_number_is_passed_over() {
        for datagram in [
            "",
            "\n\n",
            "READY",
            "READY=0",
            "READY=yes",
            "ready=1",
            " READY=1",
            "XREADY=1",
            "READY=1 ",
            "RELOADING=1",
            "ERRNO=2",
            "FDSTORE=1",
            "STOPPING=0",
            "WATCHDOG=",
            "WATCHDOG=2",
            "WATCHDOG_USEC=",
            "WATCHDOG_USEC=0",
            "WATCHDOG_USEC=-1",
            "WATCHDOG_USEC=1s",
            "EXTEND_TIMEOUT_USEC=18446744073709551616",
            "MAINPID=",
            "MAINPID=x",
            "MAINPID=-5",
            "MAINPID=0",
            "MAINPID=1",
            "MAINPID=99999999999",
            "XMAINPID=7",
        ] {
            assert_eq!(words(datagram), [], "{datagram:?}");
        }
        assert_eq!(words("READY=1\nREADY=0\nMAINPID=7\nMAINPID=x"), [Word::MainPid(7), Word::Ready]);
    }

    proptest! {
        #[test]
        fn whatever_comes_each_kind_is_said_at_most_once(datagram in "((READY|STATUS|WATCHDOG|MAINPID|[A-Z_]{1,8})=?.{0,6}\n?){0,12}") {
            let said = words(&datagram);
            let kinds: std::collections::HashSet<_> = said.iter().map(std::mem::discriminant).collect();
            prop_assert_eq!(kinds.len(), said.len());
        }
    }
}
