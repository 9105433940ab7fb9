//! `status`, misuse, and what happens when there is nobody to ask.

use protocol::control::Word;

use crate::fake::{self, Answer, Fake, Seen};
use crate::home::Home;

fn online_and_failing() -> Vec<Seen> {
    let failing =
        Seen { reason: Some("exited with code 1, retry in 200 ms"), ..Seen::new("betti-ble", Word::WaitingRestart) };
    vec![Seen::new("betti-backend", Word::Online), failing]
}

#[test]
fn the_table_and_its_reasons_are_shown_without_colour_when_piped() {
    let home = Home::new();
    let _fake = Fake::listen(&home.socket(), |_| Answer::ok(&fake::status(&online_and_failing())));
    for alias in ["status", "ls", "list", "l", "ps"] {
        let call = home.call(&[alias]);
        assert_eq!(call.code, Some(0), "{call:?}");
        let titles: Vec<&str> = call.out.lines().nth(1).expect("a header").split_whitespace().collect();
        let expected =
            "│ id │ name │ namespace │ version │ mode │ pid │ uptime │ ↺ │ status │ cpu │ mem │ user │ watching │";
        assert_eq!(titles.join(" "), expected);
        assert!(call.out.contains("│ 4711 │ 1m     │ 0 │ online "), "{}", call.out);
        assert!(
            call.out.ends_with("betti-ble: waiting restart — exited with code 1, retry in 200 ms\n"),
            "{}",
            call.out
        );
        assert!(!call.out.contains('\u{1b}'));
    }
}

#[test]
fn json_is_what_the_supervisor_said() {
    let home = Home::new();
    let expected = fake::status(&online_and_failing());
    let answer = expected.clone();
    let fake = Fake::listen(&home.socket(), move |_| Answer::ok(&answer));
    let call = home.call(&["status", "--json"]);
    assert_eq!(call.code, Some(0), "{call:?}");
    assert_eq!(serde_json::from_str::<protocol::control::Status>(&call.out).expect("JSON"), expected);
    let config = home.config().canonicalize().expect("a file").display().to_string();
    assert_eq!(fake.asked()[0].config, Some(config));
}

#[test]
fn without_a_supervisor_the_answer_says_how_to_start_one() {
    let home = Home::new();
    for verb in [&["status"][..], &["stop"], &["restart", "api"], &["kill"]] {
        let call = home.call(verb);
        assert_eq!((call.code, call.out.as_str()), (Some(3), ""), "{verb:?}");
        assert_eq!(call.error, "[Betti][ERROR] no supervisor is running: betti-ctl start brings it up\n");
    }
    let call = home.call(&["status", "--json"]);
    let expected = "{\"ok\":false,\"error\":\"no supervisor is running: betti-ctl start brings it up\",\"exit\":3}\n";
    assert_eq!((call.code, call.out.as_str()), (Some(3), expected));
    std::fs::remove_dir(home.runtime_dir()).expect("ours");
    assert_eq!(home.call(&["status"]).code, Some(3));
}

#[test]
fn a_socket_that_nobody_listens_on_any_more_is_no_supervisor() {
    let home = Home::new();
    drop(std::os::unix::net::UnixListener::bind(home.socket()).expect("a socket"));
    assert_eq!(home.call(&["status"]).code, Some(3));
}

#[test]
fn misuse_is_told_apart() {
    let home = Home::new();
    for arguments in
        [&[][..], &["stat"], &["status", "--jsn"], &["start", "--foreground", "--no-wait"], &["completion", "x"]]
    {
        assert_eq!(home.call(arguments).code, Some(2), "{arguments:?}");
    }
    let call = home.call(&["--config", "nosuch.toml", "status"]);
    assert_eq!(call.code, Some(2));
    assert!(call.error.contains("--config nosuch.toml: No such file"), "{}", call.error);
}

#[test]
fn refusals_are_passed_on() {
    let home = Home::new();
    let _fake = Fake::listen(&home.socket(), |_| Answer::refused(409, "the supervisor goes by /other, not by /this"));
    let call = home.call(&["status"]);
    assert_eq!(call.code, Some(1));
    assert_eq!(call.error, "[Betti][ERROR] the supervisor goes by /other, not by /this\n");
}

#[test]
fn a_broken_connection_is_made_again() {
    let home = Home::new();
    let mut breaks = 2;
    let _fake = Fake::listen(&home.socket(), move |_| {
        if breaks == 0 {
            return Answer::ok(&fake::status(&[]));
        }
        breaks -= 1;
        Answer::Drop
    });
    assert_eq!(home.call(&["status"]).code, Some(0));
}

#[test]
fn an_answer_of_another_kind_is_no_crash() {
    let home = Home::new();
    let _fake = Fake::listen(&home.socket(), |_| Answer::Json(200, "[1, 2]".into()));
    let call = home.call(&["status"]);
    assert_eq!(call.code, Some(1));
    assert!(call.error.contains("is betti-ctl of the same version?"), "{}", call.error);
}

#[test]
fn version_and_completion_need_nobody() {
    let home = Home::new();
    assert_eq!(home.call(&["--version"]).out, concat!("betti-ctl ", env!("CARGO_PKG_VERSION"), "\n"));
    for shell in ["bash", "zsh", "fish"] {
        let call = home.call(&["completion", shell]);
        assert_eq!(call.code, Some(0));
        assert!(call.out.contains("betti-ctl") && call.out.contains("restart"));
    }
}
