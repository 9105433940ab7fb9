//! `startup` and `unstartup`: the unit of systemd.

use std::process::Command;

use crate::home::Home;

/// A home with a supervisor's program and a folder for units.
fn home() -> (Home, String) {
    let home = Home::new();
    home.install_supervisor("exit 0");
    let units = home.folder().join("units");
    std::fs::create_dir(&units).expect("a folder");
    (home, units.display().to_string())
}

#[test]
fn the_unit_is_printed_and_written() {
    let (home, units) = home();
    let call = home.call(&["startup", "--print", "--user", "root"]);
    assert_eq!((call.code, call.error.as_str()), (Some(0), ""));
    for expected in ["Type=notify\n", "Delegate=yes\n", "User=root\n", "Environment=BETTI_RUNTIME_DIR=/run/betti\n"] {
        assert!(call.out.contains(expected), "{expected}: {}", call.out);
    }
    assert!(!call.out.contains("undefined"));
    let written = home.call(&["startup", "--user", "root", "--unit-dir", &units]);
    assert_eq!(written.code, Some(0), "{written:?}");
    let unit = home.folder().join("units/betti.service");
    assert_eq!(std::fs::read_to_string(&unit).expect("a unit"), call.out);
    for expected in ["systemctl daemon-reload", "systemctl enable --now betti.service"] {
        assert!(written.out.contains(expected), "{}", written.out);
    }
    assert_eq!(home.call(&["startup", "--user", "root", "--unit-dir", &units]).code, Some(0), "ours is replaced");
    let call = home.call(&["unstartup", "--unit-dir", &units]);
    assert_eq!(call.code, Some(0), "{call:?}");
    assert!(!unit.exists());
    assert_eq!(home.call(&["unstartup", "--unit-dir", &units]).code, Some(1), "there is none");
}

#[test]
fn somebody_elses_unit_stays() {
    let (home, units) = home();
    let unit = home.folder().join("units/betti.service");
    std::fs::write(&unit, "[Unit]\n").expect("a file");
    for arguments in [&["startup", "--user", "root", "--unit-dir", &units][..], &["unstartup", "--unit-dir", &units]] {
        let call = home.call(arguments);
        assert_eq!(call.code, Some(1), "{call:?}");
        assert!(call.error.contains("was not written by betti-ctl startup"), "{}", call.error);
    }
    assert_eq!(std::fs::read_to_string(&unit).expect("a file"), "[Unit]\n");
    assert_eq!(home.call(&["startup", "--user", "root", "--unit-dir", &units, "--service-name", "b2"]).code, Some(0));
    assert!(home.folder().join("units/b2.service").exists());
}

#[test]
fn a_user_that_is_not_named_or_not_there_is_refused() {
    let (home, units) = home();
    for (user, code, words) in [
        (None, 2, "--user NAME"),
        (Some(""), 2, "--user NAME"),
        (Some("nosuchuser"), 1, "there is no user \"nosuchuser\""),
    ] {
        let mut arguments = vec!["startup", "--unit-dir", &units];
        arguments.extend(user.into_iter().flat_map(|user| ["--user", user]));
        let mut ctl = home.ctl(&arguments);
        ctl.env_remove("USER").env_remove("SUDO_USER");
        let call = crate::home::finish(ctl.spawn().expect("betti-ctl runs"));
        assert_eq!((call.code, call.out.as_str()), (Some(code), ""), "{user:?}");
        assert!(call.error.contains(words), "{}", call.error);
    }
    assert_eq!(std::fs::read_dir(&units).expect("a folder").count(), 0);
}

/// The file of the repository, which is what most homes run.
const PLATFORM: &str = include_str!("../../../../ecosystem.toml");
/// A mixed one: below port 1024, and a slow app of somebody's.
const MIXED: &str = "[[apps]]\nname = \"api\"\nscript = \"a\"\nlisten = \"0.0.0.0:443\"\nkill_timeout = \"30s\"\n[[apps]]\nname = \"b\"\nscript = \"b\"\n";

/// Each for somebody.
const UNITS: [(&str, &str); 3] = [(PLATFORM, "daemon"), (MIXED, "daemon"), (MIXED, "root")];

/// A unit as it is written for a user, and its folder.
fn unit_of(file: &str, user: &str) -> (Home, String) {
    let (home, units) = home();
    home.write_file(file);
    let call = home.call(&["startup", "--user", user, "--unit-dir", &units]);
    assert_eq!(call.code, Some(0), "{call:?}");
    (home, format!("{units}/betti.service"))
}

#[test]
fn systemd_finds_nothing_to_complain_of() {
    for (file, user) in UNITS {
        let (_home, unit) = unit_of(file, user);
        let verified = Command::new("systemd-analyze").args(["verify", "--man=no", &unit]).output();
        let Ok(verified) = verified else {
            assert!(std::env::var_os("CI").is_none(), "systemd-analyze is not there: Debian's package systemd has it");
            eprintln!(
                "NOT TRIED: systemd-analyze is not there. Debian's package systemd has it, and tests/needs.sh test installs it"
            );
            return;
        };
        let said = [verified.stdout, verified.stderr].concat();
        assert_eq!((verified.status.success(), &*String::from_utf8_lossy(&said)), (true, ""), "{unit}");
    }
}
