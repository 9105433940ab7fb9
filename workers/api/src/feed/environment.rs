//! Sensors of rooms, which existing clients call halo: connected, sensing, pressed.

use jiff::Timestamp;
use kit::clock;
use serde_json::{Value, json};

use crate::bluetooth::{Change, Link, Near};

/// `halo-connection-status`: like that of any device, and with when it was so.
pub fn link(near: &Near, now: Timestamp) -> Option<Value> {
    near.room?;
    let address = near.address.to_string();
    let status = match near.link {
        Link::None => "disconnected",
        Link::Connecting => "connecting",
        Link::Connected => "connected",
        Link::Refused => "error",
    };
    Some(json!({
        "type": "halo-connection-status",
        "macAddress": address,
        "name": near.sighting.name.as_deref().unwrap_or(&address),
        "status": status,
        "deviceAddress": address,
        "timestamp": clock::iso(now),
    }))
}

/// What is told of a change: `halo-sensor-update`, then `halo-button-press`.
pub fn changed(near: &Near, change: &Change) -> Vec<Value> {
    let sensed = change.sensed_at.map(|at| {
        let celsius = change.room.temperature.and_then(|measured| measured.value);
        json!({
            "type": "halo-sensor-update",
            "temperature": celsius.map(fahrenheit),
            "temperatureC": celsius,
            "humidity": change.room.humidity.and_then(|measured| measured.value),
            // Nothing is known of how they are written.
            "light": null,
            "imu": null,
            "button": change.room.button.and_then(|button| button.value),
            "deviceAddress": near.address.to_string(),
            "timestamp": clock::iso(at),
        })
    });
    let pressed = change.pressed_at.map(|at| {
        json!({
            "type": "halo-button-press",
            "deviceAddress": near.address.to_string(),
            "timestamp": clock::iso(at),
        })
    });
    sensed.into_iter().chain(pressed).collect()
}

/// To a hundredth, as the sensor counts.
fn fahrenheit(celsius: f64) -> f64 {
    ((celsius * 1.8 + 32.0) * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fahrenheit_is_to_a_hundredth() {
        for (celsius, expected) in [(0.0, 32.0), (21.53, 70.75), (-40.0, -40.0), (100.0, 212.0), (-273.15, -459.67)] {
            assert_eq!(fahrenheit(celsius).to_bits(), f64::to_bits(expected), "{celsius}");
        }
    }
}
