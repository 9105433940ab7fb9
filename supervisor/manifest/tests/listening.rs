//! Where the hub that comes with Betti listens: what other devices need is on the network, and nothing else is.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

use std::path::Path;

use manifest::Address;

/// What other devices open.
const ON_THE_NETWORK: [&str; 2] = ["betti-frontend", "betti-webrtc"];

#[test]
fn only_the_gateway_and_video_are_reached_from_other_devices() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ecosystem.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    for profile in ["https", "ngrok"] {
        let manifest = manifest::parse(&path, &text, Some(profile)).unwrap();
        let mut on_the_network = Vec::new();
        for app in &manifest.apps {
            for address in &app.listen {
                let tcp = Address::tcp(address).unwrap_or_else(|| panic!("{}: {address:?}", app.name));
                match tcp.ip().is_loopback() {
                    true => assert!(!ON_THE_NETWORK.contains(&app.name.as_str()), "{} is meant for phones", app.name),
                    false => on_the_network.push(app.name.as_str()),
                }
            }
            assert_eq!(app.port, None, "{}: whoever opens a port by itself decides where", app.name);
            assert!(!app.env.contains_key("HOST"), "{}: HOST decides where a worker listens", app.name);
        }
        on_the_network.sort_unstable();
        let expected: Vec<&str> = ON_THE_NETWORK.into_iter().filter(|name| manifest.app(name).is_some()).collect();
        assert_eq!(on_the_network, expected, "profile {profile}");
    }
}
