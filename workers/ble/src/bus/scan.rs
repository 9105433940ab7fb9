//! Discovery: started, stopped, started again.

use std::time::Duration;

use btleplug::api::{Central, ScanFilter};
use btleplug::platform::Adapter;

use super::failure::{CallError, Meaning, call, within};
use crate::gatt::SERVICES;

/// BlueZ may still be busy with what it was told to stop.
const BUSY_PAUSE: Duration = Duration::from_secs(1);
/// When we are to leave there is no time; BlueZ also ends the discovery of a client that is gone.
const LEAVING_TIMEOUT: Duration = Duration::from_secs(1);

/// Starts a discovery of devices that we read, ending one of ours that is running. **Powers the adapter on**: only for one
/// that is on.
pub async fn start(adapter: &Adapter) -> Result<(), CallError> {
    // Starting twice is refused, and is said to lock up some controllers.
    let _ = call(adapter.stop_scan()).await;
    match call(adapter.start_scan(filter())).await {
        Err(error) if error.meaning() == Meaning::InProgress => {
            let _ = call(adapter.stop_scan()).await;
            tokio::time::sleep(BUSY_PAUSE).await;
            call(adapter.start_scan(filter())).await
        }
        result => result,
    }
}

/// Stops it because we leave.
pub async fn stop(adapter: &Adapter) {
    if let Err(error) = within(LEAVING_TIMEOUT, adapter.stop_scan()).await {
        tracing::debug!("the scan was not stopped: {error}");
    }
}

fn filter() -> ScanFilter {
    ScanFilter { services: SERVICES.to_vec() }
}
