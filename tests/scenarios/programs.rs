//! Any program can be an app, found and run as one would expect.

use std::os::unix::fs::PermissionsExt;

use protocol::control::Word;
use scenarios::hub::Hub;
use scenarios::{App, process};

#[test]
fn programs_are_run_by_what_they_are() {
    let apps = [
        App::program("javascript", "./app.js"),
        App::program("python", "./app.py"),
        App::program("shell", "./app.sh"),
        App::program("shebang", "./tool"),
        App::program("interpreted", "./app.txt").set("interpreter", "bash"),
        App::program("command", "echo command here > journal; exec sleep 1000"),
        // Looked for beside `betti-supervisor`, where this puppet was built.
        App::program("beside", "puppet").set("args", vec!["ready"]).env("PUPPET_JOURNAL", "journal"),
        App::program("in-path", "sleep").set("args", vec!["1000"]),
    ];
    let hub = Hub::new(&apps);
    let shell = |name: &str| format!("echo {name} here > journal\nexec sleep 1000\n");
    hub.write("app.js", "require('fs').writeFileSync('journal', 'javascript here\\n'); setInterval(() => {}, 1000);");
    hub.write("app.py", "open('journal', 'w').write('python here\\n'); import time; time.sleep(1000)");
    hub.write("app.sh", &shell("shell"));
    hub.write("app.txt", &shell("interpreted"));
    let tool = hub.write("tool", &format!("#!/bin/sh\n{}", shell("shebang")));
    std::fs::set_permissions(tool, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    hub.ctl(&["start"]).succeeded();
    let mut expected = vec!["beside started", "beside ready"];
    expected.extend([
        "javascript here",
        "python here",
        "shell here",
        "shebang here",
        "interpreted here",
        "command here",
    ]);
    let mut seen: Vec<String> = Vec::new();
    scenarios::wait::until("every program ran", || {
        seen.extend(hub.journal().so_far());
        if expected.iter().all(|line| seen.iter().any(|seen| seen == line)) { Ok(()) } else { Err(format!("{seen:?}")) }
    });
    assert!(hub.status().apps.iter().all(|app| app.status == Word::Online), "{:?}", hub.status());
    let sleeps = process::look(hub.pid("in-path")).expect("it runs");
    assert!(sleeps.command.ends_with("sleep 1000"), "{sleeps}");
}

#[test]
fn arguments_arrive_as_they_were_written() {
    let hub = Hub::new(&[
        App::program("list", "./show").set("args", vec!["two words", "$HOME", "\"quoted\"", ""]),
        App::program("text", "./show").set("args", "one 'two words'"),
    ]);
    let show = hub.write("show", "#!/bin/sh\nfor word; do printf '<%s>' \"$word\"; done; echo\nexec sleep 1000\n");
    std::fs::set_permissions(show, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    hub.ctl(&["start"]).succeeded();
    for (app, expected) in [("list", "<two words><$HOME><\"quoted\"><>\n"), ("text", "<one><two words>\n")] {
        let log = hub.path(&format!("logs/{app}-out.log"));
        scenarios::wait::until("its arguments are in its log", || match std::fs::read_to_string(&log) {
            Ok(text) if text == expected => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
}

#[test]
fn an_app_runs_in_the_files_folder_unless_told_otherwise() {
    let hub = Hub::new(&[App::puppet("here", "ready"), App::puppet("there", "ready").set("cwd", "sub")]);
    std::fs::create_dir(hub.path("sub")).expect("a folder");
    hub.ctl(&["start"]).succeeded();
    let cwd = |app: &str| std::fs::read_link(format!("/proc/{}/cwd", hub.pid(app))).expect("its folder");
    assert_eq!((cwd("here"), cwd("there")), (hub.path(""), hub.path("sub")));
}
