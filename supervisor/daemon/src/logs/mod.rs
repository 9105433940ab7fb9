//! Where workers' output goes: from their pipes to `logs/<app>-out.log` and `logs/<app>-error.log`.

mod file;
mod pump;
mod rotation;

pub use pump::LogPump;
