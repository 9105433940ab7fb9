//! `start SCRIPT`: an app that is in no file.

use crate::fake::Fake;
use crate::home::{Home, PATIENCE, finish, text_of};
use crate::house::House;
use crate::verbs::inhabited;

fn table(body: &str) -> toml::Table {
    let run: protocol::control::Run = serde_json::from_str(body).expect("what the wire asks for");
    run.table.parse().expect("TOML")
}

#[test]
fn a_script_is_run_as_it_would_stand_in_the_file() {
    let (home, fake) = inhabited();
    std::fs::write(home.folder().join("worker.py"), "").expect("a file");
    let call = home.call(&[
        "start",
        "worker.py",
        "--name",
        "w",
        "-i",
        "2",
        "--max-memory-restart",
        "300M",
        "--env",
        "A=1",
        "--",
        "--fast",
        "x",
    ]);
    assert_eq!(call.code, Some(0), "{call:?}");
    assert!(call.out.contains("[Betti] [w](3) ✓ online"), "{}", call.out);
    let acts = fake.acts();
    assert_eq!((acts.len(), acts[0].line.as_str()), (1, "POST /v1/run"));
    let app = &table(&acts[0].body)["apps"][0];
    let folder = home.folder().canonicalize().expect("a folder");
    assert_eq!(app["script"].as_str(), Some(folder.join("worker.py").display().to_string().as_str()));
    assert_eq!(app["cwd"].as_str(), Some(folder.display().to_string().as_str()));
    assert_eq!(app["args"].as_array().map(Vec::len), Some(2));
    assert_eq!((app["instances"].as_integer(), app["env"]["A"].as_str()), (Some(2), Some("1")));
}

#[test]
fn a_taken_name_is_refused() {
    let (home, fake) = inhabited();
    std::fs::write(home.folder().join("api.sh"), "").expect("a file");
    let call = home.call(&["start", "./api.sh"]);
    assert_eq!((call.code, call.out.as_str()), (Some(1), ""));
    assert_eq!(call.error, "[Betti][ERROR] there is an app `api` already: give this one another with --name\n");
    assert!(fake.acts().is_empty());
    assert_eq!(home.call(&["start", "./api.sh", "--name", "other"]).code, Some(0));
    let call = home.call(&["start", "other"]);
    assert_eq!(call.code, Some(0), "it is an app like others now: {call:?}");
}

#[test]
fn a_script_that_is_not_there_is_no_app_and_no_script() {
    let (home, _fake) = inhabited();
    let call = home.call(&["start", "./nosuch.sh"]);
    assert_eq!(call.code, Some(1));
    assert!(call.error.contains("./nosuch.sh: No such file"), "{}", call.error);
    let call = home.call(&["start", "nosuch.sh"]);
    assert_eq!(call.code, Some(1));
    assert!(call.error.contains("there is no app, id or namespace `nosuch.sh`"), "{}", call.error);
}

#[test]
fn without_a_supervisor_one_is_brought_up_that_starts_nothing_else() {
    let home = Home::new();
    std::fs::write(home.folder().join("worker.sh"), "").expect("a file");
    // It marks its arguments one by one, so that an empty one is seen.
    home.install_supervisor("for word in \"$@\"; do echo \"<$word>\"; done > arguments; echo $$ > pid; exec sleep 600");
    let ctl = home.ctl(&["start", "./worker.sh"]).spawn().expect("betti-ctl runs");
    let pid = text_of(&home.folder().join("pid"));
    let fake = Fake::listen(&home.socket(), House::new(home.folder()).answers());
    let call = finish(ctl);
    let _ = std::process::Command::new("kill").args(["-9", pid.trim()]).status();
    assert_eq!(call.code, Some(0), "{call:?} within {PATIENCE:?}");
    let arguments = text_of(&home.folder().join("arguments"));
    assert!(arguments.ends_with("<--only>\n<>\n"), "{arguments}");
    assert_eq!(fake.acts().len(), 1);
}

#[test]
fn without_any_file_nothing_is_written_and_the_way_is_shown() {
    let folder = tempfile::tempdir().expect("a folder outside of every working copy");
    let home = Home::new();
    std::fs::write(folder.path().join("worker.sh"), "").expect("a file");
    let mut ctl = home.ctl(&["start", "./worker.sh"]);
    ctl.current_dir(folder.path());
    let call = finish(ctl.spawn().expect("betti-ctl runs"));
    assert_eq!(call.code, Some(2), "{call:?}");
    assert!(call.error.contains("betti-ctl init"), "{}", call.error);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
}
