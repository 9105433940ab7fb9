//! What betti-backend wants of us: whom to connect to, and to listen anew. Asked all the time, and answered when it is
//! something else than we know: a device is watched as soon as somebody has paired it.

use std::collections::BTreeSet;
use std::time::Duration;

use btleplug::api::BDAddr;
use http::StatusCode;
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::api::Api;

const PATH: &str = "/api/ble/wanted";
/// An answer is held back for 25 s while there is nothing new.
const ANSWERED_WITHIN: Duration = Duration::from_secs(40);
/// Before the next question when nothing was new, should the answer ever not be held back.
const PAUSE: Duration = Duration::from_secs(1);
/// Before the next question when nobody answered.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Before the next question when the API does not know it: it is of an older version.
const UNKNOWN_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Names it, for the next question.
    version: String,
    /// Devices that may be connected to.
    pub devices: BTreeSet<BDAddr>,
    /// Names the scan that somebody asked for last.
    pub scan: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    data: Written,
}

#[derive(Deserialize)]
struct Written {
    version: String,
    devices: Vec<String>,
    scan: Option<String>,
}

impl Wanted {
    /// What is no address is left out, and said: the others are wanted all the same.
    fn read(text: &str) -> Result<Self, serde_json::Error> {
        let Envelope { data: Written { version, devices, scan } } = serde_json::from_str(text)?;
        let address = |written: String| {
            written.parse().inspect_err(|_| tracing::warn!(written, "a paired device has no address")).ok()
        };
        Ok(Self { version, devices: devices.into_iter().filter_map(address).collect(), scan })
    }
}

/// Asks until told to stop. While nobody answers, what was wanted last is wanted.
pub async fn follow(wanted: watch::Sender<Wanted>, api: Api, stop: CancellationToken) {
    loop {
        let pause = tokio::select! {
            () = stop.cancelled() => return,
            pause = ask(&wanted, &api) => pause,
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Asks once; how long to wait before the next time.
async fn ask(wanted: &watch::Sender<Wanted>, api: &Api) -> Duration {
    let path = format!("{PATH}?version={}", wanted.borrow().version);
    let answer = match api.get(&path, ANSWERED_WITHIN).await {
        Ok(answer) if answer.status.is_success() => answer,
        Ok(answer) => {
            tracing::debug!(status = %answer.status, "the API does not say what it wants");
            return if answer.status == StatusCode::NOT_FOUND { UNKNOWN_AGAIN_AFTER } else { AGAIN_AFTER };
        }
        Err(error) => {
            tracing::debug!("nobody says what is wanted: {error}");
            return AGAIN_AFTER;
        }
    };
    match Wanted::read(&answer.text) {
        Ok(new) => {
            let is_news = wanted.send_if_modified(|known| {
                let is_news = *known != new;
                *known = new;
                is_news
            });
            if is_news { Duration::ZERO } else { PAUSE }
        }
        Err(error) => {
            tracing::warn!("what is wanted cannot be read: {error}");
            AGAIN_AFTER
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_read_and_what_is_no_address_left_out() {
        let text =
            r#"{"success":true,"data":{"version":"v","devices":["00:5F:BF:00:00:02","cuff"],"scan":null,"new":1}}"#;
        let wanted = Wanted::read(text).unwrap();
        assert_eq!(wanted.devices, BTreeSet::from(["00:5F:BF:00:00:02".parse().unwrap()]));
        assert_eq!((wanted.version.as_str(), wanted.scan), ("v", None));
        assert!(Wanted::read("{}").is_err());
    }
}
