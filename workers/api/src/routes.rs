//! Who may call what, and what answers.

mod alerts;
mod appointments;
mod bluetooth;
mod health;
mod limits;
mod nutrition;
mod people;
mod readings;
mod residents;
mod stream;
mod trends;
mod vitals;

use std::sync::Arc;

use kit::{Area, Call, Routes, Rule, live::Live, stream::Stream};
use serde_json::json;
use tokio_util::task::TaskTracker;

use crate::{bluetooth::Bluetooth, forward::Forward, store::Store};

/// What the handlers share.
pub struct Hub {
    pub store: Store,
    pub live: Arc<Live>,
    pub stream: Stream,
    pub bluetooth: Bluetooth,
    pub nutrition: Forward,
    /// WebSockets are waited for when the worker leaves.
    pub tasks: TaskTracker,
}

/// Every route of this worker.
pub fn table(hub: &Arc<Hub>) -> Routes {
    let routes = vitals::add(health::add(Routes::new(), hub), hub);
    let routes = nutrition::add(bluetooth::add(routes, hub), hub);
    let routes = trends::add(readings::add(residents::add(routes, hub), hub), hub);
    let routes = appointments::add(routes, hub);
    let routes = stream::add(routes, hub); // before the WebSocket that any path fits
    let routes = people::add(limits::add(alerts::add(routes, hub), hub), hub);
    // Readings are what is told here, so whoever may see readings may listen.
    let hub = hub.clone();
    routes.socket(None, Rule::Read(Area::Vitals), move |socket, _| {
        let (live, token) = (hub.live.clone(), hub.tasks.token());
        async move {
            live.serve(socket, &json!({"type": "connection", "message": "Connected to Betti backend"})).await;
            drop(token);
        }
    })
}

/// A handler with what it shares.
fn with<F>(
    hub: &Arc<Hub>,
    handler: impl Fn(Arc<Hub>, Call) -> F + Send + Sync + 'static,
) -> impl Fn(Call) -> F + Send + Sync + 'static {
    let hub = hub.clone();
    move |call| handler(hub.clone(), call)
}
