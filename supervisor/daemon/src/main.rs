//! The keeper and the supervisor, two processes of one binary

fn main() {}
