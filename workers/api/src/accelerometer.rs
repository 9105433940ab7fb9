//! Recordings of an accelerometer: samples as clients send them, and the CSV text that they become. Pure.

use std::fmt::Write as _;

use jiff::Timestamp;
use kit::number;
use serde::Deserialize;
use serde_json::Value;

/// The largest recording that is read, in bytes of JSON: an hour at 50 Hz.
pub const LARGEST_BODY: usize = 16 * 1024 * 1024;
const COLUMNS: [&str; 4] = ["timestamp", "x", "y", "z"];

/// A recording that can be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// CSV with a head.
    pub csv: String,
    pub samples: usize,
    /// The last sample's timestamp, in milliseconds since the recording began.
    pub duration_ms: f64,
}

/// Why a recording cannot be kept, for the one who sent it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RecordingError {
    #[error("No data provided")]
    Empty,
    #[error("data[{at}].{column} must be a number")]
    NotANumber { at: usize, column: &'static str },
}

/// A recording as clients send it. Not read as any JSON first: that would take ten times the memory.
#[derive(Debug, Deserialize)]
pub struct Body {
    #[serde(default)]
    data: Option<Vec<Sample>>,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Sample {
    timestamp: Value,
    x: Value,
    y: Value,
    z: Value,
}

impl Default for Sample {
    fn default() -> Self {
        Self { timestamp: Value::Null, x: Value::Null, y: Value::Null, z: Value::Null }
    }
}

impl Recording {
    pub fn read(body: &Body) -> Result<Self, RecordingError> {
        let samples = body.data.as_deref().filter(|samples| !samples.is_empty()).ok_or(RecordingError::Empty)?;
        let (mut csv, mut duration_ms) = (COLUMNS.join(",") + "\n", 0.0);
        for (at, sample) in samples.iter().enumerate() {
            let read = |value: &Value, column| number::read(value).ok_or(RecordingError::NotANumber { at, column });
            duration_ms = read(&sample.timestamp, "timestamp")?;
            let (x, y, z) = (read(&sample.x, "x")?, read(&sample.y, "y")?, read(&sample.z, "z")?);
            // A text cannot refuse what is written to it.
            let _ = writeln!(csv, "{duration_ms},{x},{y},{z}");
        }
        Ok(Self { csv, samples: samples.len(), duration_ms })
    }
}

/// `accelerometer_2031-01-31T12-00-00.csv`; the second one of that second ends in `_2.csv`.
pub fn file_name(at: Timestamp, attempt: u32) -> String {
    let name = at.strftime("accelerometer_%Y-%m-%dT%H-%M-%S");
    if attempt < 2 { format!("{name}.csv") } else { format!("{name}_{attempt}.csv") }
}

/// Whether a file has a name that [`file_name`] gives.
pub fn is_recording(name: &str) -> bool {
    name.strip_prefix("accelerometer_").is_some_and(|rest| rest.ends_with(".csv"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &Value) -> Result<Recording, RecordingError> {
        Recording::read(&serde_json::from_value(body.clone()).unwrap())
    }

    #[test]
    fn samples_become_lines() {
        let first = json!({"timestamp": 0, "x": 0.1, "y": 0, "z": "1", "more": []});
        let recording = read(&json!({"data": [first, {"timestamp": 20.5, "x": -0.11, "y": 1e-3, "z": 1}]})).unwrap();
        assert_eq!(recording.csv, "timestamp,x,y,z\n0,0.1,0,1\n20.5,-0.11,0.001,1\n");
        assert_eq!((recording.samples, recording.duration_ms), (2, 20.5));
    }

    #[test]
    fn what_is_no_recording_is_refused_with_its_place() {
        for body in [json!({}), json!({"data": []}), json!({"data": null})] {
            assert_eq!(read(&body), Err(RecordingError::Empty), "{body}");
        }
        let whole = json!({"timestamp": 0, "x": 0, "y": 0, "z": 0});
        let mut broken = whole.clone();
        broken["y"] = json!("=cmd()");
        assert_eq!(read(&json!({"data": [whole, broken]})).unwrap_err().to_string(), "data[1].y must be a number");
    }

    #[test]
    fn names_are_of_their_second_and_never_the_same() {
        let at = "2031-01-31T12:00:00.999Z".parse().unwrap();
        assert_eq!(file_name(at, 1), "accelerometer_2031-01-31T12-00-00.csv");
        assert_eq!(file_name(at, 2), "accelerometer_2031-01-31T12-00-00_2.csv");
        assert!(
            is_recording(&file_name(at, 7)) && !is_recording("accelerometer_1.csv.part") && !is_recording("api.db")
        );
    }
}
