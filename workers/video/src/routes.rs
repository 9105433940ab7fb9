//! What may be asked of this worker, and by whom.

use std::sync::Arc;

use http::StatusCode;
use kit::{Area, Routes, Rule, routes::ANY_PATH};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    client::{self, Pings},
    lobby::Lobby,
    public::Public,
};

const SERVICE: &str = "video-chat-signaling";
const RUNNING: &str = "WebSocket signaling server running. Connect via WebSocket.";

/// What is at every path that a browser opens.
pub enum Pages {
    /// Nothing: 404.
    None,
    /// A word that the worker runs.
    Status,
    /// A folder's files.
    Folder(Public),
}

/// The table. Any path takes a WebSocket.
pub fn table(lobby: Arc<Lobby>, pings: Pings, pages: Pages, tasks: TaskTracker, stop: CancellationToken) -> Routes {
    let health = health(lobby.clone());
    let sockets = Routes::new().socket(None, Rule::Write(Area::Video), move |socket, call| {
        let (lobby, token, stop) = (lobby.clone(), tasks.token(), stop.clone());
        let guest = (call.identity.caller().map(|caller| caller.device.clone()), call.resident());
        async move {
            client::serve(socket, guest, lobby, pings, call.until_changed(), stop).await;
            drop(token); // Draining waits for it.
        }
    });
    let routes = sockets.get("/api/health", Rule::Public, health);
    match pages {
        Pages::None => routes,
        Pages::Status => routes.get(ANY_PATH, Rule::Public, async |_| {
            let status = serde_json::json!({ "status": "ok", "service": SERVICE, "message": RUNNING });
            Ok(kit::reply::json(StatusCode::OK, &status))
        }),
        Pages::Folder(public) => routes.get(ANY_PATH, Rule::Public, move |call: kit::Call| {
            let public = public.clone();
            async move { Ok(public.answer(&call.path).await) }
        }),
    }
}

fn health(
    lobby: Arc<Lobby>,
) -> impl Fn(kit::Call) -> std::future::Ready<Result<warp::reply::Response, kit::Problem>> + Send + Sync + 'static {
    move |_| {
        let health = serde_json::json!({
            "status": "ok",
            "service": SERVICE,
            "timestamp": kit::clock::iso_now(),
            "websocketClients": lobby.clients(),
            "rooms": lobby.rooms(),
        });
        std::future::ready(Ok(kit::reply::json(StatusCode::OK, &health)))
    }
}

#[cfg(test)]
#[path = "../../../tests/recordings/strangers.rs"]
mod strangers;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rooms::Targeting;

    #[tokio::test]
    async fn strangers_reach_what_is_named_here_and_nothing_else_and_others_leave_an_entry() {
        let folder = tempfile::tempdir().unwrap();
        let lobby = Arc::new(Lobby::new(Targeting::Ignored));
        let routes = table(lobby, Pings::Left, Pages::Status, TaskTracker::new(), CancellationToken::new());
        let access = kit::Access::open(folder.path()).unwrap();
        let public = [("GET", "/api/health"), ("GET", ANY_PATH)];
        strangers::are_refused_by(routes.clone().guarded_by(access.clone()), &public).await;
        strangers::are_let_in_as_sensors_by(routes.clone(), access.clone(), &[]).await;
        strangers::leave_an_entry_by(routes, access, folder.path()).await;
    }
}
