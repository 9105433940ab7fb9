//! Telling others: a status line for the supervisor, the whole for betti-backend.

use std::time::Duration;

use kit::notify::Notifier;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api::Api;
use crate::bus::Radio;
use crate::delivery::Bells;
use crate::status::Status;

const PATH: &str = "/api/ble/state";
/// An API that was restarted has forgotten us: it is told again this often.
const TELL_EVERY: Duration = Duration::from_secs(20);
/// How soon to try again when nobody took it.
const TELL_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Changes come in bursts; they are told together.
const GATHER: Duration = Duration::from_millis(100);

/// Says on the status line what is new, until told to stop.
pub async fn say(mut status: watch::Receiver<Status>, notifier: Notifier, stop: CancellationToken) {
    let mut said = None;
    loop {
        let words = status.borrow_and_update().radio.map(Radio::words);
        if let Some(words) = words
            && said.replace(words) != Some(words)
        {
            notifier.status(words);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = status.changed() => if changed.is_err() { return },
        }
    }
}

/// Tells the API how things are, at every change and every [`TELL_EVERY`], until told to stop.
pub async fn tell(mut status: watch::Receiver<Status>, api: Api, bells: Bells, stop: CancellationToken) {
    loop {
        let body = described(&status.borrow_and_update());
        let Some(body) = body else {
            // Nothing was tried yet: there is nothing to tell.
            if status.changed().await.is_err() {
                return;
            }
            continue;
        };
        let taken = tokio::select! {
            () = stop.cancelled() => return,
            taken = post(&api, body) => taken,
        };
        if taken {
            bells.api_answers.notify_waiters();
        }
        let next = Instant::now() + if taken { TELL_EVERY } else { TELL_AGAIN_AFTER };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep_until(next) => {}
            changed = status.changed() => {
                if changed.is_err() { return }
                tokio::time::sleep(GATHER).await;
            }
        }
    }
}

/// Whether the API took it. Whether it is there at all is the delivery's to say.
async fn post(api: &Api, body: Value) -> bool {
    match api.post(PATH, None, body.to_string()).await {
        Ok(answer) if answer.status.is_success() => true,
        Ok(answer) => {
            tracing::debug!(status = %answer.status, "the API does not want to know how the radio fares");
            false
        }
        Err(error) => {
            tracing::debug!("the API does not know how the radio fares: {error}");
            false
        }
    }
}

fn described(status: &Status) -> Option<Value> {
    let radio = status.radio?;
    Some(json!({
        "state": radio,
        "words": radio.words(),
        "adapter": status.adapter,
        "devices": status.devices.values().collect::<Vec<_>>(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{Board, Standing};

    #[test]
    fn the_api_is_told_in_the_words_that_clients_know() {
        let board = Board::new();
        assert_eq!(described(&board.watch().borrow()), None, "before anything was tried");
        board.radio(Radio::Scanning, Some("hci0"), None);
        let strap = "C8:0A:00:00:00:01".parse().unwrap();
        board.device(strap, |device| {
            device.name = Some("Strap".into());
            device.rssi = Some(-60);
            device.last_seen = Some("2026-07-01T10:00:00Z".parse().unwrap());
            device.status = Standing::New;
        });
        assert_eq!(
            described(&board.watch().borrow()),
            Some(json!({
                "state": "scanning", "words": "scanning", "adapter": "hci0",
                "devices": [{
                    "id": "C8:0A:00:00:00:01", "address": "C8:0A:00:00:00:01", "name": "Strap", "rssi": -60,
                    "lastSeen": "2026-07-01T10:00:00.000Z", "status": "new", "adopted": false, "battery": null,
                }],
            }))
        );
    }
}
