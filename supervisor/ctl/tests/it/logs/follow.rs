//! `logs -f`: what is added, whatever becomes of the files and of the supervisor.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use protocol::control::{LogSource, Word};

use super::written::{Log, compress};
use super::{append, home_with_logs};
use crate::fake::{Answer, Asked, Fake, Seen, source, watch};
use crate::home::{Home, PATIENCE, finish, wait_for};

/// The lines that a betti-ctl prints, as they come.
fn lines(child: &mut Child) -> Receiver<String> {
    let (sender, lines) = channel();
    let out = BufReader::new(child.stdout.take().expect("piped"));
    std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    lines
}

#[test]
fn following_goes_on_through_rotation_and_loses_nothing() {
    let (home, _fake) = home_with_logs();
    let mut ctl = home.ctl(&["logs", "api", "-f", "-n", "1", "--out"]).spawn().expect("betti-ctl runs");
    let lines = lines(&mut ctl);
    let next = || lines.recv_timeout(PATIENCE).expect("a line");
    assert_eq!(next(), "0|api  | line 20");
    let log = home.folder().join("api-out.log");
    append(&log, "half of a ");
    append(&log, "line\n");
    assert_eq!(next(), "0|api  | half of a line");
    append(&log, "before\n");
    std::fs::rename(&log, home.folder().join("api-out.log.1")).expect("ours");
    append(&home.folder().join("api-out.log.1"), "late\n");
    append(&log, "after\n");
    assert_eq!([next(), next(), next()], ["0|api  | before", "0|api  | late", "0|api  | after"]);
    std::fs::write(&log, "").expect("ours");
    ctl.kill().expect("ours");
    assert_eq!(finish(ctl).code, None);
}

#[test]
fn following_ends_when_nobody_reads() {
    let (home, _fake) = home_with_logs();
    let mut ctl = home.ctl(&["logs", "-f"]).spawn().expect("betti-ctl runs");
    drop(ctl.stdout.take());
    let log = home.folder().join("api-out.log");
    let deadline = std::time::Instant::now() + PATIENCE;
    while ctl.try_wait().expect("ours").is_none() {
        assert!(std::time::Instant::now() < deadline, "it still follows");
        append(&log, "is anybody there?\n");
        std::thread::yield_now();
    }
    let call = finish(ctl);
    assert_eq!((call.code, call.error.as_str()), (Some(0), ""));
}

/// A betti-ctl that follows.
struct Follower {
    ctl: Child,
    lines: Receiver<String>,
}

impl Follower {
    fn of(mut command: Command) -> Self {
        let mut ctl = command.spawn().expect("betti-ctl runs");
        let lines = lines(&mut ctl);
        Self { ctl, lines }
    }

    #[track_caller]
    fn next(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line")
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.ctl.id()).expect("a pid"));
        kill(pid, signal).expect("ours");
    }

    /// Nothing of it looks at anything until it may go on.
    fn pause(&self) {
        self.signal(Signal::SIGSTOP);
        let is_stopped =
            |task: PathBuf| std::fs::read_to_string(task.join("stat")).is_ok_and(|stat| stat.contains(") T "));
        wait_for("the stop", || {
            let mut tasks = std::fs::read_dir(format!("/proc/{}/task", self.ctl.id())).expect("ours");
            tasks.all(|task| is_stopped(task.expect("ours").path())).then_some(())
        });
    }

    /// Ends it; nothing more was shown.
    fn end(self) {
        assert_eq!(self.end_with_words(), "");
    }

    /// The same; what it said besides.
    fn end_with_words(mut self) -> String {
        self.ctl.kill().expect("ours");
        let error = finish(self.ctl).error;
        assert_eq!(self.lines.iter().collect::<Vec<_>>(), Vec::<String>::new());
        error
    }
}

#[test]
fn what_is_put_aside_more_than_once_and_compressed_between_two_looks_is_shown_whole() {
    let (home, _fake) = home_with_logs();
    let follower = Follower::of(home.ctl(&["logs", "frontend", "-f"]));
    assert_eq!(follower.next(), "1|frontend  | hello");
    let mut log = Log::of(1, &home.folder().join("frontend-out.log"));
    log.say(1, "one\n");
    assert_eq!(follower.next(), "1|frontend  | one");
    follower.pause();
    log.say(2, "two\n");
    log.put_aside();
    log.say(3, "three\n");
    log.put_aside();
    compress(&log.path, 2);
    log.say(4, "four\n");
    log.put_aside();
    compress(&log.path, 2);
    log.say(5, "five\n");
    follower.signal(Signal::SIGCONT);
    for expected in ["two", "three", "four", "five"] {
        assert_eq!(follower.next(), format!("1|frontend  | {expected}"));
    }
    follower.end();
}

#[test]
fn a_log_that_somebody_else_renames_or_removes_goes_on_in_the_one_that_is_made_anew() {
    let (home, _fake) = home_with_logs();
    let follower = Follower::of(home.ctl(&["logs", "frontend", "-f"]));
    assert_eq!(follower.next(), "1|frontend  | hello");
    let path = home.folder().join("frontend-out.log");
    let mut log = Log::of(1, &path);
    log.say(1, "one\n");
    assert_eq!(follower.next(), "1|frontend  | one");
    log.put_aside();
    log.say(2, "two\n");
    assert_eq!(follower.next(), "1|frontend  | two");
    for is_removed in [false, true, false] {
        follower.pause();
        let elsewhere = home.folder().join("frontend-out.log-20261125");
        std::fs::rename(&path, &elsewhere).expect("ours");
        append(&elsewhere, "late\n");
        if is_removed {
            std::fs::remove_file(&elsewhere).expect("ours");
        }
        // The index stays where it is, and begins anew with the log.
        std::fs::write(home.folder().join("frontend-out.log.index"), "").expect("ours");
        log.say(3, "anew\n");
        follower.signal(Signal::SIGCONT);
        assert_eq!([follower.next(), follower.next()], ["1|frontend  | late", "1|frontend  | anew"]);
        log.say(4, "and more\n");
        assert_eq!(follower.next(), "1|frontend  | and more");
    }
    follower.end();
}

#[test]
fn what_is_removed_before_it_could_be_shown_is_said() {
    let (home, _fake) = home_with_logs();
    let follower = Follower::of(home.ctl(&["logs", "frontend", "-f"]));
    assert_eq!(follower.next(), "1|frontend  | hello");
    let mut log = Log::of(1, &home.folder().join("frontend-out.log"));
    log.say(1, "one\n");
    assert_eq!(follower.next(), "1|frontend  | one");
    follower.pause();
    for second in 2..=5 {
        log.put_aside();
        log.remove(3);
        log.say(second, &format!("{second}\n"));
    }
    follower.signal(Signal::SIGCONT);
    for second in 3..=5 {
        assert_eq!(follower.next(), format!("1|frontend  | {second}"));
    }
    let words = follower.end_with_words();
    assert!(words.contains("frontend-out.log: it was put aside and removed faster than it could be shown"), "{words}");
}

#[test]
fn what_several_wrote_between_two_looks_is_in_the_order_of_time_and_only_what_is_asked_for() {
    let (home, _fake) = home_with_logs();
    let follower = Follower::of(home.ctl(&["logs", "-f", "-n", "1", "--grep", "now|line 20"]));
    assert_eq!(follower.next(), "0|api       | line 20");
    let mut api = Log::of(0, &home.folder().join("api-out.log"));
    let mut web = Log::of(1, &home.folder().join("frontend-out.log"));
    for (round, number) in [(0, 10), (1, 20)] {
        follower.pause();
        web.say(number + 1, "now second\nnot this\n");
        web.say(number + 3, "now fourth\n");
        api.say(number, "now first\nnor this\n");
        api.say(number + 2, "now third\n");
        follower.signal(Signal::SIGCONT);
        for expected in [
            "0|api       | now first",
            "1|frontend  | now second",
            "0|api       | now third",
            "1|frontend  | now fourth",
        ] {
            assert_eq!(follower.next(), expected, "round {round}");
        }
    }
    follower.end();
}

#[test]
fn a_log_that_is_copied_and_emptied_goes_on_from_its_beginning() {
    let (home, _fake) = home_with_logs();
    let follower = Follower::of(home.ctl(&["logs", "1", "-f"]));
    assert_eq!(follower.next(), "1|frontend  | hello");
    let log = home.folder().join("frontend-out.log");
    for round in 0..3 {
        std::fs::copy(&log, home.folder().join("elsewhere.log")).expect("ours");
        std::fs::write(&log, "").expect("ours");
        append(&log, &format!("{round}\n"));
        assert_eq!(follower.next(), format!("1|frontend  | {round}"));
    }
    std::fs::remove_file(&log).expect("ours");
    append(&log, "made anew\n");
    assert_eq!(follower.next(), "1|frontend  | made anew");
    follower.end();
}

#[test]
fn a_log_that_comes_later_is_shown_and_its_folder_may_come_later_too() {
    let home = Home::new();
    let folder = home.folder().join("not/there/yet");
    let sources = [source(0, "api", &folder)];
    let _fake = Fake::listen(&home.socket(), move |_| Answer::ok(&sources));
    let follower = Follower::of(home.ctl(&["logs", "-f"]));
    std::fs::create_dir_all(&folder).expect("ours");
    append(&folder.join("api-error.log"), "oh\n");
    assert_eq!(follower.next(), "0|api  | oh");
    append(&folder.join("api-out.log"), "now\n");
    assert_eq!(follower.next(), "0|api  | now");
    follower.end();
}

#[test]
fn a_folder_that_is_removed_and_made_anew_is_watched_again() {
    let home = Home::new();
    let folder = home.folder().join("logs");
    let sources = [source(0, "api", &folder)];
    let _fake = Fake::listen(&home.socket(), move |_| Answer::ok(&sources));
    std::fs::create_dir(&folder).expect("ours");
    append(&folder.join("api-out.log"), "before\n");
    let follower = Follower::of(home.ctl(&["logs", "-f"]));
    assert_eq!(follower.next(), "0|api  | before");
    for round in 0..10 {
        std::fs::remove_dir_all(&folder).expect("ours");
        std::fs::create_dir(&folder).expect("ours");
        append(&folder.join("api-out.log"), &format!("{round}\n"));
        assert_eq!(follower.next(), format!("0|api  | {round}"));
        append(&folder.join("api-out.log"), "and more\n");
        assert_eq!(follower.next(), "0|api  | and more");
    }
    follower.end();
}

#[test]
fn following_ends_when_its_reader_goes_though_nothing_is_written_any_more() {
    let (home, _fake) = home_with_logs();
    let mut ctl = home.ctl(&["logs", "api", "-f", "-n", "1", "--out"]).spawn().expect("betti-ctl runs");
    let mut line = String::new();
    BufReader::new(ctl.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    assert_eq!(line, "0|api  | line 20\n");
    let call = finish(ctl);
    assert_eq!((call.code, call.error.as_str()), (Some(0), ""));
}

#[test]
fn ctrl_c_ends_it_without_a_word() {
    let (home, _fake) = home_with_logs();
    let follower = Follower::of(home.ctl(&["logs", "1", "-f"]));
    follower.next();
    follower.signal(Signal::SIGINT);
    let call = finish(follower.ctl);
    assert_eq!((call.code, call.error.as_str()), (None, ""), "ended by the signal, which shells show as 130");
}

/// Answers with whatever apps there are now.
fn apps(apps: Arc<Mutex<Vec<&'static str>>>, folder: PathBuf) -> impl FnMut(&Asked) -> Answer + Send + 'static {
    move |asked| {
        let apps = apps.lock().expect("no test panicked in here").clone();
        if asked.line == "GET /v1/logs" {
            let sources: Vec<LogSource> = (0..).zip(&apps).map(|(id, name)| source(id, name, &folder)).collect();
            return Answer::ok(&sources);
        }
        let seen: Vec<Seen> = apps.iter().map(|name| Seen::new(name, Word::Online)).collect();
        Answer::ok(&watch(apps.len() as u64, &seen))
    }
}

/// Decades before, in seconds: whatever this machine's clock says.
const LONG_AGO: i64 = -1_000_000_000;

#[test]
fn apps_that_come_are_taken_on_if_they_are_meant() {
    let home = Home::new();
    let there = Arc::new(Mutex::new(vec!["api"]));
    let _fake = Fake::listen(&home.socket(), apps(Arc::clone(&there), home.folder()));
    Log::of(1, &home.folder().join("web-out.log")).say(LONG_AGO, "long ago\n");
    append(&home.folder().join("api-out.log"), "there\n");
    let all = Follower::of(home.ctl(&["logs", "-f"]));
    let one = Follower::of(home.ctl(&["logs", "api", "-f"]));
    assert_eq!([all.next(), one.next()], ["0|api  | there", "0|api  | there"]);
    there.lock().expect("ours").extend(["web", "other"]);
    append(&home.folder().join("other-out.log"), "I am new\n");
    assert_eq!(all.next(), "2|other  | I am new");
    append(&home.folder().join("web-out.log"), "here\n");
    assert_eq!(all.next(), "1|web    | here", "what it wrote long ago is not shown");
    append(&home.folder().join("api-out.log"), "still\n");
    assert_eq!(all.next(), "0|api    | still");
    assert_eq!(one.next(), "0|api  | still");
    all.end();
    one.end();
}

#[test]
fn the_supervisors_death_ends_nothing_and_its_successor_is_asked() {
    let home = Home::new();
    let there = Arc::new(Mutex::new(vec!["api"]));
    let is_over = Arc::new(Mutex::new(false));
    let mut answers = apps(Arc::clone(&there), home.folder());
    let over = Arc::clone(&is_over);
    let _fake = Fake::listen(
        &home.socket(),
        move |asked| {
            if *over.lock().expect("ours") { Answer::Leave } else { answers(asked) }
        },
    );
    let log = home.folder().join("api-out.log");
    append(&log, "before\n");
    let follower = Follower::of(home.ctl(&["logs", "-f"]));
    assert_eq!(follower.next(), "0|api  | before");
    *is_over.lock().expect("ours") = true;
    wait_for("its end", || (!home.socket().exists()).then_some(()));
    append(&log, "meanwhile\n");
    assert_eq!(follower.next(), "0|api  | meanwhile");
    there.lock().expect("ours").push("web");
    let _fake = Fake::listen(&home.socket(), apps(there, home.folder()));
    append(&home.folder().join("web-out.log"), "after\n");
    assert_eq!(follower.next(), "1|web  | after");
    follower.end();
}
