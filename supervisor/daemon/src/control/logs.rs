//! `GET /v1/logs`: where each app's output goes. The files are the client's to read.

use super::{Answer, Handle, answer::json_or_leaving};
use crate::supervisor::Asked;

pub async fn answer(handle: &Handle) -> Answer {
    json_or_leaving(handle.ask(Asked::Logs).await.as_ref())
}
