//! Foods, meals and goals

fn main() {}
