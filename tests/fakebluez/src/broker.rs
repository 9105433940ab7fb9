//! A message bus for one test.

use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Linux' `sun_path` holds 107 bytes and a zero.
const LONGEST_SOCKET_PATH: usize = 107;

const CONFIGURATION: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>custom</type>
  <listen>unix:path=@SOCKET@</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_type="method_return"/>
    <allow send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="signal"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
  </policy>
</busconfig>
"#;

/// Why there is no private bus.
#[derive(Debug)]
pub enum BusError {
    /// The program is not installed.
    NotInstalled,
    /// The folder's path leaves no room for a socket.
    PathTooLong(PathBuf),
    /// It was started and ended without listening.
    DidNotStart,
    /// Something with files or processes.
    Io(std::io::Error),
}

impl std::fmt::Display for BusError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotInstalled => out.write_str(
                "dbus-daemon is not installed, and these tests need one of their own:\n    \
                 apt-get install -y --no-install-recommends dbus-daemon",
            ),
            Self::PathTooLong(path) => {
                write!(out, "a socket's path holds {LONGEST_SOCKET_PATH} bytes at most: {}", path.display())
            }
            Self::DidNotStart => out.write_str("dbus-daemon ended before it listened"),
            Self::Io(error) => write!(out, "cannot start a private bus: {error}"),
        }
    }
}

impl std::error::Error for BusError {}

impl From<std::io::Error> for BusError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// A dbus-daemon that nobody else knows of; ended when dropped.
#[derive(Debug)]
pub struct PrivateBus {
    daemon: Child,
    socket: PathBuf,
}

impl PrivateBus {
    /// Starts a bus whose socket is `bus` in the folder; it listens when this returns. Keep the folder's path short.
    ///
    /// # Errors
    /// Says what to install when dbus-daemon is missing.
    pub fn start(folder: &Path) -> Result<Self, BusError> {
        let socket = Self::socket_in(folder);
        if socket.as_os_str().len() > LONGEST_SOCKET_PATH {
            return Err(BusError::PathTooLong(socket));
        }
        std::fs::create_dir_all(folder)?;
        // One from before a restart would be "address in use".
        let _ = std::fs::remove_file(&socket);
        let configuration = folder.join("bus.conf");
        std::fs::write(&configuration, CONFIGURATION.replace("@SOCKET@", &socket.to_string_lossy()))?;
        Ok(Self { daemon: spawn(&configuration)?, socket })
    }

    /// Where the bus of this folder listens, or will.
    #[must_use]
    pub fn address_in(folder: &Path) -> String {
        format!("unix:path={}", Self::socket_in(folder).display())
    }

    /// For `DBUS_SYSTEM_BUS_ADDRESS`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("unix:path={}", self.socket.display())
    }

    /// Ends the bus as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }

    fn socket_in(folder: &Path) -> PathBuf {
        folder.join("bus")
    }
}

impl Drop for PrivateBus {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(configuration: &Path) -> Result<Child, BusError> {
    let mut daemon = Command::new("dbus-daemon")
        .arg(format!("--config-file={}", configuration.display()))
        .args(["--nofork", "--nopidfile", "--nosyslog", "--print-address=1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // As root without CAP_SYS_RESOURCE it complains about its limit of descriptors.
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| if error.kind() == ErrorKind::NotFound { BusError::NotInstalled } else { error.into() })?;
    // The address is printed once it listens.
    let mut address = String::new();
    if let Some(stdout) = daemon.stdout.take() {
        BufReader::new(stdout).read_line(&mut address)?;
    }
    if address.is_empty() {
        let _ = daemon.kill();
        let _ = daemon.wait();
        return Err(BusError::DidNotStart);
    }
    Ok(daemon)
}
