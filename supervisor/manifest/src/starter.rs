//! The file that a new hub begins with.

/// A commented `ecosystem.toml` with one app, for `betti-ctl init`. Reads without a mistake as it is.
pub const STARTER: &str = include_str!("starter.toml");
