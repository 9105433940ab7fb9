//! Reads ecosystem.toml: text in, manifest or diagnostics out
