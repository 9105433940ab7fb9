//! Sensors of a room: what they have is read, subscribed, and read again where they do not speak by themselves.

use std::convert::Infallible;

use btleplug::api::{BDAddr, CharPropFlags, Characteristic, Peripheral as _};
use btleplug::platform::Peripheral;
use jiff::Timestamp;
use tokio::time::{Duration, Instant, interval_at};
use uuid::Uuid;

use super::Device;
use crate::bus::{CallError, call};
use crate::gatt::{Ambient, ENVIRONMENT_SERVICE};
use crate::status::Board;

/// A sensor that speaks only when something changes is asked too: what it says is else as old as the last change.
const READ_EVERY: Duration = Duration::from_secs(30);
const SPEAKS: CharPropFlags = CharPropFlags::NOTIFY.union(CharPropFlags::INDICATE);

/// What a device has of it; nothing if it has no Environmental Sensing.
pub fn found(peripheral: &Peripheral) -> Vec<(Ambient, Characteristic)> {
    let all = peripheral.characteristics();
    if !all.iter().any(|characteristic| characteristic.service_uuid == ENVIRONMENT_SERVICE) {
        return Vec::new();
    }
    // There may be several of a kind, which nothing in a notification tells apart: the first one counts.
    let first = |ambient| all.iter().find(|found| of(found.uuid, found.service_uuid) == Some(ambient));
    let usable = |found: &&Characteristic| found.properties.intersects(SPEAKS | CharPropFlags::READ);
    Ambient::ALL.into_iter().filter_map(|ambient| Some((ambient, first(ambient).filter(usable)?.clone()))).collect()
}

/// What a characteristic holds. Warmth and humidity are the room's in this service only; a button may be in any.
pub fn of(characteristic: Uuid, service: Uuid) -> Option<Ambient> {
    Ambient::from_uuid(characteristic).filter(|ambient| *ambient == Ambient::Digital || service == ENVIRONMENT_SERVICE)
}

/// Makes a connected device say how it is in the room.
pub async fn set_up(device: &Device, found: &[(Ambient, Characteristic)]) -> Result<(), CallError> {
    let is_button_read = found.iter().any(|(ambient, found)| *ambient == Ambient::Digital && is_readable(found));
    device.board.device(device.address, |shown| shown.environment.get_or_insert_default().begin(is_button_read));
    for (ambient, characteristic) in found {
        let speaks = characteristic.properties.intersects(SPEAKS);
        let read = if is_readable(characteristic) { read(device, *ambient, characteristic).await } else { Ok(()) };
        match read {
            Err(error) if !speaks => return Err(error),
            // Nobody has said how it is: what is notified is all there is.
            Err(_) if *ambient == Ambient::Digital => learn(device, |room| room.begin(false)),
            Ok(()) | Err(_) => {}
        }
        if speaks {
            call(device.peripheral.subscribe(characteristic)).await?;
        }
    }
    Ok(())
}

/// Asks again and again, for as long as the connection is of use.
pub async fn read_again(device: &Device, found: &[(Ambient, Characteristic)]) -> Infallible {
    // A button that speaks is not asked: an answer that is late could undo what it said.
    let is_asked = |(ambient, found): &&(Ambient, Characteristic)| {
        is_readable(found) && !(*ambient == Ambient::Digital && found.properties.intersects(SPEAKS))
    };
    let asked: Vec<_> = found.iter().filter(is_asked).collect();
    if asked.is_empty() {
        return std::future::pending().await;
    }
    let mut tick = interval_at(Instant::now() + READ_EVERY, READ_EVERY);
    loop {
        tick.tick().await;
        for (ambient, characteristic) in &asked {
            // Why not has been said; whether the device is gone is noticed elsewhere.
            let _ = read(device, *ambient, characteristic).await;
        }
    }
}

/// Takes what was notified or read. What a device sends that is not known to be a room's sensor is nothing to us.
pub fn take(board: &Board, device: BDAddr, ambient: Ambient, raw: &[u8]) {
    match ambient.decode(raw) {
        Ok(sensed) => board.device(device, |shown| {
            if let Some(room) = &mut shown.environment {
                room.take(sensed, Timestamp::now(), Instant::now());
            }
        }),
        Err(why) => tracing::debug!(%device, %why, "nothing is known of the room"),
    }
}

async fn read(device: &Device, ambient: Ambient, characteristic: &Characteristic) -> Result<(), CallError> {
    let read = call(device.peripheral.read(characteristic)).await;
    let raw =
        read.inspect_err(|error| tracing::debug!(device = %device.address, "cannot read {ambient:?}: {error}"))?;
    take(&device.board, device.address, ambient, &raw);
    Ok(())
}

fn learn(device: &Device, learn: impl FnOnce(&mut crate::room::Room)) {
    device.board.device(device.address, |shown| {
        if let Some(room) = &mut shown.environment {
            learn(room);
        }
    });
}

fn is_readable(characteristic: &Characteristic) -> bool {
    characteristic.properties.contains(CharPropFlags::READ)
}
