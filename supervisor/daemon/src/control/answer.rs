//! Answers and refusals as HTTP.

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use protocol::control::{LONGEST_BODY, Refusal, Targets};
use serde::Serialize;

use super::{Answer, Handle};
use crate::supervisor::{Act, Asked};

pub fn json<T: Serialize>(value: &T) -> Answer {
    with_status(StatusCode::OK, value)
}

pub fn refusal(status: StatusCode, error: String) -> Answer {
    with_status(status, &Refusal { error })
}

/// An answer that came, or that the supervisor left before it did.
pub fn json_or_leaving<T: Serialize>(value: Option<&T>) -> Answer {
    match value {
        Some(value) => json(value),
        None => refusal(StatusCode::SERVICE_UNAVAILABLE, "the supervisor is being replaced; ask again".to_owned()),
    }
}

fn with_status<T: Serialize>(status: StatusCode, value: &T) -> Answer {
    let body = serde_json::to_vec(value).unwrap_or_default();
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    answer
}

/// What start, stop and restart have in common.
pub async fn act(handle: &Handle, request: Request<Incoming>, act: Act) -> Answer {
    let body = match Limited::new(request.into_body(), LONGEST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return refusal(StatusCode::BAD_REQUEST, format!("the request cannot be read: {error}")),
    };
    let targets = if body.is_empty() { Ok(Targets::default()) } else { serde_json::from_slice(&body) };
    let targets = match targets {
        Ok(Targets { targets, .. }) => targets,
        Err(error) => {
            let error = format!("the request is not understood: {error}; it must look like {{\"targets\":[\"all\"]}}");
            return refusal(StatusCode::BAD_REQUEST, error);
        }
    };
    match handle.ask(|reply| Asked::Act(act, targets, reply)).await {
        Some(Err(unknown)) => refusal(StatusCode::NOT_FOUND, unknown.to_string()),
        Some(Ok(accepted)) => json(&accepted),
        None => json_or_leaving::<()>(None),
    }
}
