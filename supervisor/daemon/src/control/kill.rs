//! `POST /v1/kill`: stops everything, and then the supervisor and its keeper leave.

use super::{Answer, Handle, answer::json_or_leaving};
use crate::supervisor::Asked;

pub async fn answer(handle: &Handle) -> Answer {
    let begun = handle.ask(Asked::Kill).await.map(|()| serde_json::json!({}));
    json_or_leaving(begun.as_ref())
}
