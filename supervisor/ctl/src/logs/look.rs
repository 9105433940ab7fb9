//! How a line is shown.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::clocks::Time;
use super::owners::{Kind, Writer};
use super::stream::Line;
use super::{harmless, moment, palette};

/// Times before lines: RFC 3339, in the local zone.
const LOCAL: &str = "%Y-%m-%dT%H:%M:%S%.3f%:z";
/// Times for programs: RFC 3339, in UTC.
const UTC: &str = "%Y-%m-%dT%H:%M:%S%.3fZ";
/// In place of a time that nobody knows.
const UNKNOWN: &str = "unknown";
/// Before a time of a clock that was not right.
const UNSURE: char = '~';
/// What `clock` says of a clock that was not right, and could not be put right since.
const UNSYNCHRONISED: &str = "unsynchronised";

/// How lines are shown.
pub struct Look {
    form: Form,
    /// The stream of which the last line has no end yet, if it has none.
    open: Option<usize>,
}

enum Form {
    /// The bytes as they are.
    Raw,
    /// One object a line, with the names that PM2 has for these.
    Json,
    /// After PM2's prefix.
    Prefix(Prefix),
}

struct Prefix {
    colour: bool,
    /// A terminal obeys control characters.
    is_terminal: bool,
    stamp: Option<Stamp>,
    id_width: usize,
    name_width: usize,
}

/// A line for programs.
#[derive(Serialize)]
struct Object<'l> {
    message: &'l str,
    timestamp: Option<String>,
    #[serde(rename = "type")]
    kind: &'static str,
    process_id: u32,
    app_name: &'l str,
    run: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    partial: bool,
}

impl Look {
    /// The bytes as they are.
    pub fn raw() -> Self {
        Self { form: Form::Raw, open: None }
    }

    /// One object a line.
    pub fn json() -> Self {
        Self { form: Form::Json, open: None }
    }

    /// After PM2's prefix, `0|name  | `.
    pub fn prefix(colour: bool, is_terminal: bool, stamp: Option<Stamp>) -> Self {
        let prefix = Prefix { colour, is_terminal, stamp, id_width: 0, name_width: 0 };
        Self { form: Form::Prefix(prefix), open: None }
    }

    /// Prefixes are as wide as these need.
    pub fn make_room<'n>(&mut self, apps: impl IntoIterator<Item = (u32, &'n str)>) {
        let Form::Prefix(prefix) = &mut self.form else { return };
        for (id, name) in apps {
            prefix.id_width = prefix.id_width.max(id.to_string().len());
            prefix.name_width = prefix.name_width.max(name.chars().count());
        }
    }

    /// Adds a line of this stream to what is shown.
    pub fn write(&mut self, stream: usize, line: &Line, to: &mut Vec<u8>) {
        match &self.form {
            Form::Raw => {
                if self.open.is_some_and(|open| open != stream) {
                    to.push(b'\n');
                }
                to.extend_from_slice(&line.bytes);
                self.open = (!line.bytes.ends_with(b"\n")).then_some(stream);
            }
            Form::Json => {
                // Texts and numbers: there is no way for them not to be JSON.
                to.extend(serde_json::to_vec(&object(line, &String::from_utf8_lossy(text(line)))).unwrap_or_default());
                to.push(b'\n');
            }
            Form::Prefix(prefix) => prefix.write(line, to),
        }
    }
}

fn text(line: &Line) -> &[u8] {
    line.bytes.strip_suffix(b"\n").unwrap_or(&line.bytes)
}

fn object<'l>(line: &'l Line, message: &'l str) -> Object<'l> {
    let Writer { id, name, kind } = &*line.writer;
    let timestamp = line.time.and_then(|time| write_time(UTC, &TimeZone::UTC, time));
    let kind = match kind {
        Kind::Out => "out",
        Kind::Error => "err",
    };
    let clock = line.time.filter(|time| !time.sure).map(|_| UNSYNCHRONISED);
    Object { message, timestamp, kind, process_id: *id, app_name: name, run: line.run, clock, partial: line.is_cut }
}

impl Prefix {
    fn write(&self, line: &Line, to: &mut Vec<u8>) {
        if let Some(stamp) = &self.stamp {
            let time = format!("{} ", stamp.write(line.time));
            to.extend_from_slice(self.paint(palette::FAINT, &time).as_bytes());
        }
        let Writer { id, name, kind } = &*line.writer;
        let label = format!("{id:<0$}|{name:<1$}  ", self.id_width, self.name_width);
        let colour = palette::of(*id);
        to.extend_from_slice(self.paint(&colour, &label).as_bytes());
        let bar = if *kind == Kind::Error { palette::ERROR } else { &colour };
        to.extend_from_slice(self.paint(bar, "|").as_bytes());
        to.push(b' ');
        if self.is_terminal {
            harmless::write(text(line), self.colour, to);
        } else {
            to.extend_from_slice(text(line));
        }
        to.push(b'\n');
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour { format!("{colour}{text}{}", palette::PLAIN) } else { text.to_owned() }
    }
}

/// Writes times before lines.
pub struct Stamp {
    pattern: String,
    zone: TimeZone,
    /// How wide a known time is.
    width: usize,
}

impl Stamp {
    /// In the local zone, by a pattern of `strftime`'s; RFC 3339 with milliseconds if it is empty.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let pattern = if pattern.is_empty() { LOCAL } else { pattern };
        Self::in_zone(pattern, moment::zone())
    }

    fn in_zone(pattern: &str, zone: TimeZone) -> Result<Self, String> {
        if !pattern.contains('%') {
            return Err(format!("`{pattern}` names no part of a time"));
        }
        let now = Timestamp::UNIX_EPOCH.to_zoned_datetime(zone.clone());
        let shown = jiff::fmt::strtime::format(pattern, &now).map_err(|why| why.to_string())?;
        if shown.contains(char::is_control) {
            return Err("a time has no control characters".to_owned());
        }
        Ok(Self { pattern: pattern.to_owned(), zone, width: shown.chars().count() })
    }

    fn write(&self, time: Option<Time>) -> String {
        let known = time.and_then(|time| {
            let text = write_time(&self.pattern, &self.zone, time)?;
            Some(if time.sure { text } else { format!("{UNSURE}{text}") })
        });
        known.unwrap_or_else(|| format!("{UNKNOWN:<0$}", self.width))
    }
}

fn write_time(pattern: &str, zone: &TimeZone, time: Time) -> Option<String> {
    let moment = Timestamp::from_microsecond(time.us).ok()?.to_zoned_datetime(zone.clone());
    jiff::fmt::strtime::format(pattern, &moment).ok()
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    fn line(bytes: &[u8], time: Option<Time>, kind: Kind) -> Line {
        let writer = Rc::new(Writer { id: 3, name: "web".into(), kind });
        Line { bytes: bytes.to_vec(), time, order_us: 0, writer, run: Some(7), is_cut: false }
    }

    fn shown(look: &mut Look, lines: &[(usize, Line)]) -> String {
        let mut to = Vec::new();
        lines.iter().for_each(|(stream, line)| look.write(*stream, line, &mut to));
        String::from_utf8_lossy(&to).into_owned()
    }

    const SURE: Option<Time> = Some(Time { us: 1_795_593_600_123_456, sure: true });
    const UNSURE: Option<Time> = Some(Time { us: 60_000_000, sure: false });

    fn stamp() -> Option<Stamp> {
        Some(Stamp::in_zone(LOCAL, TimeZone::get("Europe/Vienna").expect("a zone")).expect("good"))
    }

    #[test]
    fn every_look_of_a_line() {
        let lines = || {
            [
                (0, line(b"one\n", SURE, Kind::Out)),
                (1, line(b"t\x1b[31mwo\x07 \xff", UNSURE, Kind::Error)),
                (0, line(b"three", None, Kind::Out)),
            ]
        };
        let looks = [
            ("prefix", Look::prefix(false, false, None)),
            ("timestamp", Look::prefix(false, false, stamp())),
            ("terminal", Look::prefix(true, true, stamp())),
            ("terminal without colour", Look::prefix(false, true, None)),
            ("json", Look::json()),
            ("raw", Look::raw()),
        ];
        let all = looks.map(|(name, mut look)| {
            look.make_room([(3, "web"), (12, "longer")]);
            format!("{name}:\n{}\n", shown(&mut look, &lines()).replace('\u{1b}', "ESC"))
        });
        insta::assert_snapshot!("looks", all.join("\n"));
    }

    #[test]
    fn raw_lines_of_one_log_stay_what_they_are_and_those_of_others_begin_anew() {
        let piece = |stream, bytes: &[u8]| (stream, line(bytes, None, Kind::Out));
        let lines = [piece(0, b"a"), piece(0, b"b"), piece(1, b"c\n"), piece(0, b"d")];
        assert_eq!(shown(&mut Look::raw(), &lines), "ab\nc\nd");
    }

    #[test]
    fn a_piece_of_a_line_says_to_programs_that_it_is_one() {
        let cut = Line { is_cut: true, ..line(b"a", SURE, Kind::Out) };
        let shown = shown(&mut Look::json(), &[(0, cut), (0, line(b"b\n", SURE, Kind::Out))]);
        let partial: Vec<bool> = shown.lines().map(|line| line.contains("\"partial\":true")).collect();
        assert_eq!(partial, [true, false], "{shown}");
    }

    #[test]
    fn a_pattern_is_tried_before_it_is_used() {
        assert!(Stamp::new("%Y %H:%M").is_ok());
        assert!(Stamp::new("%").is_err());
        assert!(Stamp::new("HH:mm").is_err());
        assert!(Stamp::new("%Y\n").is_err());
    }
}
