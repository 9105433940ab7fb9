//! WebRTC signaling for rooms of two

fn main() {}
