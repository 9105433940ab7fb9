//! What a line looks like in the file. Knows no file.

use jiff::Timestamp;
use manifest::LogFormat;
use serde_json::json;

use super::LONGEST_OPEN_LINE;
use super::outlet::Kind;
use super::stamp::Stamp;

/// JSON writes a byte as at most so many: `\u0000`.
const JSON_GROWTH: usize = 6;
/// Room for what is put around a line.
const FRAME: usize = 4 * 1024;

/// Writes the lines of one stream.
pub struct Formatter {
    look: Look,
    kind: Kind,
    app: String,
    id: u32,
}

enum Look {
    Raw,
    Stamped(Stamp),
    Json(Stamp),
}

impl Formatter {
    pub fn new(format: &LogFormat, kind: Kind, app: &str, id: u32) -> Self {
        let look = match format {
            LogFormat::Raw => Look::Raw,
            LogFormat::Stamped(pattern) => Look::Stamped(Stamp::new(Some(pattern))),
            LogFormat::Json { pattern } => Look::Json(Stamp::new(pattern.as_deref())),
        };
        Self { look, kind, app: app.to_owned(), id }
    }

    /// How long a line of the stream may be; a longer one is written as several, so that what is written stays below
    /// [`LONGEST_OPEN_LINE`].
    pub fn longest_line(&self) -> usize {
        let longest = usize::try_from(LONGEST_OPEN_LINE).unwrap_or(usize::MAX) - FRAME;
        match self.look {
            Look::Raw | Look::Stamped(_) => longest,
            Look::Json(_) => longest / JSON_GROWTH,
        }
    }

    /// Writes one line, which has its end or will never get it.
    pub fn write(&mut self, now: Timestamp, line: &[u8], to: &mut Vec<u8>) {
        match &mut self.look {
            Look::Raw => to.extend_from_slice(line),
            Look::Stamped(stamp) => {
                to.extend_from_slice(stamp.write(now).as_bytes());
                to.extend_from_slice(b": ");
                to.extend_from_slice(line);
                if !line.ends_with(b"\n") {
                    to.push(b'\n');
                }
            }
            Look::Json(stamp) => {
                // By hand for PM2's order of the keys; `json!` sorts them.
                let [message, timestamp] =
                    [String::from_utf8_lossy(line), stamp.write(now).into()].map(|text| json!(text));
                let kind = match self.kind {
                    Kind::Out => "out",
                    Kind::Error => "err",
                };
                let (app, id) = (json!(self.app), self.id);
                let object = format!(
                    r#"{{"message":{message},"timestamp":{timestamp},"type":"{kind}","process_id":{id},"app_name":{app}}}"#
                );
                to.extend_from_slice(object.as_bytes());
                to.push(b'\n');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn written(format: &LogFormat, line: &[u8]) -> String {
        let mut to = Vec::new();
        Formatter::new(format, Kind::Error, "a \"b\"", 3).write(NOW, line, &mut to);
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn lines_look_as_pm2_writes_them() {
        let stamped = LogFormat::Stamped("%Y".to_owned());
        assert_eq!(written(&LogFormat::Raw, b"half"), "half");
        assert_eq!(written(&stamped, b"whole\n"), "1970: whole\n");
        assert_eq!(written(&stamped, b"half"), "1970: half\n");
        assert_eq!(
            written(&LogFormat::Json { pattern: None }, b"x\"\xff\n"),
            "{\"message\":\"x\\\"\u{fffd}\\n\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"type\":\"err\",\"process_id\":3,\"app_name\":\"a \\\"b\\\"\"}\n"
        );
    }

    proptest! {
        #[test]
        fn every_line_is_one_line_of_json(mut line in proptest::collection::vec(any::<u8>(), 0..200)) {
            line.retain(|byte| *byte != b'\n');
            let text = written(&LogFormat::Json { pattern: Some("%S".to_owned()) }, &line);
            prop_assert_eq!(text.matches('\n').count(), 1);
            let object: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(object["message"].as_str().unwrap(), String::from_utf8_lossy(&line));
        }
    }

    #[test]
    fn no_line_is_written_longer_than_allowed() {
        for format in [LogFormat::Stamped("%Y".to_owned()), LogFormat::Json { pattern: None }] {
            for byte in [1, b'x', 0xff] {
                let line = vec![byte; Formatter::new(&format, Kind::Out, "a", 0).longest_line()];
                let mut to = Vec::new();
                Formatter::new(&format, Kind::Out, "a", 0).write(NOW, &line, &mut to);
                assert!(to.len() as u64 <= LONGEST_OPEN_LINE);
            }
        }
    }
}
