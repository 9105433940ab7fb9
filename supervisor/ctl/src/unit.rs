//! The systemd unit of a hub. Pure: what it is about in, text out. [`hardening`]: what it takes away from the hub.

mod hardening;

use std::path::{Path, PathBuf};
use std::time::Duration;

use manifest::Manifest;

/// In every unit of ours, so that none of somebody else's is removed.
pub const MARK: &str = "# Written by betti-ctl startup; betti-ctl unstartup removes it.";
/// The keeper is silent for at most half as long.
const WATCHDOG_SECONDS: u64 = 30;
/// How much longer than the apps the keeper may take to stop.
const STOP_MARGIN: Duration = Duration::from_secs(10);
/// What stopping takes at least.
const SHORTEST_STOP: Duration = Duration::from_secs(5);
/// As the keeper protects itself where it may; an ordinary user may not, but systemd does it for one.
const KEEPER_OOM_SCORE: i32 = -900;
/// What the unit is about.
pub struct Unit<'a> {
    /// What the service is called, and its runtime directory below `/run`.
    pub service: &'a str,
    /// `betti-supervisor`, an absolute path.
    pub program: &'a Path,
    /// What runs, its paths absolute.
    pub manifest: &'a Manifest,
    /// The user that everything runs as.
    pub user: &'a str,
    /// Whether that user is root, or root by another name.
    pub is_root: bool,
}

/// A path that cannot stand in a unit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} cannot be named in a systemd unit: its name holds a character that is not to be seen", .0.display())]
pub struct Unspeakable(pub PathBuf);

impl Unit<'_> {
    /// The runtime directory, in which `betti-ctl` finds the hub.
    pub fn runtime_dir(&self) -> PathBuf {
        Path::new("/run").join(self.service)
    }

    /// The unit's text.
    ///
    /// # Errors
    /// If a path cannot stand in it.
    pub fn text(&self) -> Result<String, Unspeakable> {
        let Manifest { path, folder, .. } = self.manifest;
        let mut lines = vec![
            MARK.to_owned(),
            "[Unit]".to_owned(),
            format!("Description=Betti, the apps of {}", specifier(path)?),
            format!("RequiresMountsFor={}", word(folder)?),
            "After=network.target dbus.service bluetooth.service".to_owned(),
            "# However often it fails, it is tried again: nobody may be there to help.".to_owned(),
            "StartLimitIntervalSec=0".to_owned(),
            String::new(),
            "[Service]".to_owned(),
            "Type=notify".to_owned(),
            "NotifyAccess=main".to_owned(),
            format!("WatchdogSec={WATCHDOG_SECONDS}"),
            format!("ExecStart={} --config {}", word(self.program)?, word(path)?),
            format!("WorkingDirectory={}", specifier(folder)?),
            format!("User={}", self.user),
            format!("RuntimeDirectory={}", self.service),
            "RuntimeDirectoryMode=0700".to_owned(),
            "RuntimeDirectoryPreserve=restart".to_owned(),
            format!("Environment=BETTI_RUNTIME_DIR={}", self.runtime_dir().display()),
            "Restart=on-failure".to_owned(),
            "RestartSec=2".to_owned(),
            "# SIGTERM goes to the keeper alone, which stops every app in its order; what is left then is killed."
                .to_owned(),
            "KillMode=mixed".to_owned(),
            "# The longest kill_timeout in the file, and some more.".to_owned(),
            format!("TimeoutStopSec={}", self.stop().as_secs()),
            "# Each app has a group of its own below, and one that uses up the memory takes nobody along.".to_owned(),
            "Delegate=yes".to_owned(),
            "OOMPolicy=continue".to_owned(),
            "# The keeper is ended last; each app has its own number, by its priority.".to_owned(),
            format!("OOMScoreAdjust={KEEPER_OOM_SCORE}"),
            String::new(),
        ];
        lines.extend(self.hardening()?);
        lines.extend(["", "[Install]", "WantedBy=multi-user.target", ""].map(str::to_owned));
        Ok(lines.join("\n"))
    }

    fn stop(&self) -> Duration {
        let longest = self.manifest.apps.iter().map(|app| app.policy.kill_timeout).max().unwrap_or_default();
        // A part of a second is rounded up.
        Duration::from_secs(longest.max(SHORTEST_STOP).as_secs_f64().ceil() as u64) + STOP_MARGIN
    }
}

/// Text in which only `%` means something.
fn specifier(path: &Path) -> Result<String, Unspeakable> {
    let text = path.to_str().filter(|text| !text.chars().any(char::is_control));
    text.map(|text| text.replace('%', "%%")).ok_or_else(|| Unspeakable(path.to_owned()))
}

/// One word of a command: quoted, and nothing in it is expanded.
fn word(path: &Path) -> Result<String, Unspeakable> {
    let text = specifier(path)?;
    if text.chars().all(|character| character.is_alphanumeric() || "/._-+@%".contains(character)) {
        return Ok(text);
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "$$")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(folder: &str, apps: &str) -> Manifest {
        let path = Path::new(folder).join("ecosystem.toml");
        manifest::parse(&path, apps, None).expect("a good file")
    }

    fn text(manifest: &Manifest, user: &str, is_root: bool) -> String {
        let program = Path::new("/opt/betti/bin/betti-supervisor");
        Unit { service: "betti", program, manifest, user, is_root }.text().expect("plain names")
    }

    const APPS: &str = "
        [[apps]]
        script = \"/bin/slow\"
        kill_timeout = \"20500ms\"
        listen = \"0.0.0.0:443\"
        [[apps]]
        script = \"/bin/quick\"
    ";

    #[test]
    fn the_unit_of_a_service_user() {
        insta::assert_snapshot!(text(&manifest("/srv/betti", APPS), "betti", false));
    }

    #[test]
    fn the_unit_of_root_in_a_folder_that_is_read_only_by_default() {
        let apps = "[[apps]]\nscript = \"/bin/quick\"\n";
        insta::assert_snapshot!(text(&manifest("/usr/local/share/my betti 100%", apps), "root", true));
    }

    #[test]
    fn a_hub_in_a_folder_that_everybody_shares_still_finds_itself() {
        assert!(!text(&manifest("/var/tmp/betti", APPS), "betti", false).contains("PrivateTmp"));
        assert!(text(&manifest("/srv/betti", APPS), "betti", false).contains("\nPrivateTmp=yes\n"));
    }

    const OWN: &str = "
        [[apps]]
        script = \"betti-web\"
        listen = \"0.0.0.0:5173\"
        [[apps]]
        script = \"betti-backup\"
        env = { BETTI_BACKUP_TO = \"/srv/copies\", BETTI_DATA_DIR = \"data\" }
        error_file = \"/var/log/betti/backup.log\"
    ";

    #[test]
    fn the_unit_of_a_hub_that_runs_bettis_own_programs_only() {
        insta::assert_snapshot!(text(&manifest("/srv/betti", OWN), "betti", false));
    }

    /// The file of the repository, which is what most homes run.
    const PLATFORM: &str = include_str!("../../../ecosystem.toml");

    /// What is left of the platform's: it is on the network, speaks to D-Bus, has control groups of its own, sets limits and
    /// priorities of apps, and asks whether the clock is right. Versions of systemd differ by a tenth or two.
    #[test]
    fn the_unit_leaves_a_hub_no_more_than_it_needs() {
        // How exposed it may be at most, from 0 to 10.
        for (file, user, most) in [(PLATFORM, "daemon", 2.2), (APPS, "daemon", 5.5), (APPS, "root", 8.8)] {
            let folder = tempfile::tempdir().unwrap();
            let unit = folder.path().join("betti.service");
            std::fs::write(&unit, text(&manifest("/srv/betti", file), user, user == "root")).unwrap();
            let mut analyse = std::process::Command::new("systemd-analyze");
            let Ok(analysed) = analyse.args(["security", "--offline=yes", "--no-pager"]).arg(&unit).output() else {
                assert!(
                    std::env::var_os("CI").is_none(),
                    "systemd-analyze is not there: Debian's package systemd has it"
                );
                eprintln!("NOT TRIED: systemd-analyze is not there. Debian's package systemd has it");
                return;
            };
            let said = String::from_utf8_lossy(&analysed.stdout);
            let level = said.lines().find_map(|line| line.split_once("exposure level for betti.service: "));
            let level: f32 = level.and_then(|(_, level)| level.split(' ').next()?.parse().ok()).expect("a level");
            assert!(level <= most, "{user}: {level} is more than {most}: {said}");
        }
    }

    #[test]
    fn a_hub_in_somebodys_home_reads_homes_and_writes_its_own_folder() {
        let unit = text(&manifest("/home/pi/betti", OWN), "pi", false);
        assert!(
            unit.contains("\nProtectHome=read-only\n") && unit.contains("\nReadWritePaths=/home/pi/betti\n"),
            "{unit}"
        );
    }

    #[test]
    fn a_program_of_somebody_else_gets_the_devices_and_memory_that_it_may_need() {
        for other in
            ["script = \"server.js\"", "script = \"/opt/betti-web\"", "script = \"betti-web\"\ninterpreter = \"node\""]
        {
            let unit =
                text(&manifest("/srv/betti", &format!("{OWN}\n[[apps]]\nname = \"other\"\n{other}\n")), "betti", false);
            for missing in ["MemoryDenyWriteExecute", "PrivateDevices", "ProtectSystem=strict", "@system-service"] {
                assert!(!unit.contains(missing), "{other}: {unit}");
            }
        }
        let root = text(&manifest("/srv/betti", OWN), "root", true);
        assert!(!root.contains("SystemCallFilter") && !root.contains("strict"), "{root}");
    }

    #[test]
    fn whoever_is_not_root_and_listens_high_has_no_rights_of_roots_at_all() {
        let apps = "[[apps]]\nscript = \"/bin/quick\"\nlisten = \"0.0.0.0:5173\"\n";
        assert!(text(&manifest("/srv/betti", apps), "betti", false).contains("\nCapabilityBoundingSet=\n"));
        assert!(!text(&manifest("/srv/betti", apps), "root", true).contains("CapabilityBoundingSet"));
    }

    #[test]
    fn a_path_is_one_word_and_nothing_in_it_is_expanded() {
        let word = |path: &str| word(Path::new(path));
        assert_eq!(word("/a/b-c.d"), Ok("/a/b-c.d".into()));
        assert_eq!(word("/a b"), Ok("\"/a b\"".into()));
        assert_eq!(word("/$HOME/\"x\"\\"), Ok("\"/$$HOME/\\\"x\\\"\\\\\"".into()));
        assert_eq!(word("/100%"), Ok("/100%%".into()));
        assert_eq!(word("/a\nExecStartPre=/b"), Err(Unspeakable("/a\nExecStartPre=/b".into())));
    }
}
