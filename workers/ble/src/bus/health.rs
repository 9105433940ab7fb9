//! Is the adapter there, and is it on? btleplug says nothing when bluetoothd, the adapter or the bus goes away: ask.

use std::time::Duration;

use btleplug::api::{Central, CentralState};
use btleplug::platform::Adapter;

use super::failure::{CallError, within};

/// How often to ask.
pub const CHECK_EVERY: Duration = Duration::from_secs(10);
/// How long an answer may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(3);

/// Whether the adapter is switched on.
pub async fn is_on(adapter: &Adapter) -> Result<bool, CallError> {
    let on = within(CHECK_TIMEOUT, adapter.adapter_state()).await? == CentralState::PoweredOn;
    // `adapter_state` takes every error for "off": only an adapter that answers this was really asked.
    within(CHECK_TIMEOUT, adapter.adapter_info()).await?;
    Ok(on)
}
