//! Who may call what, and what answers.

mod accelerometer;
mod access;
mod activity;
mod alerts;
mod appointments;
mod audit;
mod bluetooth;
mod devices;
mod doses;
mod environment;
mod export;
mod fitness;
mod health;
mod hydration;
mod limits;
mod medication;
mod nutrition;
mod passkeys;
mod people;
mod readings;
mod residents;
mod stream;
mod trends;
mod vitals;

use std::{path::PathBuf, sync::Arc};

use http::StatusCode;
use kit::{Access, Call, Problem, Routes, Rule, live::Live, stream::Stream};
use serde_json::json;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use warp::reply::Response;

use crate::{
    bluetooth::Bluetooth,
    forward::Forward,
    passkeys::Passkeys,
    recordings::Recordings,
    store::{RESIDENT, Store, entries::RecordError},
};

/// What the handlers share.
pub struct Hub {
    pub access: Access,
    /// The folder in which workers keep what must survive.
    pub data: PathBuf,
    pub store: Store,
    pub live: Arc<Live>,
    pub stream: Stream,
    pub bluetooth: Bluetooth,
    pub nutrition: Forward,
    pub recordings: Recordings,
    pub passkeys: Passkeys,
    /// WebSockets are waited for when the worker leaves.
    pub tasks: TaskTracker,
    /// Cancelled when the worker is to leave: whoever is kept waiting is answered then.
    pub stop: CancellationToken,
}

/// Every route of this worker.
pub fn table(hub: &Arc<Hub>) -> Routes {
    let routes = vitals::add(health::add(Routes::new(), hub), hub);
    let routes = environment::add(routes, hub);
    let routes = devices::add(nutrition::add(bluetooth::add(routes, hub), hub), hub);
    let routes = trends::add(readings::add(residents::add(routes, hub), hub), hub);
    let routes = hydration::add(appointments::add(routes, hub), hub);
    let routes = activity::add(fitness::add(accelerometer::add(routes, hub), hub), hub);
    let routes = doses::add(medication::add(routes, hub), hub);
    let routes = passkeys::add(audit::add(access::add(routes, hub), hub), hub);
    let routes = export::add(routes, hub);
    let routes = stream::add(routes, hub); // before the WebSocket that any path fits
    let routes = people::add(limits::add(alerts::add(routes, hub), hub), hub);
    // Each is told what they may see.
    let hub = hub.clone();
    routes.socket(None, Rule::Known, move |socket, call| {
        let (live, token) = (hub.live.clone(), hub.tasks.token());
        async move {
            let first = json!({"type": "connection", "message": "Connected to Betti backend"});
            live.serve(socket, &call, &first).await;
            drop(token);
        }
    })
}

/// Below this, requests say whom they are about. Everything else is about the one whom existing clients mean.
const WITH_RESIDENTS: &str = "/api/v1/";

/// A handler with what it shares. What existing clients have is that one resident's, whomever `?resident=` names.
fn with<F>(
    hub: &Arc<Hub>,
    handler: impl Fn(Arc<Hub>, Call) -> F + Send + Sync + 'static,
) -> impl Fn(Call) -> BoxFuture + Send + Sync + 'static
where
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    let hub = hub.clone();
    move |call| {
        let names_residents = call.path.to_ascii_lowercase().starts_with(WITH_RESIDENTS);
        match if names_residents { Ok(()) } else { call.about(RESIDENT) } {
            Ok(()) => Box::pin(handler(hub.clone(), call)),
            Err(problem) => Box::pin(std::future::ready(Err(problem))),
        }
    }
}

/// The same for what finds out itself whom it is about.
fn with_any<F>(
    hub: &Arc<Hub>,
    handler: impl Fn(Arc<Hub>, Call) -> F + Send + Sync + 'static,
) -> impl Fn(Call) -> F + Send + Sync + 'static {
    let hub = hub.clone();
    move |call| handler(hub.clone(), call)
}

type BoxFuture = std::pin::Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;

/// Whoever is named in the query is not believed: existing clients have one resident, and nobody else has anything here.
fn is_about_resident(call: &Call) -> bool {
    let named = call.query("userId").and_then(|id| id.parse::<i64>().ok());
    named.is_none_or(|id| id == RESIDENT)
}

impl From<RecordError> for Problem {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::KeyOfAnother(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
            RecordError::Resident(error) => error.into(),
            RecordError::Database(error) => error.into(),
        }
    }
}

#[cfg(test)]
#[path = "../../../tests/recordings/strangers.rs"]
mod strangers;

#[cfg(test)]
mod areas;
#[cfg(test)]
#[path = "../tests/sensors/changes.rs"]
mod changes;

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use kit::{Home, live::Goodbye};

    use super::*;
    use crate::feed;

    /// What the tablet on the wall does without the PIN.
    const EVERYDAY: [(&str, &str); 29] = [
        ("DELETE", "/api/fitness/workout/{id}"),
        ("DELETE", "/api/hydration/{id}"),
        ("DELETE", "/api/nutrition/meal/{id}"),
        ("POST", "/api/accelerometer/save"),
        ("POST", "/api/appointments/{id}/complete"),
        ("POST", "/api/appointments/{id}/uncomplete"),
        ("POST", "/api/ble/scan"),
        ("POST", "/api/fitness/device/activity"),
        ("POST", "/api/fitness/device/sync"),
        ("POST", "/api/fitness/workout"),
        ("POST", "/api/hydration/log"),
        ("POST", "/api/medications/{id}/skip"),
        ("POST", "/api/medications/{id}/take"),
        ("POST", "/api/nutrition/log-meal"),
        ("POST", "/api/v1/access/lock"),
        ("POST", "/api/v1/access/unlock"),
        ("POST", "/api/v1/activity"),
        ("POST", "/api/v1/alerts/{id}/ack"),
        ("POST", "/api/v1/alerts/{id}/snooze"),
        ("POST", "/api/v1/assessments"),
        ("POST", "/api/v1/drinks"),
        ("POST", "/api/v1/medications/{id}/as-needed"),
        ("POST", "/api/v1/readings"),
        ("POST", "/api/v1/symptoms"),
        ("POST", "/api/vitals"),
        ("PUT", "/api/fitness/daily"),
        ("PUT", "/api/nutrition/meal/{id}"),
        ("PUT", "/api/v1/doses/{*occurrence}"),
        // With the present PIN only, which it asks for itself.
        ("PUT", "/api/v1/access/pin"),
    ];

    /// So that the walk over them with another resident's token (`tests/walk.rs`) knows of each.
    #[tokio::test]
    async fn every_route_is_written_down_for_the_walk_over_them() {
        let folder = tempfile::tempdir().unwrap();
        strangers::are_written_down(&table(&hub(folder.path()).await), "tests/walk/routes.txt");
    }

    #[tokio::test]
    async fn each_route_asks_for_the_area_that_it_is_about_and_only_what_reads_for_reading() {
        let folder = tempfile::tempdir().unwrap();
        areas::are_asked_for_by(&table(&hub(folder.path()).await));
    }

    #[tokio::test]
    async fn strangers_reach_what_is_named_here_and_nothing_else_and_others_leave_an_entry() {
        let folder = tempfile::tempdir().unwrap();
        let hub = hub(folder.path()).await;
        let access = hub.access.clone();
        let public = [
            ("GET", "/api/health"),
            ("POST", "/api/v1/access/pair"),
            ("GET", "/api/v1/access/passkeys/here"),
            ("POST", "/api/v1/access/passkeys/sign-in/begin"),
            ("POST", "/api/v1/access/passkeys/sign-in/finish"),
        ];
        let routes = table(&hub);
        strangers::everyday_is(&routes, &EVERYDAY);
        each_change_is_listed_for_sensors(&routes);
        strangers::are_refused_by(routes.clone().guarded_by(access.clone()), &public).await;
        strangers::are_let_in_as_sensors_by(routes.clone(), access.clone(), &changes::BROUGHT).await;
        strangers::leave_an_entry_by(routes, access, folder.path()).await;
    }

    async fn hub(folder: &Path) -> Arc<Hub> {
        let (access, stop) = (Access::open(folder).unwrap(), CancellationToken::new());
        let store = Store::open(&folder.join("api.db"), Home::from_environment().unwrap()).await.unwrap();
        Arc::new(Hub {
            stream: Stream::new(store.database().clone(), feed::area::rule, stop.clone(), TaskTracker::new()),
            live: Arc::new(Live::new(Goodbye::RESTART, stop.clone())),
            nutrition: Forward::new("betti-nutrition", "http://127.0.0.1:1", access.service()).unwrap(),
            recordings: Recordings::below(folder),
            bluetooth: Bluetooth::default(),
            passkeys: Passkeys::new(None),
            tasks: TaskTracker::new(),
            data: folder.to_owned(),
            access,
            store,
            stop,
        })
    }

    fn each_change_is_listed_for_sensors(routes: &Routes) {
        let lines = strangers::changing(routes);
        let of = |wanted: fn(Rule) -> bool| -> BTreeSet<_> {
            lines.iter().filter(|line| wanted(line.rule)).map(strangers::named).collect()
        };
        let refused = of(|rule| !matches!(rule, Rule::Record(_) | Rule::Known));
        assert_eq!(of(|rule| matches!(rule, Rule::Record(_))), BTreeSet::from(changes::BROUGHT));
        assert_eq!(of(|rule| rule == Rule::Known), BTreeSet::from(changes::DECIDED_BEHIND));
        assert_eq!(refused, BTreeSet::from(changes::REFUSED));
    }
}
