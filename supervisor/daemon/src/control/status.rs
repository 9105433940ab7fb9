//! `GET /v1/status`

use super::{Answer, Handle, answer::json_or_leaving};
use crate::supervisor::Asked;

pub async fn answer(handle: &Handle) -> Answer {
    json_or_leaving(handle.ask(Asked::Status).await.as_ref())
}
