//! An app may be begun anew by the clock, if the clock is right.

use protocol::control::Word;
use scenarios::hub::{Hub, app, runs};
use scenarios::{App, clock};

const EVERY_SECOND: &str = "* * * * * *";
const TRUSTED: &str = "clock = \"trusted\"";

fn hourly(name: &str) -> App {
    App::puppet(name, "ready").waits_for_ready().set("cron_restart", EVERY_SECOND)
}

fn started(top: &str, apps: &[App]) -> Hub {
    let mut hub = Hub::new(&[]);
    hub.save(top, apps);
    hub.ctl(&["start"]).succeeded();
    hub
}

#[test]
fn an_app_is_restarted_when_its_time_has_come_and_it_says_so() {
    let hub = started(TRUSTED, &[hourly("web"), App::puppet("other", "ready").waits_for_ready()]);
    let other = hub.pid("other");
    hub.until_app("web", "was restarted twice", |web| web.restarts >= 2 && web.status == Word::Online);
    let log = hub.read("logs/betti-supervisor.log");
    assert!(log.contains("web: restarting: cron_restart"), "{log}");
    assert_eq!(hub.pid("other"), other);
    let described = hub.ctl(&["describe", "web"]).succeeded().stdout;
    assert!(described.contains("next cron_restart") && described.contains(EVERY_SECOND), "{described}");
    assert_eq!(hub.status().notice, None);
}

#[test]
fn a_clock_that_nobody_keeps_right_is_not_believed_and_the_notice_says_what_to_do() {
    if clock::is_synchronised() {
        eprintln!("skipped: this machine's clock is kept right");
        return;
    }
    let mut hub = started("", &[hourly("web")]);
    let shown = hub.until("the notice is shown", |watch| watch.status.notice.is_some());
    let notice = shown.status.notice.unwrap_or_default();
    assert!(notice.starts_with("web: cron_restart waits for a synchronised clock"), "{notice}");
    assert!(notice.contains(TRUSTED), "{notice}");
    assert!(hub.ctl(&["status"]).succeeded().stdout.contains("cron_restart waits"));
    assert_eq!(hub.app("web").restarts, 0);
    // The same app is restarted from the moment on in which the operator vouches for the clock.
    hub.save(TRUSTED, &[hourly("web")]);
    hub.until_app("web", "is restarted", |web| web.restarts >= 1);
    assert_eq!(hub.status().notice, None);
}

#[test]
fn the_clock_never_starts_what_an_operator_stopped() {
    let hub = started(TRUSTED, &[hourly("held"), hourly("other")]);
    hub.ctl(&["stop", "held"]).succeeded();
    let before = hub.app("held").restarts;
    let from = hub.app("other").restarts;
    hub.until("the other one was restarted twice", |watch| {
        let held = app(&watch.status, "held");
        assert_eq!((held.status, held.restarts), (Word::Stopped, before));
        app(&watch.status, "other").restarts >= from + 2
    });
}

#[test]
fn a_job_that_is_done_is_run_again_at_its_time() {
    let job = App::program("job", "./job.sh").set("autorestart", false).set("cron_restart", EVERY_SECOND);
    let mut hub = Hub::new(&[]);
    hub.write("job.sh", "echo done\nexit 0\n");
    hub.save(TRUSTED, &[job]);
    hub.ctl(&["start", "--no-wait"]).succeeded();
    hub.until("it ran three times", |watch| runs(watch, "job").finished.is_some_and(|run| run >= 3));
    let job = hub.app("job");
    assert!(matches!(job.status, Word::Stopped | Word::Online | Word::Launching | Word::Stopping), "{job:?}");
    let log = hub.read("logs/betti-supervisor.log");
    assert!(log.lines().any(|line| line.ends_with("job: starting (run 2): cron_restart")), "{log}");
}
