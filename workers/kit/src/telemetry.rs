//! JSON lines on standard output: one object a line, for machines first.

use std::io::{IsTerminal, stdout};

use tracing::Subscriber;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter, util::SubscriberInitExt};

/// Which lines are written, in `tracing_subscriber`'s filter language; `info` when it is not set.
pub const LOG_FILTER: &str = "BETTI_LOG";

/// Starts writing. On a terminal the lines are for people instead.
pub fn start() {
    let filter = EnvFilter::try_from_env(LOG_FILTER).unwrap_or_else(|_| EnvFilter::new("info"));
    // Fails only if somebody started it before, as a test may have.
    let _: Option<()> = if stdout().is_terminal() {
        tracing_subscriber::fmt().with_env_filter(filter).compact().with_target(false).try_init().ok()
    } else {
        for_machines(filter, stdout).try_init().ok()
    };
}

fn for_machines<W>(filter: EnvFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    lines.json().flatten_event(true).with_current_span(false).with_span_list(false).finish()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written when a device is called so.
    fn line(name: &str) -> String {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = for_machines(EnvFilter::new("info"), move || writer.clone());
        tracing::subscriber::with_default(subscriber, || tracing::warn!(name, "the device {name} is away"));
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    fn is_one_line_that_says(name: &str) -> bool {
        let written = line(name);
        let Some(whole) = written.strip_suffix('\n') else { return false };
        // What ends a line, in any of the ways in which readers of logs end one, or tells a terminal what to do.
        let is_tame =
            !whole.chars().any(|character| character < ' ' || character == '\u{7f}' && !name.contains('\u{7f}'));
        let read: serde_json::Value = serde_json::from_str(whole).unwrap();
        is_tame
            && read["level"] == "WARN"
            && read["name"] == name
            && read["message"] == format!("the device {name} is away")
    }

    #[test]
    fn what_a_device_is_called_begins_no_line_of_the_log_and_ends_none() {
        let forged = "x\n{\"level\":\"INFO\",\"message\":\"all is well\"}";
        for name in ["Cuff", forged, "x\r\ny", "\"}, {\"", "\u{1b}[2J\u{1b}[31mred", "\0", "\u{85}\u{2028}", "\\n"] {
            assert!(is_one_line_that_says(name), "{name:?}: {}", line(name));
        }
    }

    proptest! {
        #[test]
        fn whatever_is_logged_is_one_line_and_says_the_same(name in any::<String>()) {
            prop_assert!(is_one_line_that_says(&name), "{}", line(&name));
        }
    }
}
