//! Vitals and their live stream

fn main() {}
