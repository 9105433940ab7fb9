//! `start ./script` runs something that is in no file, until it is deleted; an app of the file that is deleted stays away.

use protocol::control::Word;
use scenarios::hub::Hub;
use scenarios::{App, process};

#[test]
fn a_script_that_is_in_no_file_runs_until_it_is_deleted_and_outlives_the_supervisor() {
    let mut hub = Hub::started(&[App::puppet("other", "ready")]);
    hub.write("job.py", "import sys, time\nprint(sys.argv[1:], flush=True)\ntime.sleep(1000)\n");
    hub.ctl(&["start", "./job.py", "--name", "x", "--", "--flag", "two words"]).succeeded();
    let x = hub.app("x");
    assert_eq!(x.status, Word::Online);
    scenarios::wait::until("it wrote what it was given", || {
        match std::fs::read_to_string(hub.path("logs/x-out.log")) {
            Ok(text) if text.contains("['--flag', 'two words']") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    process::kill_9(hub.status().supervisor.pid);
    hub.until("another supervisor answers", |watch| watch.status.apps.len() == 2);
    assert_eq!(hub.pid("x"), x.pid.expect("it ran"));
    hub.save("", &[App::puppet("other", "ready"), App::puppet("comes", "ready")]);
    hub.until_status("comes", Word::Online);
    assert_eq!(hub.pid("x"), x.pid.expect("it ran"));
    hub.ctl(&["start", "./job.py", "--name", "other"]).with_code(1);
    hub.ctl(&["delete", "x"]).succeeded();
    assert!(hub.status().apps.iter().all(|app| app.name != "x"));
    assert!(process::look(x.pid.expect("it ran")).is_none());
    hub.ctl(&["delete", "x"]).with_code(1);
}

#[test]
fn an_app_of_the_file_that_is_deleted_stays_away_until_it_is_asked_for() {
    let web = || App::puppet("web", "ready").waits_for_ready();
    let mut hub = Hub::started(&[web(), App::puppet("other", "ready")]);
    hub.ctl(&["delete", "web"]).succeeded();
    assert_eq!(hub.status().apps.len(), 1);
    hub.save("", &[web(), App::puppet("other", "ready"), App::puppet("comes", "ready")]);
    hub.until_status("comes", Word::Online);
    assert!(hub.status().apps.iter().all(|app| app.name != "web"));
    hub.ctl(&["start", "web"]).succeeded();
    assert_eq!((hub.app("web").id, hub.app("web").status), (0, Word::Online));
}
