//! Each exit code, with each kind of cause.

use protocol::control::{Flushed, NotFlushed, Word};

use crate::fake::{Answer, Fake, Seen, play};
use crate::home::Home;
use crate::verbs::inhabited;

#[test]
fn code_0_is_for_what_is_done_and_true() {
    for arguments in [
        &["status"][..],
        &["describe"],
        &["env", "api"],
        &["jlist"],
        &["prettylist"],
        &["pid"],
        &["id", "api"],
        &["ping"],
        &["metrics"],
        &["logs"],
        &["start"],
        &["start", "api"],
        &["stop"],
        &["stop", "web", "api"],
        &["restart", "all"],
        &["reload"],
        &["reset"],
        &["scale", "web", "2"],
        &["send-signal", "1", "api"],
        &["flush"],
        &["reloadLogs"],
        &["check"],
        &["apply"],
        &["apply", "--dry-run"],
        &["profile"],
        &["startOrRestart"],
        &["startOrReload", "ecosystem.toml"],
        &["completion", "bash"],
        &["help", "start"],
        &["--version"],
    ] {
        let (home, _fake) = inhabited();
        let call = home.call(arguments);
        assert_eq!((call.code, call.error.as_str()), (Some(0), ""), "{arguments:?}: {call:?}");
    }
}

#[test]
fn code_1_is_for_what_failed() {
    let failed = Seen {
        newest: Some(8),
        finished: Some(8),
        reason: Some("exited with code 1"),
        ..Seen::new("api", Word::WaitingRestart)
    };
    for verb in ["start", "restart", "reload"] {
        let home = Home::new();
        let _fake = Fake::listen(&home.socket(), play(&["api"], vec![vec![failed]]));
        let call = home.call(&[verb, "api"]);
        assert_eq!((call.code, call.error.as_str()), (Some(1), "[Betti][ERROR] [api](0) exited with code 1\n"));
    }
}

#[test]
fn code_1_is_for_what_is_refused() {
    for (status, error) in [(400, "not understood"), (404, "there is no app"), (409, "another file")] {
        let home = Home::new();
        let _fake = Fake::listen(&home.socket(), move |_| Answer::refused(status, error));
        for verb in [&["status"][..], &["stop", "api"], &["reset"], &["describe"], &["ping"], &["kill"]] {
            let call = home.call(verb);
            assert_eq!((call.code, call.error), (Some(1), format!("[Betti][ERROR] {error}\n")), "{verb:?}");
        }
    }
}

#[test]
fn code_2_is_for_misuse() {
    let (home, fake) = inhabited();
    for arguments in [
        &[][..],
        &["nosuch"],
        &["status", "--nosuch"],
        &["delete"],
        &["env"],
        &["id"],
        &["send-signal", "SIGNOSUCH", "api"],
        &["send-signal", "HUP"],
        &["scale", "api"],
        &["scale", "api", "many"],
        &["apply", "--dry-run", "--no-wait"],
        &["startup", "--service-name", "../x"],
        &["completion", "nosuch"],
        &["start", "api", "--watch"],
        &["start", "./a.py", "./b.py"],
        &["--config", "nosuch.toml", "status"],
        &["check", "nosuch.toml"],
        &["import", "nosuch.json"],
        &["import", "ecosystem.toml"],
    ] {
        let call = home.call(arguments);
        assert_eq!((call.code, call.out.as_str()), (Some(2), ""), "{arguments:?}: {call:?}");
        assert!(!call.error.is_empty(), "{arguments:?}");
    }
    assert!(fake.acts().is_empty(), "nothing was asked for");
}

#[test]
fn code_2_is_for_a_bad_file_and_only_where_the_file_is_read() {
    let (home, _fake) = inhabited();
    home.write_file("[[apps]]\nname = \"api\"\nscript = \"a\"\nwait_redy = true\n");
    for arguments in
        [&["check"][..], &["apply"], &["apply", "--dry-run"], &["startOrReload"], &["start", "./ecosystem.toml"]]
    {
        let call = home.call(arguments);
        assert_eq!((call.code, call.out.as_str()), (Some(2), ""), "{arguments:?}: {call:?}");
        assert!(call.error.contains("ecosystem.toml:4:1"), "{arguments:?}: {}", call.error);
    }
    for arguments in [&["status"][..], &["restart", "api"], &["stop"], &["start"], &["describe"]] {
        assert_eq!(home.call(arguments).code, Some(0), "{arguments:?}: the last good one is in force");
    }
}

#[test]
fn code_2_is_for_a_file_that_the_supervisor_finds_bad() {
    let home = Home::new();
    let _fake = Fake::listen(&home.socket(), |asked| match asked.line.as_str() {
        "POST /v1/apply" => Answer::refused(422, "ecosystem.toml:1:1: it was edited a moment ago"),
        "GET /v1/status" => Answer::ok(&crate::fake::status(&[])),
        _ => Answer::ok(&crate::fake::watch(0, &[])),
    });
    let call = home.call(&["apply"]);
    assert_eq!(call.code, Some(2), "{call:?}");
    assert_eq!(call.error, "[Betti][ERROR] ecosystem.toml:1:1: it was edited a moment ago\n");
}

#[test]
fn code_3_is_for_nobody_there() {
    let home = Home::new();
    for arguments in [
        &["status"][..],
        &["describe"],
        &["env", "api"],
        &["jlist"],
        &["prettylist"],
        &["pid"],
        &["id", "api"],
        &["ping"],
        &["metrics"],
        &["why", "api"],
        &["stop"],
        &["restart"],
        &["reload"],
        &["delete", "all"],
        &["reset"],
        &["scale", "api", "2"],
        &["send-signal", "HUP", "api"],
        &["flush"],
        &["reload-logs"],
        &["apply"],
        &["apply", "--dry-run"],
        &["kill"],
    ] {
        let call = home.call(arguments);
        assert_eq!((call.code, call.out.as_str()), (Some(3), ""), "{arguments:?}");
        assert_eq!(call.error, "[Betti][ERROR] no supervisor is running: betti-ctl start brings it up\n");
    }
}

#[test]
fn a_verb_of_pm2s_without_a_meaning_says_what_to_do_instead() {
    let home = Home::new();
    for verb in ["save", "resurrect", "update", "dump", "deploy", "install", "monit", "link", "logrotate", "set"] {
        let call = home.call(&[verb, "--force", "x"]);
        assert_eq!((call.code, call.out.as_str()), (Some(2), ""), "{verb}");
        assert!(call.error.starts_with(&format!("[Betti][ERROR] {verb}: ")), "{}", call.error);
        assert_eq!(call.error.lines().count(), 1, "{}", call.error);
    }
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let (home, _fake) = inhabited();
    let error = |arguments: &[&str]| {
        let call = home.call(arguments);
        format!("$ betti-ctl {}\n{}--- exit code {}\n", arguments.join(" "), call.error, call.code.expect("a code"))
    };
    let errors = [
        error(&["strat", "api"]),
        error(&["status", "--jsn"]),
        error(&["save"]),
        error(&["stop", "ap"]),
        error(&["scale", "api", "many"]),
        error(&["send-signal", "SIGNOSUCH", "api"]),
        error(&["delete"]),
        error(&["logs", "--grep", "a(b"]),
        error(&["logs", "--since", "soon"]),
        error(&["start", "api", "--watch"]),
        error(&["start", "./nosuch.sh"]),
        error(&["startup", "--service-name", "a b"]),
        error(&["startup", "--user", "root"]),
        error(&["import", "ecosystem.toml"]),
        error(&["--config", "nosuch.toml", "status"]),
    ];
    insta::assert_snapshot!("errors", errors.join("\n"));
}

#[test]
fn what_was_not_emptied_is_named_and_is_1() {
    let home = Home::new();
    let failed = vec![NotFlushed { file: "/logs/b".to_owned(), why: "it is a folder".to_owned() }];
    let flushed = Flushed { files: vec!["/logs/a".to_owned()], failed };
    let _fake = Fake::listen(&home.socket(), move |_| Answer::ok(&flushed));
    let call = home.call(&["flush"]);
    assert_eq!((call.code, call.out.as_str()), (Some(1), "[Betti] ✓ emptied /logs/a\n"));
    assert_eq!(call.error, "[Betti][ERROR] /logs/b cannot be emptied: it is a folder\n");
    let call = home.call(&["flush", "--json"]);
    assert_eq!(call.code, Some(1));
    let expected = r#""failed":[{"file":"/logs/b","why":"it is a folder"}]"#;
    assert!(call.out.replace(char::is_whitespace, "").contains(&expected.replace(' ', "")), "{}", call.out);
}
