//! Reads Bluetooth health devices and posts their readings

fn main() {}
