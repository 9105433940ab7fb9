//! What the environment says: where the API is, and which devices are ours beside the paired ones.

use std::collections::BTreeSet;

use btleplug::api::BDAddr;

use crate::api::{Api, BadUrl};

/// Base URL of betti-backend.
pub const API_URL: &str = "BETTI_API_URL";
pub const DEFAULT_API_URL: &str = "http://127.0.0.1:3001";
/// Addresses of the adopted devices, separated by commas, or the word [`ANY`].
pub const DEVICES: &str = "BETTI_BLE_DEVICES";
const ANY: &str = "any";

/// Why the environment cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    #[error("{API_URL}: {0}")]
    ApiUrl(#[from] BadUrl),
    #[error(
        "{DEVICES}: \"{0}\" is no Bluetooth address; write addresses like 00:5F:BF:00:00:02, separated by commas, or \"{ANY}\""
    )]
    Device(String),
}

/// Which devices may be connected to whatever is paired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// Whatever advertises a health service: for trying out, and for homes without neighbours.
    Any,
    These(BTreeSet<BDAddr>),
}

impl Adopted {
    /// Whether this device is named.
    pub fn names(&self, device: BDAddr) -> bool {
        match self {
            Self::Any => false,
            Self::These(devices) => devices.contains(&device),
        }
    }

    /// Whether a device that advertises a health service may be connected to.
    pub fn accepts(&self, device: BDAddr) -> bool {
        *self == Self::Any || self.names(device)
    }

    fn parse(text: &str) -> Result<Self, ConfigurationError> {
        if text.trim().eq_ignore_ascii_case(ANY) {
            return Ok(Self::Any);
        }
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let devices = words.map(|word| word.parse().map_err(|_| ConfigurationError::Device(word.into())));
        devices.collect::<Result<_, _>>().map(Self::These)
    }
}

/// All that can be set.
pub struct Configuration {
    pub api: Api,
    pub adopted: Adopted,
}

impl Configuration {
    pub fn from_environment() -> Result<Self, ConfigurationError> {
        let url = std::env::var(API_URL).unwrap_or_else(|_| DEFAULT_API_URL.into());
        let devices = std::env::var(DEVICES).unwrap_or_default();
        Ok(Self { api: url.parse()?, adopted: Adopted::parse(&devices)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cuff() -> BDAddr {
        [0x00, 0x5F, 0xBF, 0x00, 0x00, 0x02].into()
    }

    #[test]
    fn nothing_set_adopts_nobody() {
        let adopted = Adopted::parse("").unwrap();
        assert!(!adopted.accepts(cuff()));
    }

    #[test]
    fn addresses_are_taken_in_any_case_and_with_spaces() {
        let adopted = Adopted::parse(" 00:5f:bf:00:00:02 ,C8:0A:00:00:00:01,").unwrap();
        assert!(adopted.names(cuff()) && adopted.accepts(cuff()));
        assert!(!adopted.accepts("AA:AA:AA:AA:AA:AA".parse().unwrap()));
    }

    #[test]
    fn any_accepts_a_device_that_advertises_but_names_none() {
        let adopted = Adopted::parse("Any").unwrap();
        assert!(adopted.accepts(cuff()) && !adopted.names(cuff()));
    }

    #[test]
    fn what_is_no_address_is_named_with_how_to_write_one() {
        let error = Adopted::parse("00:5F:BF:00:00:02,cuff").unwrap_err().to_string();
        assert!(error.contains("\"cuff\"") && error.contains("00:5F:BF:00:00:02"), "{error}");
    }
}
