//! Recordings of an accelerometer: kept, listed.

use std::{io, sync::Arc};

use http::StatusCode;
use jiff::Timestamp;
use kit::{Area, Call, Problem, Routes, Rule, number, reply};
use serde_json::json;
use warp::reply::Response;

use super::{Hub, with};
use crate::accelerometer::{Body, LARGEST_BODY, Recording, RecordingError};

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    routes
        .post("/api/accelerometer/save", Rule::Record(Area::Activity), with(hub, save))
        .everyday()
        .with_largest_body(LARGEST_BODY)
        .get("/api/accelerometer/list", Rule::Read(Area::Activity), with(hub, list))
}

async fn save(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let recording = Recording::read(&call.json::<Body>()?)?;
    let saved = hub.recordings.save(recording.csv, Timestamp::now()).await;
    let filename = saved.map_err(|error| failed("Failed to save recording", &error))?;
    let answer = json!({
        "success": true,
        "filename": filename,
        "samples": recording.samples,
        "duration_ms": number::json(recording.duration_ms),
    });
    Ok(reply::json(StatusCode::OK, &answer))
}

async fn list(hub: Arc<Hub>, _: Call) -> Result<Response, Problem> {
    let files = hub.recordings.list().await.map_err(|error| failed("Failed to list recordings", &error))?;
    Ok(reply::json(StatusCode::OK, &json!({"success": true, "files": files, "count": files.len()})))
}

fn failed(text: &str, error: &io::Error) -> Problem {
    tracing::error!("{text}: {error}");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, text)
}

impl From<RecordingError> for Problem {
    fn from(error: RecordingError) -> Self {
        Self::bad_request(error.to_string())
    }
}
