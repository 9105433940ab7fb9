//! `POST /v1/stop`

use http::Request;
use hyper::body::Incoming;

use super::{Answer, Handle, answer::act};
use crate::supervisor::Act;

pub async fn answer(handle: &Handle, request: Request<Incoming>) -> Answer {
    act(handle, request, Act::Stop).await
}
