//! On a terminal: colour, and as many columns as fit.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use nix::pty::{Winsize, openpty};
use protocol::control::Word;

use crate::fake::{self, Answer, Fake, Seen, play};
use crate::home::{Home, finish};

/// What betti-ctl prints on a terminal of this width.
pub fn on_terminal(mut ctl: Command, width: u16) -> String {
    let size = Winsize { ws_row: 24, ws_col: width, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(Some(&size), None).expect("a terminal");
    let child = ctl.env("TERM", "xterm").stdout(Stdio::from(pty.slave)).stderr(Stdio::null()).spawn().expect("it runs");
    drop(ctl);
    let mut shown = Vec::new();
    // A terminal without a program on it is an error to read from; everything before that was read.
    let _ = File::from(pty.master).read_to_end(&mut shown);
    assert_eq!(finish(child).code, Some(0));
    String::from_utf8(shown).expect("text")
}

#[test]
fn a_terminal_gets_colour_and_the_columns_that_fit() {
    let home = Home::new();
    let _fake = Fake::listen(&home.socket(), |_| Answer::ok(&fake::status(&[Seen::new("api", Word::Online)])));
    let wide = on_terminal(home.ctl(&["status"]), 200);
    assert!(wide.contains("\u{1b}[38;5;10m") || wide.contains("\u{1b}[32m"), "{wide:?}");
    assert!(wide.contains("watching"));
    let narrow = on_terminal(home.ctl(&["status"]), 60);
    assert!(!narrow.contains("watching") && narrow.contains("mode"), "{narrow}");
    let tiny = on_terminal(home.ctl(&["status"]), 30);
    assert!(!tiny.contains("mode") && tiny.contains("status"), "{tiny}");
    let mut ctl = home.ctl(&["status"]);
    ctl.env("NO_COLOR", "1");
    assert!(!on_terminal(ctl, 200).contains('\u{1b}'));
}

#[test]
fn while_something_is_waited_for_one_line_says_what_and_is_wiped_at_the_end() {
    let home = Home::new();
    let waiting =
        Seen { newest: None, finished: None, waits_for: &["api"], ..Seen::new("betti-frontend", Word::Waiting) };
    let (launching, online) = (Seen::new("api", Word::Launching), Seen::new("api", Word::Online));
    let front = Seen::new("betti-frontend", Word::Online);
    let states = vec![vec![launching, waiting], vec![online, waiting], vec![online, front]];
    let _fake = Fake::listen(&home.socket(), play(&["api", "betti-frontend"], states));
    let shown = on_terminal(home.ctl(&["restart"]), 100);
    // Each time the line is written over itself. How long it took is this machine's business.
    for (begins, ends) in [("api: not ready for ", " s of 3 s (and 1 more)"), ("betti-frontend: waiting for api", "")] {
        let mut lines = shown.split("\r\u{1b}[2K");
        let is_there = lines.any(|line| {
            let line = line.trim_start_matches(|character| !char::is_ascii_alphabetic(&character));
            line.starts_with(begins) && line.contains(ends)
        });
        assert!(is_there, "{begins}: {shown:?}");
    }
    let (before, after) = shown.rsplit_once("\r\u{1b}[2K").expect("it is wiped");
    assert!(before.ends_with("waiting for api") && after.contains("✓ online"), "{shown:?}");
    assert!(!shown.contains("] launching"), "what is on its way has no line of its own: {shown:?}");
    let mut ctl = home.ctl(&["restart", "--json"]);
    ctl.env("NO_COLOR", "1");
    assert!(!on_terminal(ctl, 100).contains('\u{1b}'), "a program reads it");
}

#[test]
fn a_line_is_never_wider_than_the_terminal() {
    let home = Home::new();
    let states = vec![vec![Seen::new("api", Word::Launching)], vec![Seen::new("api", Word::Online)]];
    let _fake = Fake::listen(&home.socket(), play(&["api"], states));
    let shown = on_terminal(home.ctl(&["restart"]), 16);
    assert!(shown.contains("\r\u{1b}[2K⠋ api: not read\r"), "{shown:?}");
}

#[test]
fn a_reader_that_went_away_is_no_reason_to_panic() {
    let home = Home::new();
    let _fake = Fake::listen(&home.socket(), |_| Answer::ok(&fake::status(&[Seen::new("api", Word::Online)])));
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    for verb in ["status", "--help"] {
        let mut ctl = home.ctl(&[verb]);
        ctl.stdout(writer.try_clone().expect("a descriptor"));
        let call = finish(ctl.spawn().expect("betti-ctl runs"));
        assert_eq!((call.code, call.error.as_str()), (Some(0), ""), "{verb}");
    }
}

#[test]
fn the_user_of_a_service_is_asked_for_where_somebody_can_answer() {
    let home = Home::new();
    home.install_supervisor("exit 0");
    for (answer, user) in [("root\n", Some("User=root\n")), ("nosuchuser\n", None), ("\n", Some("User=daemon\n"))] {
        let pty = openpty(None, None).expect("a terminal");
        let mut ctl = home.ctl(&["startup", "--print"]);
        ctl.stdin(Stdio::from(pty.slave)).env("SUDO_USER", "daemon");
        let child = ctl.spawn().expect("it runs");
        drop(ctl);
        let mut keyboard = File::from(pty.master);
        keyboard.write_all(answer.as_bytes()).expect("somebody types");
        let call = finish(child);
        assert!(call.error.starts_with("Which user is everything to run as? [daemon] "), "{call:?}");
        assert_eq!(call.code, Some(i32::from(user.is_none())), "{call:?}");
        assert!(user.is_none_or(|user| call.out.contains(user)), "{call:?}");
    }
}
