//! The web app and the one origin that phones talk to

fn main() {}
