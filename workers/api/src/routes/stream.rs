//! The stream of what became true.

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};
use kit::{Area, Call, Problem, Routes, Rule, stream::Since};
use warp::{reply::Response, ws::WebSocket};

use super::{Hub, with};

const PATH: &str = "/api/v1/stream";
const EVENT_STREAM: &str = "text/event-stream";

/// Whoever may see readings may listen; who may be told of which event is asked for each of them.
pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let listen = Rule::Read(Area::Vitals);
    let routes = routes.get(PATH, listen, with(hub, sent_events));
    let hub = hub.clone();
    routes.socket(Some(PATH), listen, move |socket, call| socket_of(hub.clone(), socket, call))
}

async fn socket_of(hub: Arc<Hub>, socket: WebSocket, call: Call) {
    match Since::of(&call) {
        Ok(since) => hub.stream.socket(socket, since, call.identity).await,
        Err(problem) => hub.stream.refuse(socket, &problem).await,
    }
}

async fn sent_events(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let since = Since::of(&call)?;
    if !call.header("accept").is_some_and(|accept| accept.to_ascii_lowercase().contains(EVENT_STREAM)) {
        let text = format!("{PATH} does not end: connect with a WebSocket, or ask for it with Accept: {EVENT_STREAM}");
        return Err(Problem::new(StatusCode::NOT_ACCEPTABLE, text));
    }
    let mut response = hub.stream.sent_events(since, call.identity);
    // Proxies that gather answers before they hand them on would hold events back.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
