//! Where a hub keeps what lives as long as its keeper.

use std::path::PathBuf;

/// Names the runtime directory outright.
pub const RUNTIME_DIR: &str = "BETTI_RUNTIME_DIR";
/// Where root's hub lives when nothing else is said.
pub const RUNTIME_DIR_OF_ROOT: &str = "/run/betti";
/// The control socket, inside the runtime directory.
pub const CONTROL_SOCKET: &str = "control.sock";
/// Locked by the keeper for as long as it lives; holds its pid.
pub const KEEPER_LOCK: &str = "keeper.lock";
/// The hub's 128-bit id in hexadecimal. Outlives the keeper, so that the next one knows whose leftovers to sweep.
pub const HUB_ID: &str = "hub.id";
/// The number of the newest run; runs are never numbered twice under one hub id.
pub const LAST_RUN: &str = "last-run";
/// The users, besides the hub's own, whose processes can be a run's: a number a line.
pub const USERS: &str = "users";
/// Folder of the sockets that `NOTIFY_SOCKET` names, one a run.
pub const NOTIFY_DIR: &str = "notify";

/// The runtime directory that the environment asks for.
///
/// `variable` answers what `std::env::var_os` would; `is_root` whether the effective user is root.
///
/// # Errors
/// If nothing names one: a shared place such as `/tmp` is never used, because anybody could have made it first.
pub fn runtime_dir(
    variable: impl Fn(&str) -> Option<std::ffi::OsString>,
    is_root: bool,
) -> Result<PathBuf, NoRuntimeDir> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(directory) = set(RUNTIME_DIR) {
        return Ok(directory);
    }
    if is_root {
        return Ok(RUNTIME_DIR_OF_ROOT.into());
    }
    set("XDG_RUNTIME_DIR").map(|directory| directory.join("betti")).ok_or(NoRuntimeDir)
}

/// Neither `BETTI_RUNTIME_DIR` nor `XDG_RUNTIME_DIR` is set, and the user is not root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRuntimeDir;

impl std::fmt::Display for NoRuntimeDir {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "there is no runtime directory: XDG_RUNTIME_DIR is not set (log in with a session that sets it, \
             or set BETTI_RUNTIME_DIR to a folder that only you can write)",
        )
    }
}

impl std::error::Error for NoRuntimeDir {}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(variables: &'static [(&str, &str)], is_root: bool) -> Result<PathBuf, NoRuntimeDir> {
        let variable = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        runtime_dir(variable, is_root)
    }

    #[test]
    fn the_most_explicit_place_wins() {
        let both = &[("BETTI_RUNTIME_DIR", "/a"), ("XDG_RUNTIME_DIR", "/b")];
        assert_eq!(asked(both, true), Ok("/a".into()));
        assert_eq!(asked(&[("XDG_RUNTIME_DIR", "/b")], true), Ok("/run/betti".into()));
        assert_eq!(asked(&[("XDG_RUNTIME_DIR", "/b")], false), Ok("/b/betti".into()));
        assert_eq!(asked(&[("XDG_RUNTIME_DIR", "")], false), Err(NoRuntimeDir));
        assert_eq!(asked(&[], false), Err(NoRuntimeDir));
    }
}
