//! The verbs that are about the file: `check`, `apply`, `profile`, `init`, `import`, and starts that name one.

use std::os::unix::fs::PermissionsExt;

use protocol::control::{Applied, Step, What, Word};

use crate::fake::{Answer, Asked, Fake, Seen, play};
use crate::home::{Call, Home, plain};
use crate::house::House;
use crate::verbs::inhabited;

/// A file with two profiles.
const PROFILES: &str = "# The one word.\nprofile = \"https\" # or \"ngrok\"\n
[[apps]]\nname = \"api\"\nscript = \"api\"\n
[[apps]]\nname = \"tunnel\"\nscript = \"tunnel\"\nprofiles = [\"ngrok\"]\n";

fn seen(home: &Home, arguments: &[&str]) -> String {
    let Call { code, out, error } = home.call(arguments);
    let error = if error.is_empty() { String::new() } else { format!("--- standard error\n{error}") };
    plain(&format!("$ betti-ctl {}\n{out}{error}--- exit code {}\n", arguments.join(" "), code.expect("a code")), home)
}

#[test]
fn check_needs_nobody() {
    let home = Home::new();
    insta::assert_snapshot!("check_alone", seen(&home, &["check"]));
    home.write_file(
        "profil = \"x\"\n[[apps]]\nname = \"api\"\nscript = \"a\"\nwait_redy = true\nkill_timeout = \"5 apples\"\n",
    );
    insta::assert_snapshot!("check_mistakes", seen(&home, &["check"]));
    home.write_file("[[apps]\n");
    insta::assert_snapshot!("check_not_toml", seen(&home, &["check", "../home/ecosystem.toml"]));
    std::fs::remove_file(home.config()).expect("ours");
    assert_eq!(home.call(&["check", "ecosystem.toml"]).code, Some(2));
}

#[test]
fn check_and_apply_show_what_would_be_done_to_what_runs() {
    let (home, fake) = inhabited();
    home.write_file(PROFILES);
    insta::assert_snapshot!("check_of_what_runs", seen(&home, &["check"]));
    insta::assert_snapshot!("apply_dry_run", seen(&home, &["apply", "--dry-run", "--profile", "ngrok"]));
    let bodies: Vec<String> = fake.acts().into_iter().map(|act| act.body).collect();
    assert_eq!(bodies, [r#"{"dry_run":true,"profile":null}"#, r#"{"dry_run":true,"profile":"ngrok"}"#]);
    assert_eq!(fake.asked()[0].config, Some(home.config().canonicalize().expect("a file").display().to_string()));
}

#[test]
fn apply_waits_until_it_is_true() {
    let (home, _fake) = inhabited();
    home.write_file(PROFILES);
    insta::assert_snapshot!("apply", seen(&home, &["apply"]));
    insta::assert_snapshot!("apply_profile", seen(&home, &["apply", "--profile", "ngrok"]));
}

#[test]
fn a_profile_that_does_not_hold_is_code_1_and_says_so() {
    let home = Home::new();
    home.write_file(PROFILES);
    let _fake = Fake::listen(&home.socket(), House::new("/srv/betti".into()).falling_back().answers());
    insta::assert_snapshot!("apply_falls_back", seen(&home, &["apply", "--profile", "ngrok"]));
    let call = home.call(&["apply", "--profile", "ngrok", "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&call.out).expect("JSON");
    assert_eq!((call.code, &answer["ok"], &answer["came_back"]), (Some(1), &false.into(), &true.into()));
    let notice = "the profile ngrok did not become ready: https came back";
    assert_eq!(answer["status"]["notice"], notice);
}

#[test]
fn a_file_that_names_a_profile_that_does_not_hold_is_not_kept_quiet() {
    let home = Home::new();
    home.write_file(PROFILES);
    let _fake = Fake::listen(&home.socket(), House::new("/srv/betti".into()).falling_back().answers());
    let call = home.call(&["profile", "ngrok"]);
    assert_eq!(call.code, Some(1), "{call:?}");
    assert!(call.error.contains("the file still names ngrok: betti-ctl profile https"), "{}", call.error);
}

/// Answers an apply with these steps and nothing to watch, and everything else by playing the states.
fn applying(steps: Vec<Step>, states: Vec<Vec<Seen>>) -> impl FnMut(&Asked) -> Answer + Send + 'static {
    let mut rest = play(&[], states);
    move |asked| match asked.line.as_str() {
        "POST /v1/apply" => {
            let (from_profile, profile) = ("default".into(), "default".into());
            Answer::ok(&Applied { from_profile, profile, steps: steps.clone(), apps: Vec::new(), on_trial: false })
        }
        _ => rest(asked),
    }
}

#[test]
fn what_leaves_is_waited_for() {
    let home = Home::new();
    let step = Step { app: "old".into(), what: What::Remove, why: vec!["not in the file any more".into()] };
    let (api, old) = (Seen::new("api", Word::Online), Seen::new("old", Word::Online));
    let leaving = Seen { wanted: false, ..Seen::new("old", Word::Stopping) };
    let fake = Fake::listen(&home.socket(), applying(vec![step], vec![vec![api, old], vec![api, leaving], vec![api]]));
    let call = home.call(&["apply"]);
    assert_eq!(call.code, Some(0), "{call:?}");
    assert!(call.out.contains("[Betti] [old](1) stopping\n") && !call.out.contains("│ old"), "{}", call.out);
    assert_eq!(fake.asked().iter().filter(|asked| asked.line.contains("watch")).count(), 3);
}

#[test]
fn what_the_supervisor_began_by_itself_is_waited_for_too() {
    let home = Home::new();
    let keep = Step { app: "api".into(), what: What::Keep, why: Vec::new() };
    let (launching, online) = (Seen::new("api", Word::Launching), Seen::new("api", Word::Online));
    let states = vec![vec![launching], vec![launching], vec![launching], vec![online]];
    let _fake = Fake::listen(&home.socket(), applying(vec![keep], states));
    let call = home.call(&["apply"]);
    assert_eq!(call.code, Some(0), "{call:?}");
    assert!(call.out.contains("✓ online"), "{}", call.out);
}

#[test]
fn check_tells_a_supervisor_of_another_file_from_one_that_refuses() {
    let home = Home::new();
    let _fake = Fake::listen(&home.socket(), |asked| match asked.line.as_str() {
        "GET /v1/status" => Answer::ok(&crate::fake::status(&[])),
        _ => Answer::refused(409, "127.0.0.1:3001 is taken by an app of the command line"),
    });
    let call = home.call(&["check"]);
    assert_eq!(call.code, Some(1), "{call:?}");
    let home = Home::new();
    let _fake = Fake::listen(&home.socket(), |_| Answer::refused(409, "this supervisor runs another file"));
    let call = home.call(&["check"]);
    assert_eq!(call.code, Some(0), "{call:?}");
    assert!(call.out.contains("Nothing runs of it"), "{}", call.out);
}

#[test]
fn a_profile_is_written_into_the_file_and_applied() {
    let (home, fake) = inhabited();
    home.write_file(PROFILES);
    std::fs::set_permissions(home.config(), std::fs::Permissions::from_mode(0o640)).expect("ours");
    insta::assert_snapshot!("profile_shown", seen(&home, &["profile"]));
    insta::assert_snapshot!("profile_switched", seen(&home, &["profile", "ngrok"]));
    let text = std::fs::read_to_string(home.config()).expect("a file");
    assert!(text.contains("profile = \"ngrok\"") && text.contains("# The one word."), "{text}");
    let mode = std::fs::metadata(home.config()).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let acts = fake.acts();
    assert_eq!((acts.len(), acts[0].body.as_str()), (1, r#"{"dry_run":false,"profile":"ngrok"}"#));
    let before = std::fs::read_to_string(home.config()).expect("a file");
    let call = home.call(&["profile", "ngork"]);
    assert_eq!(call.code, Some(2));
    assert!(call.error.contains("did you mean `ngrok`?"), "{}", call.error);
    assert_eq!(std::fs::read_to_string(home.config()).expect("a file"), before);
}

#[test]
fn without_a_supervisor_a_profile_is_only_written() {
    let home = Home::new();
    home.write_file(PROFILES);
    insta::assert_snapshot!("profile_shown_alone", seen(&home, &["profile"]));
    insta::assert_snapshot!("profile_written_alone", seen(&home, &["profile", "ngrok"]));
    assert!(std::fs::read_to_string(home.config()).expect("a file").contains("profile = \"ngrok\""));
}

#[test]
fn init_writes_a_good_file_once() {
    let home = Home::new();
    std::fs::remove_file(home.config()).expect("ours");
    insta::assert_snapshot!("init", seen(&home, &["init"]));
    assert_eq!(home.call(&["check", "ecosystem.toml"]).code, Some(0));
    home.write_file("mine");
    insta::assert_snapshot!("init_refused", seen(&home, &["init"]));
    assert_eq!(std::fs::read_to_string(home.config()).expect("a file"), "mine");
    assert_eq!(home.call(&["ecosystem", "--force"]).code, Some(0));
    assert_eq!(home.call(&["init", "other.toml"]).code, Some(0));
    assert_eq!(home.call(&["check", "other.toml"]).code, Some(0));
    assert_eq!(home.call(&["init", "nosuch/folder/x.toml"]).code, Some(1));
}

const PM2: &str = r#"{ apps: [{ name: "web", script: "server.js", vizion: false, env: { PORT: "3000" } }] }"#;

/// Whether Node is on the path that betti-ctl is given.
fn has_node() -> bool {
    ["/usr/bin/node", "/bin/node"].iter().any(|path| std::path::Path::new(path).exists())
}

#[test]
fn pm2s_files_are_carried_over() {
    let home = Home::new();
    let write = |name: &str, text: &str| std::fs::write(home.folder().join(name), text).expect("a file");
    let json = PM2.replace("apps:", "\"apps\":").replace("name:", "\"name\":").replace("script:", "\"script\":");
    let json = json.replace("vizion:", "\"vizion\":").replace("env:", "\"env\":").replace("PORT:", "\"PORT\":");
    write("pm2.json", &json);
    write("ecosystem.config.js", &format!("console.log('loading'); module.exports = {PM2}"));
    write("ecosystem.config.cjs", &format!("module.exports = () => ({PM2})"));
    write("ecosystem.config.mjs", &format!("export default {PM2}"));
    let mut files = vec!["pm2.json"];
    if has_node() {
        files.extend(["ecosystem.config.js", "ecosystem.config.cjs", "ecosystem.config.mjs"]);
    } else {
        eprintln!("skipped: JavaScript, for node is not there");
    }
    for file in files {
        let call = home.call(&["import", file]);
        assert_eq!(call.code, Some(0), "{file}: {call:?}");
        let manifest: toml::Table = call.out.parse().expect("TOML");
        assert_eq!(manifest["apps"][0]["name"].as_str(), Some("web"), "{file}");
        assert_eq!(manifest["apps"][0]["env"]["PORT"].as_str(), Some("3000"), "{file}");
        assert!(call.error.contains("not carried over: web: vizion: "), "{file}: {}", call.error);
    }
}

#[test]
fn an_import_overwrites_nothing() {
    let home = Home::new();
    std::fs::write(home.folder().join("pm2.json"), r#"{"apps":[{"name":"web","script":"w.js"}]}"#).expect("a file");
    let call = home.call(&["import", "pm2.json", "-o", "ecosystem.toml"]);
    assert_eq!((call.code, call.out.as_str()), (Some(1), ""));
    assert!(call.error.contains("ecosystem.toml is there already: --force overwrites it"), "{}", call.error);
    let call = home.call(&["import", "pm2.json", "-o", "new.toml"]);
    assert_eq!(call.code, Some(0), "{call:?}");
    assert_eq!(home.call(&["check", "new.toml"]).code, Some(0));
    assert_eq!(home.call(&["import", "pm2.json", "-o", "ecosystem.toml", "--force"]).code, Some(0));
}

#[test]
fn what_node_cannot_load_is_quoted_and_a_missing_node_is_named() {
    let home = Home::new();
    let path = home.folder().join("ecosystem.config.js");
    std::fs::write(&path, "throw new Error('no such thing')").expect("a file");
    if has_node() {
        let call = home.call(&["import", "ecosystem.config.js"]);
        assert_eq!(call.code, Some(2));
        assert!(call.error.contains("no such thing"), "{}", call.error);
        let silent = home.folder().join("silent.config.js");
        std::fs::write(&silent, "process.exit(3)").expect("a file");
        let call = home.call(&["import", "silent.config.js"]);
        assert_eq!(call.code, Some(2));
        assert!(call.error.contains("it ended without a word (exit status: 3)"), "{}", call.error);
    }
    let mut ctl = home.ctl(&["import", "ecosystem.config.js"]);
    ctl.env("PATH", home.folder());
    let call = crate::home::finish(ctl.spawn().expect("betti-ctl runs"));
    assert_eq!(call.code, Some(1));
    assert!(call.error.contains("node is not installed"), "{}", call.error);
}

#[test]
fn a_start_that_names_a_file_applies_it_first() {
    let (home, fake) = inhabited();
    home.write_file(PROFILES);
    let call = home.call(&["start", "ecosystem.toml", "--only", "api,web", "--env", "ngrok"]);
    assert_eq!(call.code, Some(0), "{call:?}");
    let acts: Vec<(String, String)> = fake.acts().into_iter().map(|act| (act.line, act.body)).collect();
    let expected = [
        ("POST /v1/apply", r#"{"dry_run":false,"profile":"ngrok"}"#),
        ("POST /v1/start", r#"{"targets":["api","web"]}"#),
    ];
    assert_eq!(acts, expected.map(|(line, body)| (line.to_owned(), body.to_owned())));
}

#[test]
fn a_start_in_another_profile_switches_to_it() {
    let (home, fake) = inhabited();
    home.write_file(PROFILES);
    assert_eq!(home.call(&["start", "--profile", "ngrok"]).code, Some(0));
    let acts = fake.acts();
    assert_eq!((acts[0].line.as_str(), acts[1].line.as_str()), ("POST /v1/apply", "POST /v1/start"));
    let call = home.call(&["start", "--profile", "ngrok"]);
    assert_eq!((call.code, fake.acts().len()), (Some(0), 3), "it is in force: {call:?}");
}

#[test]
fn a_file_of_pm2s_is_not_started_but_carried_over() {
    let home = Home::new();
    for file in ["ecosystem.config.js", "pm2.json", "process.yml"] {
        std::fs::write(home.folder().join(file), "").expect("a file");
        let call = home.call(&["start", file]);
        assert_eq!(call.code, Some(2), "{call:?}");
        assert!(call.error.contains(&format!("betti-ctl import {file} -o ecosystem.toml")), "{}", call.error);
    }
}

#[test]
fn what_the_file_leaves_as_it_is_is_restarted_or_reloaded() {
    for (verb, act) in [("startOrRestart", "restart"), ("startOrReload", "reload")] {
        let (home, fake) = inhabited();
        let call = home.call(&[verb]);
        assert_eq!(call.code, Some(0), "{call:?}");
        let acts = fake.acts();
        assert_eq!(acts[0].line, "POST /v1/apply");
        let last = (acts[1].line.as_str(), acts[1].body.as_str());
        assert_eq!(last, (format!("POST /v1/{act}").as_str(), r#"{"targets":["api","web"]}"#));
    }
}

#[test]
fn metrics_are_written_to_a_file_in_one_go() {
    let home = Home::new();
    let _fake = Fake::listen(&home.socket(), |asked| match asked.line.as_str() {
        "GET /metrics" => Answer::Json(200, "betti_app_up 1\n".into()),
        other => panic!("{other}"),
    });
    let path = home.folder().join("betti.prom");
    std::fs::write(&path, "as it was").expect("a file");
    let call = home.call(&["metrics", "--output", "betti.prom"]);
    assert_eq!((call.code, call.out.as_str(), call.error.as_str()), (Some(0), "", ""), "{call:?}");
    assert_eq!(std::fs::read_to_string(&path).expect("a file"), "betti_app_up 1\n");
    let names: Vec<_> =
        std::fs::read_dir(home.folder()).expect("a folder").flatten().map(|one| one.file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().ends_with(".new")), "{names:?}");
    let call = home.call(&["metrics"]);
    assert_eq!((call.code, call.out.as_str()), (Some(0), "betti_app_up 1\n"), "{call:?}");
}
