//! What betti-ble is asked for: whom to connect to, and whether to listen anew.

use jiff::Timestamp;
use kit::clock;
use serde_json::{Value, json};

use crate::{devices::Address, store::devices::Device};

/// All of it, as betti-ble reads it: `version` is another text whenever anything else is another one.
pub fn wanted(paired: &[Device], scan: Option<Timestamp>) -> Value {
    let mut addresses: Vec<_> = paired.iter().map(|device| device.address).collect();
    addresses.sort_unstable();
    json!({
        "version": version(&addresses, scan),
        "devices": addresses.iter().map(Address::to_string).collect::<Vec<_>>(),
        "scan": scan.map(clock::iso),
    })
}

/// Nothing in it has to be escaped in a query.
fn version(addresses: &[Address], scan: Option<Timestamp>) -> String {
    let compact: String = addresses.iter().map(|address| format!("{}.", address.compact())).collect();
    format!("{compact}{}", scan.map_or(0, Timestamp::as_millisecond))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_wanted_otherwise_has_another_version() {
        let [one, other] = ["AA:BB:CC:DD:EE:01", "AA:BB:CC:DD:EE:02"].map(|text| text.parse::<Address>().unwrap());
        let scan = Some(Timestamp::from_millisecond(7).unwrap());
        let versions =
            [(vec![], None), (vec![one], None), (vec![one, other], None), (vec![other], None), (vec![one], scan)];
        let versions: Vec<_> = versions.iter().map(|(addresses, scan)| version(addresses, *scan)).collect();
        assert_eq!(
            versions,
            ["0", "aabbccddee01.0", "aabbccddee01.aabbccddee02.0", "aabbccddee02.0", "aabbccddee01.7"]
        );
    }
}
