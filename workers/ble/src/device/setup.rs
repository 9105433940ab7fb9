//! What is done on every new connection: find, subscribe, set the clock, read the battery. All of it may be done again.

use btleplug::api::{CharPropFlags, Characteristic, Peripheral as _, WriteType};
use btleplug::platform::Peripheral;
use jiff::{Timestamp, ZonedDateTime};
use tokio::time::Duration;

use super::link::LinkError;
use super::{Device, ambient};
use crate::bus::call;
use crate::gatt::{self, Ambient, BATTERY_LEVEL, CURRENT_TIME, DATE_TIME, Measurement};
use crate::plausible;

/// BlueZ may say that services are resolved before their characteristics are there (bluez/bluez#1489).
const DISCOVERIES: u32 = 4;
const DISCOVERY_PAUSE: Duration = Duration::from_millis(500);
const FULL_BATTERY: u8 = 100;

/// What a device measures on somebody, and what it senses in its room.
type Found = (Vec<(Measurement, Characteristic)>, Vec<(Ambient, Characteristic)>);

/// What a connection is good for.
pub struct Setup {
    /// It hands over what it has stored and has then nothing more to say, as a cuff; not as a strap.
    pub says_all_at_once: bool,
    /// What it senses in its room.
    pub ambient: Vec<(Ambient, Characteristic)>,
}

/// Makes a connected device send its readings.
pub async fn set_up(device: &Device) -> Result<Setup, LinkError> {
    let peripheral = &device.peripheral;
    let (measured, ambient) = discover(peripheral).await?;
    for (_, characteristic) in &measured {
        call(peripheral.subscribe(characteristic)).await?;
    }
    set_up_ambient(device, &ambient, measured.is_empty()).await?;
    set_clock(device).await;
    read_battery(device).await;
    // A cuff that knows how warm it is goes to sleep all the same.
    let says_all_at_once = !measured.is_empty() && measured.iter().all(|(what, _)| *what == Measurement::BloodPressure);
    Ok(Setup { says_all_at_once, ambient })
}

/// A device that also measures somebody is no worse for saying nothing of the room.
async fn set_up_ambient(
    device: &Device,
    found: &[(Ambient, Characteristic)],
    is_all_it_does: bool,
) -> Result<(), LinkError> {
    if found.is_empty() {
        return Ok(());
    }
    match ambient::set_up(device, found).await {
        Err(error) if is_all_it_does => Err(error.into()),
        Err(error) => {
            tracing::debug!(device = %device.address, "nothing is known of the room: {error}");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

async fn discover(peripheral: &Peripheral) -> Result<Found, LinkError> {
    for attempt in 1.. {
        call(peripheral.discover_services()).await?;
        let (measured, ambient) = (measured(peripheral), ambient::found(peripheral));
        if !(measured.is_empty() && ambient.is_empty()) {
            return Ok((measured, ambient));
        }
        if attempt == DISCOVERIES {
            break;
        }
        tokio::time::sleep(DISCOVERY_PAUSE).await;
    }
    Err(LinkError::NothingToRead)
}

fn measured(peripheral: &Peripheral) -> Vec<(Measurement, Characteristic)> {
    let sends = |characteristic: &Characteristic| {
        characteristic.properties.intersects(CharPropFlags::NOTIFY | CharPropFlags::INDICATE)
    };
    let all = peripheral.characteristics().into_iter().filter(sends);
    all.filter_map(|characteristic| Some((Measurement::from_uuid(characteristic.uuid)?, characteristic))).collect()
}

/// A cuff that does not know the time stamps its readings wrongly, or not at all. Best effort: not every device wants it.
async fn set_clock(device: &Device) {
    let now = ZonedDateTime::now();
    if !plausible::is_set(Timestamp::now(), now.time_zone()) {
        return;
    }
    let now = now.datetime();
    let (characteristic, bytes) = if let Some(found) = writable(device, CURRENT_TIME) {
        (found, gatt::current_time(now).to_vec())
    } else if let Some(found) = writable(device, DATE_TIME) {
        (found, gatt::date_time(now).to_vec())
    } else {
        return;
    };
    if let Err(error) = call(device.peripheral.write(&characteristic, &bytes, WriteType::WithResponse)).await {
        tracing::debug!(device = %device.address, "cannot set the device's clock: {error}");
    }
}

fn writable(device: &Device, uuid: uuid::Uuid) -> Option<Characteristic> {
    let mut all = device.peripheral.characteristics().into_iter();
    all.find(|found| found.uuid == uuid && found.properties.contains(CharPropFlags::WRITE))
}

async fn read_battery(device: &Device) {
    let mut all = device.peripheral.characteristics().into_iter();
    let found = all.find(|found| found.uuid == BATTERY_LEVEL && found.properties.contains(CharPropFlags::READ));
    let Some(characteristic) = found else { return };
    match call(device.peripheral.read(&characteristic)).await.as_deref() {
        Ok(&[percent]) if percent <= FULL_BATTERY => {
            device.board.device(device.address, |device| device.battery = Some(percent));
        }
        Ok(bytes) => tracing::debug!(device = %device.address, ?bytes, "no battery level"),
        Err(error) => tracing::debug!(device = %device.address, "cannot read the battery: {error}"),
    }
}
