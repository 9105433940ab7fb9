//! `start` when no supervisor runs.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use protocol::control::Word;

use crate::fake::{Fake, Seen, play};
use crate::home::{Call, Home, PATIENCE, finish, text_of, wait_for};

/// A supervisor that says what it was started with and then stays, in the test's place.
const STAYS: &str = r#"
echo "here I am"
printf '%s\n' "$@" > arguments
ls -l /proc/$$/fd | cat > descriptors
cut -d' ' -f6 /proc/$$/stat > session
echo $$ > pid
exec sleep 600
"#;

/// Ends the supervisor that stays.
struct Stays(String);

impl Drop for Stays {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-9", &self.0]).status();
    }
}

fn ready(name: &'static str) -> Seen {
    Seen { newest: Some(1), finished: None, ..Seen::new(name, Word::Online) }
}

fn launching(name: &'static str) -> Seen {
    Seen { newest: Some(1), finished: None, ..Seen::new(name, Word::Launching) }
}

/// Starts, with the test playing the supervisor as soon as its program runs.
fn start(home: &Home, arguments: &[&str], states: Vec<Vec<Seen>>) -> (Call, Fake, Stays) {
    home.install_supervisor(STAYS);
    let ctl = home.ctl(arguments).spawn().expect("betti-ctl runs");
    let stays = Stays(text_of(&home.folder().join("pid")).trim().to_owned());
    let fake = Fake::listen(&home.socket(), play(&["api", "betti-frontend"], states));
    (finish(ctl), fake, stays)
}

#[test]
fn the_supervisor_is_brought_up_on_its_own_feet() {
    let home = Home::new();
    let states = vec![vec![launching("api"), launching("betti-frontend")], vec![ready("api"), ready("betti-frontend")]];
    // `call` reads its output to the end, which comes only if the supervisor keeps none of it.
    let (call, fake, stays) = start(&home, &["start"], states);
    assert_eq!(call.code, Some(0), "{call:?}");
    assert!(call.out.contains("[Betti] [api](0) ✓ online"), "{}", call.out);
    assert!(call.out.ends_with("[Betti] Open http://127.0.0.1:5173\n"), "{}", call.out);
    assert!(fake.acts().is_empty(), "a new supervisor starts what it is to start by itself");
    let config = home.config().canonicalize().expect("a file");
    assert_eq!(text_of(&home.folder().join("arguments")), format!("--config\n{}\n", config.display()));
    assert_eq!(text_of(&home.folder().join("session")).trim(), stays.0, "a session of its own");
    let log = home.folder().join("logs/betti-supervisor.log");
    assert_eq!(text_of(&log), "here I am\n");
    let descriptors = text_of(&home.folder().join("descriptors"));
    let target = |number: &str| {
        let line = descriptors.lines().find(|line| line.contains(&format!(" {number} -> ")));
        line.map(|line| line.rsplit(" -> ").next().expect("a target").to_owned())
    };
    let log = log.canonicalize().expect("a file").display().to_string();
    assert_eq!([target("0"), target("1"), target("2")], [Some("/dev/null".into()), Some(log.clone()), Some(log)]);
}

#[test]
fn what_the_callers_shell_left_open_is_not_passed_on() {
    let home = Home::new();
    home.install_supervisor(STAYS);
    let (reader, writer) = UnixStream::pair().expect("a pair");
    reader.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    let mut ctl = Command::new("sh");
    ctl.arg("-c").arg("exec 7<&0; exec \"$0\" start").arg(home.ctl(&[]).get_program());
    ctl.current_dir(home.folder()).env("BETTI_RUNTIME_DIR", home.runtime_dir());
    ctl.stdin(std::os::fd::OwnedFd::from(writer))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let child = ctl.spawn().expect("a shell runs");
    drop(ctl);
    let _stays = Stays(text_of(&home.folder().join("pid")).trim().to_owned());
    let _fake = Fake::listen(&home.socket(), play(&["api"], vec![vec![ready("api"), ready("betti-frontend")]]));
    let call = finish(child);
    assert_eq!(call.code, Some(0), "{call:?}");
    let mut nothing = [0];
    let length = std::io::Read::read(&mut &reader, &mut nothing).expect("an end of file in time");
    assert_eq!(length, 0, "everybody who held the other end has let go");
}

#[test]
fn a_profile_and_some_apps_are_passed_on() {
    let home = Home::new();
    home.write_file(
        "[[apps]]\nname = \"api\"\nscript = \"a\"\nprofiles = [\"lab\"]\n[[apps]]\nname = \"web\"\nscript = \"w\"\n",
    );
    let stopped = Seen { wanted: false, newest: None, finished: None, ..Seen::new("web", Word::Stopped) };
    let (call, _fake, _stays) = start(&home, &["start", "0", "--profile", "lab"], vec![vec![ready("api"), stopped]]);
    assert_eq!(call.code, Some(0), "{call:?}");
    let arguments = text_of(&home.folder().join("arguments"));
    assert!(arguments.ends_with("--profile\nlab\n--only\napi\n"), "{arguments}");
    assert!(!call.out.contains("Open http"));
}

#[test]
fn a_first_run_that_fails_is_reported() {
    let home = Home::new();
    let failed = Seen { finished: Some(1), reason: Some("exited with code 7"), ..launching("api") };
    let (call, _fake, _stays) = start(&home, &["start"], vec![vec![failed, launching("betti-frontend")]]);
    assert_eq!(call.code, Some(1));
    assert_eq!(call.error, "[Betti][ERROR] [api](0) exited with code 7\n");
}

#[test]
fn a_supervisor_that_ends_at_once_is_quoted() {
    let home = Home::new();
    std::fs::create_dir(home.folder().join("logs")).expect("a folder");
    std::fs::write(home.folder().join("logs/betti-supervisor.log"), "yesterday's news\n").expect("a file");
    home.install_supervisor("echo 'the address 127.0.0.1:3001 is in use' >&2; exit 4");
    let call = home.call(&["start"]);
    assert_eq!(call.code, Some(1));
    let expected = "the supervisor ended at once (exit status: 4):\nthe address 127.0.0.1:3001 is in use\n";
    assert!(call.error.ends_with(expected), "{}", call.error);
}

#[test]
fn a_bad_file_starts_nothing_and_is_shown() {
    let home = Home::new();
    home.install_supervisor("echo started > started");
    home.write_file("[[apps]]\nname = \"api\"\nscript = \"a\"\nwait_redy = true\ndepends_on = \"web\"\n");
    let call = home.call(&["start"]);
    assert_eq!((call.code, call.out.as_str()), (Some(2), ""));
    for expected in ["ecosystem.toml:4:1", "did you mean `wait_ready`?", "ecosystem.toml:5:14", "2 mistakes in"] {
        assert!(call.error.contains(expected), "{expected}: {}", call.error);
    }
    let call = home.call(&["start", "--profile", "nosuch"]);
    assert_eq!(call.code, Some(2));
    std::fs::remove_file(home.config()).expect("ours");
    // A folder above may have one, as this test runs inside a working copy; so one is named that is not there.
    let call = home.call(&["start", "--config", "ecosystem.toml"]);
    assert_eq!(call.code, Some(2));
    assert!(!home.folder().join("started").exists());
}

#[test]
fn an_unknown_app_starts_nothing() {
    let home = Home::new();
    home.install_supervisor("echo started > started");
    let call = home.call(&["start", "nosuch"]);
    assert_eq!(call.code, Some(1));
    assert!(call.error.contains("`nosuch`: the apps are api, betti-frontend"), "{}", call.error);
    assert!(!home.folder().join("started").exists());
}

#[test]
fn a_runtime_directory_that_others_can_enter_is_refused() {
    let home = Home::new();
    home.install_supervisor("echo started > started");
    std::fs::set_permissions(home.runtime_dir(), std::fs::Permissions::from_mode(0o755)).expect("ours");
    for verb in ["start", "status"] {
        let call = home.call(&[verb]);
        assert_eq!(call.code, Some(1));
        assert!(call.error.contains("can be entered by others (mode 755): chmod 700 "), "{}", call.error);
    }
    assert!(!home.folder().join("started").exists());
}

#[test]
fn a_runtime_directory_is_made_for_us_alone() {
    let home = Home::new();
    std::fs::remove_dir(home.runtime_dir()).expect("ours");
    home.install_supervisor("exit 1");
    assert_eq!(home.call(&["start"]).code, Some(1));
    let mode = |path: &Path| std::fs::metadata(path).expect("it was made").permissions().mode() & 0o777;
    assert_eq!(mode(&home.runtime_dir()), 0o700);
}

#[test]
fn a_missing_program_is_named() {
    let call = Home::new().call(&["start"]);
    assert_eq!(call.code, Some(1));
    assert!(call.error.contains("betti-supervisor is neither beside betti-ctl nor in PATH"), "{}", call.error);
}

#[test]
fn in_the_foreground_the_supervisor_takes_over() {
    let home = Home::new();
    home.install_supervisor("echo \"I am $$ with $*\"; exit 5");
    let ctl = home.ctl(&["start", "--foreground"]).spawn().expect("betti-ctl runs");
    let pid = ctl.id();
    let call = finish(ctl);
    let config = home.config().canonicalize().expect("a file");
    let expected = format!("I am {pid} with --config {}\n", config.display());
    assert_eq!((call.code, call.out), (Some(5), expected));
}

#[test]
fn a_running_supervisor_is_not_started_again() {
    let home = Home::new();
    let _fake = Fake::listen(&home.socket(), play(&["api"], vec![vec![Seen::new("api", Word::Online)]]));
    let call = home.call(&["start", "--foreground"]);
    assert_eq!(call.code, Some(1));
    assert!(call.error.contains("is running already"), "{}", call.error);
    assert_eq!(home.call(&["start", "--profile", "default"]).code, Some(0));
}

#[test]
fn a_start_in_the_same_moment_joins_the_other_one() {
    let home = Home::new();
    home.install_supervisor("echo lost > lost; exit 1");
    // The winner has taken the runtime directory, and does not listen yet.
    std::fs::write(home.runtime_dir().join("keeper.lock"), format!("{}\n", std::process::id())).expect("a file");
    let ctl = home.ctl(&["start", "api"]).spawn().expect("betti-ctl runs");
    wait_for("the loser", || home.folder().join("lost").exists().then_some(()));
    let fake = Fake::listen(&home.socket(), play(&["api"], vec![vec![Seen::new("api", Word::Online)]]));
    let call = finish(ctl);
    assert_eq!(call.code, Some(0), "{call:?}");
    assert!(fake.acts().len() <= 1);
}
