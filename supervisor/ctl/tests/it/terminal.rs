//! On a terminal: colour, and as many columns as fit.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use nix::pty::{Winsize, openpty};
use protocol::control::Word;

use crate::fake::{self, Answer, Fake, Seen};
use crate::home::{Home, finish};

/// What betti-ctl prints on a terminal of this width.
fn on_terminal(mut ctl: Command, width: u16) -> String {
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
