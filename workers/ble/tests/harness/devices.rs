//! A strap, a cuff, and a sensor of a room.

use std::time::Duration;

use fakebluez::{Characteristic, Device, Service};

pub const STRAP: &str = "C8:0A:00:00:00:01";
pub const CUFF: &str = "00:5F:BF:00:00:02";
pub const SENSOR: &str = "E4:5F:01:00:00:03";
/// 138/88, pulse 60, at 2026-04-17 20:41:59 by the cuff's clock.
pub const BLOOD_PRESSURE: [u8; 19] =
    [0x1E, 0x8A, 0, 0x58, 0, 0x78, 0, 0xEA, 0x07, 4, 0x11, 0x14, 0x29, 0x3B, 0x3C, 0, 1, 0, 0];

pub const fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn characteristic(uuid: &'static str, flags: &[&'static str]) -> Characteristic {
    Characteristic { uuid, flags: flags.to_vec(), ..Default::default() }
}

/// Sends heart rates while it is connected.
pub fn strap() -> Device {
    let mut device = Device::new(STRAP, "Strap");
    device.address_type = "random";
    device.advertised = vec!["180d"];
    let battery = Characteristic { value: vec![51], ..characteristic("2a19", &["read", "notify"]) };
    device.services = vec![
        Service { uuid: "180d", characteristics: vec![characteristic("2a37", &["notify"])] },
        Service { uuid: "180f", characteristics: vec![battery] },
    ];
    device
}

/// Indicates stored readings on an encrypted link, and wants to know the time.
pub fn cuff() -> Device {
    let mut device = Device::new(CUFF, "BP cuff");
    device.advertised = vec!["1810"];
    let pressure = Characteristic { secured: true, ..characteristic("2a35", &["indicate"]) };
    device.services = vec![
        Service { uuid: "1810", characteristics: vec![pressure] },
        Service { uuid: "1805", characteristics: vec![characteristic("2a2b", &["read", "write"])] },
    ];
    device
}

/// Is 21.53 °C warm and 45 % humid, and has a button. Warmth and button speak by themselves.
pub fn sensor() -> Device {
    let mut device = Device::new(SENSOR, "Halo");
    device.advertised = vec!["181a"];
    let temperature = Characteristic { value: vec![0x69, 0x08], ..characteristic("2a6e", &["read", "notify"]) };
    let humidity = Characteristic { value: vec![0x94, 0x11], ..characteristic("2a6f", &["read"]) };
    let button = Characteristic { value: vec![0], ..characteristic("2a56", &["read", "notify"]) };
    device.services = vec![
        Service { uuid: "181a", characteristics: vec![temperature, humidity] },
        Service { uuid: "1815", characteristics: vec![button] },
    ];
    device
}
