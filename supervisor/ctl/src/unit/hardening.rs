//! What the unit takes away from a hub. Pure.
//!
//! ```text
//!   only Betti's own programs in the file ──► everything that they can do without
//!   programs of others, or root           ──► what no app can miss: they read sensors, switch pins, compile at run time
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use manifest::{App, Manifest};

use super::{Unit, Unspeakable, word};

/// What Betti brings. Whatever else is in the file may need anything.
const OWN_PROGRAMS: [&str; 6] =
    ["betti-api", "betti-nutrition", "betti-video", "betti-web", "betti-ble", "betti-backup"];
/// Whoever is not root needs a right to listen below this port.
const FIRST_FREE_PORT: u16 = 1024;
/// What `ProtectSystem=full` makes read-only.
const READ_ONLY: [&str; 4] = ["/usr", "/boot", "/efi", "/etc"];
/// What `PrivateTmp=yes` exchanges for an empty folder.
const SHARED: [&str; 2] = ["/tmp", "/var/tmp"];
/// What `ProtectHome=` is about.
const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];
/// Where sticks are mounted: copies go there, now or after the next edit of the file.
const REMOVABLE: [&str; 3] = ["/media", "/mnt", "/run/media"];
/// Variables of an app that name a folder in which it writes.
const FOLDERS: [&str; 2] = ["BETTI_DATA_DIR", "BETTI_BACKUP_TO"];
/// What no program of today calls, or root alone; it fails there as it does without privileges.
const NOBODY_CALLS: &str = "@cpu-emulation @module @obsolete @raw-io @reboot @swap";
/// Landlock's calls stand in no group of systemd 252.
const LANDLOCK: &str = "landlock_create_ruleset landlock_add_rule landlock_restrict_self";
/// They only ask whether the clock is right here: setting it takes a capability.
const ASKING_THE_CLOCK: &str = "adjtimex clock_adjtime";

impl Unit<'_> {
    /// Whether it is held to what Betti's own programs need.
    #[must_use]
    pub fn is_tight(&self) -> bool {
        let is_shared = SHARED.iter().any(|shared| self.manifest.folder.starts_with(shared));
        !self.is_root && !is_shared && self.manifest.apps.iter().all(is_own)
    }

    pub(super) fn hardening(&self) -> Result<Vec<String>, Unspeakable> {
        let mut lines = self.of_everybody();
        lines.extend(if self.is_tight() { self.of_own_programs()? } else { self.of_any_program()? });
        Ok(lines)
    }

    /// D-Bus and the network stay open: they speak Bluetooth and serve the house. Cgroups stay writable, because they are delegated.
    fn of_everybody(&self) -> Vec<String> {
        let mut lines: Vec<String> = ["ProtectKernelModules=yes", "ProtectControlGroups=no", "LockPersonality=yes"]
            .into_iter()
            .chain(["ProtectHostname=yes", "SystemCallArchitectures=native", "SystemCallErrorNumber=EPERM"])
            .map(str::to_owned)
            .collect();
        if !SHARED.iter().any(|shared| self.manifest.folder.starts_with(shared)) {
            lines.push("# Nothing is left for other users in /tmp, or taken from them.".to_owned());
            lines.push("PrivateTmp=yes".to_owned());
        }
        if !self.is_root {
            lines.push("NoNewPrivileges=yes".to_owned());
            lines.push("RestrictSUIDSGID=yes".to_owned());
        }
        if !self.is_root && self.listens_low() {
            lines.push(format!("# An app listens below port {FIRST_FREE_PORT}."));
            lines.push("AmbientCapabilities=CAP_NET_BIND_SERVICE".to_owned());
            lines.push("CapabilityBoundingSet=CAP_NET_BIND_SERVICE".to_owned());
        } else if !self.is_root {
            lines.push("CapabilityBoundingSet=".to_owned());
        }
        lines
    }

    /// Devices, sysfs and most of the machine stay open.
    fn of_any_program(&self) -> Result<Vec<String>, Unspeakable> {
        let mut lines: Vec<String> =
            ["# There are programs in the file that are not Betti's (or it runs as root): they may need devices, and"]
                .into_iter()
                .chain(["# memory that they write and then execute.", "ProtectSystem=full"])
                .chain(["# It names whom the kernel ended for want of memory.", "ProtectKernelLogs=no"])
                .chain(["# What apps write is no business of other users.", "UMask=0027"])
                .map(str::to_owned)
                .collect();
        if !self.is_root {
            lines.push(format!("SystemCallFilter=~{NOBODY_CALLS}"));
        }
        let folder = &self.manifest.folder;
        if READ_ONLY.iter().any(|read_only| folder.starts_with(read_only)) {
            lines.push("# Its data and logs are beside its file.".to_owned());
            lines.push(format!("ReadWritePaths={}", word(folder)?));
        }
        Ok(lines)
    }

    /// The keeper starts programs, reads of its own processes, and moves them between control groups; workers need files, sockets and
    /// threads. None of them needs a device.
    fn of_own_programs(&self) -> Result<Vec<String>, Unspeakable> {
        let written = self.written();
        let is_at_home = written.iter().map(PathBuf::as_path).chain([self.program]).any(is_in_a_home);
        let lines = [
            "# Only Betti's own programs are in the file, so this is all that they need. With a program of another kind in it, or with",
            "# data, logs or copies elsewhere, `betti-ctl startup` writes a unit with room for it.",
            "ProtectSystem=strict",
        ];
        let mut lines: Vec<String> = lines.map(str::to_owned).to_vec();
        for folder in &written {
            // Others than the home may be missing.
            let optional = if *folder == self.manifest.folder { "" } else { "-" };
            lines.push(format!("ReadWritePaths={optional}{}", word(folder)?));
        }
        lines.push(if is_at_home { "ProtectHome=read-only" } else { "ProtectHome=yes" }.to_owned());
        let rest = [
            "# What is mounted later, a stick, is seen here too; what is mounted here is nobody else's.",
            "PrivateMounts=yes",
            "PrivateDevices=yes",
            "ProtectKernelLogs=yes",
            "ProtectKernelTunables=yes",
            "ProtectProc=invisible",
            "RestrictNamespaces=yes",
            "RestrictRealtime=yes",
            "MemoryDenyWriteExecute=yes",
            "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
            "SystemCallFilter=@system-service",
            "SystemCallFilter=~@privileged",
            "# By Landlock each worker gives up what it does not need. Whether the clock is right is asked, and ProtectClock= would forbid that.",
        ];
        lines.extend(rest.map(str::to_owned));
        lines.push(format!("SystemCallFilter={LANDLOCK} {ASKING_THE_CLOCK}"));
        lines.push("UMask=0077".to_owned());
        Ok(lines)
    }

    /// Every folder in which something is written, besides the runtime directory and `/tmp`.
    fn written(&self) -> BTreeSet<PathBuf> {
        let Manifest { folder, apps, .. } = self.manifest;
        let named = apps.iter().flat_map(|app| FOLDERS.iter().filter_map(|name| app.env.get(*name)));
        let logs = apps.iter().flat_map(|app| [&app.out_file, &app.error_file]);
        let logs = logs.filter(|file| !file.starts_with("/dev")).filter_map(|file| file.parent());
        let mut all: BTreeSet<PathBuf> =
            named.map(|named| folder.join(named)).chain(logs.map(Path::to_owned)).collect();
        all.extend(REMOVABLE.map(PathBuf::from));
        all.retain(|written| !written.starts_with(folder));
        all.insert(folder.clone());
        all
    }

    fn listens_low(&self) -> bool {
        let ports = |app: &App| app.listen.iter().filter_map(manifest::Address::port).chain(app.port).collect();
        let mut ports = self.manifest.apps.iter().flat_map(|app| -> Vec<u16> { ports(app) });
        ports.any(|port| (1..FIRST_FREE_PORT).contains(&port))
    }
}

fn is_own(app: &App) -> bool {
    OWN_PROGRAMS.contains(&app.script.as_str())
        && app.interpreter.as_deref().is_none_or(|interpreter| interpreter == "none")
}

fn is_in_a_home(path: &Path) -> bool {
    HOMES.iter().any(|home| path.starts_with(home))
}
