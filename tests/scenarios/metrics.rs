//! What can be counted and measured, as Prometheus and its like read it.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use protocol::control::{Description, Family, Word};
use scenarios::http::{self, Response};
use scenarios::hub::{Hub, app};
use scenarios::openmetrics::{self, Exposition};
use scenarios::ports::Port;
use scenarios::{App, loops, process, wait};
use serde_json::{Value, json};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0";
const WEB: (&str, &str) = ("app", "web");

fn get(hub: &Hub, accept: Option<&str>) -> Response {
    let stream = UnixStream::connect(hub.control_socket()).expect("the socket");
    stream.set_read_timeout(Some(wait::PATIENCE)).expect("a socket");
    let headers: Vec<_> = accept.into_iter().map(|accept| ("accept", accept)).collect();
    let answer = http::exchange(stream, "GET", "/metrics", &headers, "").expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

fn scrape(hub: &Hub) -> Exposition {
    let text = get(hub, Some(OPENMETRICS)).text();
    openmetrics::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// How often a run of the app ended for this reason.
fn exits(seen: &Exposition, reason: &str, detail: &str) -> Option<f64> {
    seen.value("betti_app_exits_total", &[WEB, ("reason", reason), ("detail", detail)])
}

fn monitoring(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../supervisor/daemon/monitoring").join(file)
}

/// A hub of which there is something to say under every name.
fn eventful() -> Hub {
    let odd = "quo\"te back\\slash {curly} é😀";
    let web = App::puppet("web", "ready").waits_for_ready().set("max_memory_restart", "1G");
    let hub = Hub::new(&[
        web,
        App::puppet(odd, "ready").set("namespace", "name \"space\" \\n"),
        App::program("pair", "/bin/sleep").set("args", "1000").set("instances", 2),
        App::puppet("broken", "exit 3").set("restart_delay", "1h"),
    ]);
    hub.ctl(&["start", "--no-wait"]).succeeded();
    hub.until("all but one are online", |watch| {
        let online = watch.status.apps.iter().filter(|app| app.status == Word::Online).count();
        online == 4 && app(&watch.status, "broken").status == Word::WaitingRestart
    });
    hub.ctl(&["restart", "web"]).succeeded();
    hub
}

#[test]
fn what_is_scraped_is_openmetrics_to_the_letter_for_whoever_asks_and_plain_text_for_others() {
    let hub = eventful();
    let answer = get(&hub, Some(OPENMETRICS));
    let header = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(answer.head.contains(header), "{}", answer.head);
    let seen = openmetrics::parse(&answer.text()).expect("OpenMetrics");
    for (name, namespace, instance) in [
        ("web", "default", "0"),
        ("quo\"te back\\slash {curly} é😀", "name \"space\" \\n", "0"),
        ("pair", "default", "0"),
        ("pair", "default", "1"),
    ] {
        let labels = [("app", name), ("namespace", namespace), ("instance", instance)];
        assert_eq!(seen.value("betti_app_up", &labels), Some(1.0), "{labels:?}");
    }
    let states = seen.families.iter().find(|family| family.name == "betti_app_state").expect("states");
    assert_eq!(states.samples.iter().filter(|sample| sample.value > 0.0).count(), 5, "each app is in one state");

    let answer = get(&hub, None);
    assert!(answer.head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{}", answer.head);
    let text = answer.text();
    assert!(text.contains("\n# TYPE betti_app_restarts_total counter\nbetti_app_restarts_total{app=\"web\""), "{text}");
    assert!(!text.contains("# EOF") && !text.contains("_created") && !text.contains("# UNIT"), "{text}");
    let families: Vec<Family> = serde_json::from_str(&get(&hub, Some("application/json")).text()).expect("families");
    let names = |families: &[Family]| families.iter().map(|family| family.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&families), seen.families.iter().map(|family| family.name.clone()).collect::<Vec<_>>());
}

/// Somebody else's reader has to agree.
#[test]
#[ignore = "needs Prometheus' client for Python: make test-peers"]
fn peers_the_readers_of_prometheus_own_client_read_it() {
    let hub = eventful();
    let read = "import sys; from prometheus_client.openmetrics.parser import text_string_to_metric_families as new; \
                from prometheus_client.parser import text_string_to_metric_families as old; \
                print(*(f.name for f in {'new': new, 'old': old}[sys.argv[1]](sys.stdin.read())))";
    // Debian's packages are for Debian's own interpreter.
    let has = |python: &&str| {
        let tried = Command::new(python).args(["-c", "import prometheus_client"]).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    };
    let python = ["python3", "/usr/bin/python3"].into_iter().find(has).expect("tests/needs.sh peers installs it");
    let seen = scrape(&hub);
    for (reader, accept) in [("new", OPENMETRICS), ("old", "text/plain")] {
        let text = get(&hub, Some(accept)).text();
        let mut child = Command::new(python)
            .args(["-c", read, reader])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Python");
        child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("its end");
        assert!(output.status.success(), "{reader}: {}\n{text}", String::from_utf8_lossy(&output.stderr));
        let names = String::from_utf8_lossy(&output.stdout).split_whitespace().count();
        assert_eq!(names, seen.families.len(), "{reader}");
    }
}

#[test]
fn a_crash_counts_once_by_its_code_and_a_restart_once() {
    let web = App::puppet("web", "says READY=1 exit=3").gated().set("restart_delay", 0);
    let hub = Hub::new(&[web]);
    hub.gate("web").let_one_through();
    hub.ctl(&["start"]).succeeded();
    let before = scrape(&hub);
    assert_eq!(before.value("betti_app_restarts_total", &[WEB]), Some(0.0));
    assert_eq!((exits(&before, "code", "3"), exits(&before, "restart", "")), (None, Some(0.0)));
    assert_eq!(before.value("betti_app_last_exit_time_seconds", &[WEB]), None, "unknown is not zero");
    let first = hub.pid("web");
    hub.gate("web").let_one_through();
    hub.until_app("web", "was started again", |app| app.pid.is_some_and(|pid| pid != first));
    let crashed = scrape(&hub);
    assert_eq!(crashed.value("betti_app_restarts_total", &[WEB]), Some(1.0));
    assert_eq!((exits(&crashed, "code", "3"), exits(&crashed, "restart", "")), (Some(1.0), Some(0.0)));
    let launching = [WEB, ("betti_app_state", "launching")];
    assert_eq!(crashed.value("betti_app_state", &launching), Some(1.0));
    assert_eq!(crashed.value("betti_app_up", &[WEB]), Some(0.0));

    let restart = hub.begin(&["restart", "web"]);
    hub.until_app("web", "was told to restart", |app| app.restarts == 2);
    hub.gate("web").let_one_through();
    restart.output().succeeded();
    let restarted = scrape(&hub);
    assert_eq!(restarted.value("betti_app_restarts_total", &[WEB]), Some(2.0));
    assert_eq!((exits(&restarted, "code", "3"), exits(&restarted, "restart", "")), (Some(1.0), Some(1.0)));
    assert_eq!(restarted.value("betti_app_ready_seconds_count", &[WEB]), Some(2.0), "the second run never was");
    let times = ["betti_app_exits_created", "betti_app_last_exit_time_seconds", "betti_app_start_time_seconds"];
    let times = times.map(|name| restarted.samples().find(|sample| sample.name == name).expect(name).value);
    assert!(times.is_sorted(), "{times:?}");

    hub.ctl(&["stop", "web"]).succeeded();
    let stopped = scrape(&hub);
    assert_eq!(exits(&stopped, "asked", ""), Some(1.0));
    assert_eq!(stopped.value("betti_app_wanted", &[WEB]), Some(0.0));
    assert_eq!(stopped.value("betti_app_processes", &[WEB]), Some(0.0));
    for unknown in ["betti_app_memory_rss_bytes", "betti_app_memory_pss_bytes", "betti_app_start_time_seconds"] {
        assert_eq!(stopped.value(unknown, &[WEB]), None, "{unknown}: nothing runs");
    }
}

#[test]
fn what_never_ran_what_was_killed_and_what_was_given_up_on_count_apart() {
    let missing = App::program("missing", "./nosuch").set("restart_delay", "1h");
    let never = App::puppet("never", "never-ready").set("wait_ready", true).set("listen_timeout", 100);
    let hub = Hub::new(&[
        missing,
        never.set("restart_delay", "1h"),
        App::puppet("killed", "ready-segfault").waits_for_ready().set("restart_delay", "1h"),
    ]);
    hub.ctl(&["start", "--no-wait"]).succeeded();
    let names = ["missing", "never", "killed"];
    hub.until("all have failed", |watch| {
        names.iter().all(|name| app(&watch.status, name).status == Word::WaitingRestart)
    });
    let seen = scrape(&hub);
    let reasons = [("not_spawned", "ENOENT"), ("not_ready", ""), ("signal", "SIGSEGV")];
    for (name, (reason, detail)) in names.into_iter().zip(reasons) {
        let labels = [("app", name), ("reason", reason), ("detail", detail)];
        assert_eq!(seen.value("betti_app_exits_total", &labels), Some(1.0), "{labels:?}");
        let of_it =
            |sample: &&openmetrics::Sample| sample.name == "betti_app_exits_total" && sample.labels["app"] == name;
        assert!((seen.samples().filter(of_it).map(|sample| sample.value).sum::<f64>() - 1.0).abs() < 0.1, "{name}");
    }
    assert_eq!(seen.value("betti_apps", &[("state", "waiting restart")]), Some(3.0));
}

#[test]
fn a_watchdog_that_was_missed_counts() {
    let web = App::puppet("web", "heartbeat").gated().set("watchdog", "1s").set("restart_delay", "1h");
    let hub = Hub::started(&[web]);
    hub.journal().until("web lived on");
    assert_eq!(scrape(&hub).value("betti_app_watchdog_misses_total", &[WEB]), Some(0.0));
    hub.gate("web").let_one_through();
    hub.until_status("web", Word::WaitingRestart);
    let seen = scrape(&hub);
    assert_eq!(seen.value("betti_app_watchdog_misses_total", &[WEB]), Some(1.0));
    assert_eq!(exits(&seen, "watchdog", ""), Some(1.0));
}

#[test]
fn failed_health_checks_count_also_those_that_are_forgiven() {
    let port = Port::free();
    let url = format!("http://{}/health", port.address());
    let health = json!({ "http": url, "interval": "100ms", "threshold": 3, "grace": 0 });
    let web = App::puppet("web", &format!("serve {}", port.address())).waits_for_ready().env("PUPPET_SICK", "sick");
    let hub = Hub::started(&[web.set("health", health).set("restart_delay", "1h")]);
    assert_eq!(scrape(&hub).value("betti_app_health_failures_total", &[WEB]), Some(0.0));
    hub.write("sick", "");
    hub.until_status("web", Word::WaitingRestart);
    let seen = scrape(&hub);
    assert_eq!(seen.value("betti_app_health_failures_total", &[WEB]), Some(3.0));
    assert_eq!(exits(&seen, "unhealthy", ""), Some(1.0));
}

#[test]
fn a_supervisors_death_forgets_nothing_and_is_counted_itself() {
    let hub = eventful();
    let lasting = |seen: &Exposition| -> Vec<_> {
        let endings = ["_total", "_bucket", "_count"];
        let is_of_an_app = |name: &str| name.starts_with("betti_app_") && !name.starts_with("betti_app_cpu");
        let counts = |name: &str| is_of_an_app(name) && endings.iter().any(|ending| name.ends_with(ending));
        let samples = seen.samples().filter(|sample| counts(&sample.name));
        samples.map(|sample| (sample.name.clone(), sample.labels.clone(), sample.value.to_string())).collect()
    };
    let lost = |seen: &Exposition, cause| seen.value("betti_supervisor_replacements_total", &[("cause", cause)]);
    let before = scrape(&hub);
    assert_eq!((lost(&before, "died"), lost(&before, "hung")), (Some(0.0), Some(0.0)));
    let supervisor = hub.status().supervisor.pid;
    process::kill_9(supervisor);
    let after = scrape(&hub);
    assert_eq!(lasting(&after), lasting(&before));
    assert_eq!((lost(&after, "died"), lost(&after, "hung")), (Some(1.0), Some(0.0)));
    let pid = |seen: &Exposition, which| seen.value("betti_process_pid", &[("process", which)]);
    assert_eq!(pid(&after, "keeper"), pid(&before, "keeper"));
    assert_ne!(pid(&after, "supervisor"), pid(&before, "supervisor"));

    process::signal(hub.status().supervisor.pid, Signal::SIGSTOP);
    let after = scrape(&hub);
    assert_eq!((lost(&after, "died"), lost(&after, "hung")), (Some(1.0), Some(1.0)));
    assert_eq!(lasting(&after), lasting(&before));

    hub.ctl(&["upgrade"]).succeeded();
    let after = scrape(&hub);
    assert_eq!(
        (lost(&after, "died"), lost(&after, "hung"), lost(&after, "upgraded")),
        (Some(1.0), Some(1.0), Some(1.0))
    );
    assert_eq!(lasting(&after), lasting(&before));
}

/// An end and what is counted of it are remembered in one message, so there is no instant at which a kill could part them.
#[test]
fn every_end_is_counted_once_however_the_supervisor_is_killed_meanwhile() {
    let web = App::puppet("web", "ready").waits_for_ready().set("restart_delay", 0).set("max_restarts", 10_000);
    let hub = Hub::started(&[web.set("exp_backoff_restart_delay", 0)]);
    let turns = loops(20);
    for turn in 0..turns {
        let (web, supervisor) = (hub.pid("web"), hub.status().supervisor.pid);
        process::kill_9(web);
        // Sooner or later, so that each stage of an end is met.
        (0..turn % 4).for_each(|_| std::thread::yield_now());
        process::kill_9(supervisor);
        hub.until_app("web", "is another one", |app| app.status == Word::Online && app.pid != Some(web));
    }
    let seen = scrape(&hub);
    assert_eq!(exits(&seen, "signal", "SIGKILL"), Some(turns as f64));
    let all = seen.samples().filter(|sample| sample.name == "betti_app_exits_total").map(|sample| sample.value);
    assert!((all.sum::<f64>() - turns as f64).abs() < 0.1, "{seen:?}");
    let died = seen.value("betti_supervisor_replacements_total", &[("cause", "died")]);
    assert_eq!(died, Some(turns as f64));
}

#[test]
fn what_was_written_and_what_was_lost_is_counted() {
    let hub = Hub::new(&[App::puppet("web", "lines 100").gated()]);
    hub.gate("web").let_one_through();
    hub.ctl(&["start"]).succeeded();
    let size = |name: &str| std::fs::metadata(hub.path(name)).map_or(0, |data| data.len());
    wait::until("all that was written is counted", || {
        let counted = scrape(&hub).value("betti_app_log_bytes_total", &[WEB]).expect("it is counted");
        let written = size("logs/web-out.log") + size("logs/web-error.log");
        if counted > 0.0 && (counted - written as f64).abs() < 0.1 {
            Ok(())
        } else {
            Err(format!("{counted} of {written}"))
        }
    });
    assert_eq!(scrape(&hub).value("betti_app_log_lost_lines_total", &[WEB]), Some(0.0));

    let full = Hub::new(&[App::puppet("web", "lines 100").waits_for_ready()]);
    std::fs::create_dir(full.path("logs")).expect("a folder");
    std::os::unix::fs::symlink("/dev/full", full.path("logs/web-out.log")).expect("a link");
    full.ctl(&["start"]).succeeded();
    wait::until("the loss is counted", || match scrape(&full).value("betti_app_log_lost_lines_total", &[WEB]) {
        Some(lines) if (lines - 100.0).abs() < 0.1 => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert!(scrape(&full).value("betti_app_log_lost_bytes_total", &[WEB]).is_some_and(|bytes| bytes > 100.0));
}

#[test]
fn a_broken_file_shows_until_it_is_mended() {
    let mut hub = Hub::started(&[App::puppet("web", "ready")]);
    let apps = [App::puppet("web", "ready"), App::puppet("new", "ready")];
    let good = scrape(&hub);
    assert_eq!(good.value("betti_config_valid", &[]), Some(1.0));
    let applied = |seen: &Exposition| seen.value("betti_config_last_apply_time_seconds", &[]).expect("a time");
    hub.save_text("[[apps]]\nname = \"web\"\nscripd = \"x\"\n");
    hub.until("the mistake is told", |watch| watch.status.notice.is_some());
    let broken = scrape(&hub);
    assert_eq!(broken.value("betti_config_valid", &[]), Some(0.0));
    assert!((applied(&broken) - applied(&good)).abs() < 0.001);
    process::kill_9(hub.status().supervisor.pid);
    assert_eq!(scrape(&hub).value("betti_config_valid", &[]), Some(0.0), "a successor knows");
    hub.save("", &apps);
    hub.until_status("new", Word::Online);
    let mended = scrape(&hub);
    assert_eq!(mended.value("betti_config_valid", &[]), Some(1.0));
    assert!(applied(&mended) > applied(&good));
    assert_eq!(mended.value("betti_profile_info", &[("profile", &hub.status().profile)]), Some(1.0));
}

#[test]
fn status_describe_and_metrics_tell_the_same() {
    let hub = eventful();
    let status = hub.status();
    let output = hub.ctl(&["describe", "--json"]).succeeded();
    let described: Vec<Description> = serde_json::from_str(&output.stdout).expect("descriptions");
    let seen = scrape(&hub);
    assert_eq!(described.len(), status.apps.len());
    for Description { app, exits, recent_failures, health_failures, logs, .. } in &described {
        let instance = app.instance.unwrap_or(0).to_string();
        let labels = [("app", app.name.as_str()), ("instance", instance.as_str())];
        let value = |name: &str| seen.value(name, &labels);
        assert_eq!(value("betti_app_restarts_total"), Some(app.restarts as f64), "{labels:?}");
        assert_eq!(value("betti_app_up"), Some(f64::from(u8::from(app.status == Word::Online))), "{labels:?}");
        assert_eq!(value("betti_app_last_ready_seconds"), app.ready_ms.map(|ms| ms as f64 / 1000.0), "{labels:?}");
        assert_eq!(value("betti_app_recent_failures"), Some(*recent_failures as f64), "{labels:?}");
        assert_eq!(value("betti_app_health_failures_total"), Some(*health_failures as f64), "{labels:?}");
        assert_eq!(value("betti_app_log_bytes_total"), Some(logs.written as f64), "{labels:?}");
        assert_eq!(value("betti_app_memory_rss_bytes").is_some(), app.pid.is_some(), "{labels:?}");
        let (uptime, later) = (app.uptime_ms.map(|ms| ms as f64 / 1000.0), value("betti_app_uptime_seconds"));
        assert!(later >= uptime && later.is_some() == uptime.is_some(), "{labels:?}: {uptime:?}, {later:?}");
        for (reason, detail, count) in exits {
            let [app, instance] = labels;
            let labels = [app, instance, ("reason", reason), ("detail", detail)];
            assert_eq!(seen.value("betti_app_exits_total", &labels), Some(*count as f64), "{labels:?}");
        }
    }
    let keeper = seen.value("betti_process_pid", &[("process", "keeper")]);
    assert_eq!(keeper, Some(f64::from(status.keeper.pid)));
    let describe = hub.ctl(&["describe", "broken"]).succeeded().stdout;
    assert!(describe.contains("1 by code 3"), "{describe}");
}

#[test]
fn a_tree_is_measured_whole_and_its_processor_time_never_shrinks() {
    let tree = "#!/bin/bash\nbash -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'\nsleep 1000 &\nwait\n";
    let hub = Hub::new(&[App::program("web", "./tree.sh")]);
    hub.write("tree.sh", tree);
    hub.ctl(&["start"]).succeeded();
    let seen = wait::until("its first child has ended, and the second is there", || {
        let seen = scrape(&hub);
        let children = process::children(hub.pid("web"));
        let sleeps = |child: &i32| process::look(*child).is_some_and(|child| child.command.contains("sleep"));
        let both = seen.value("betti_app_processes", &[WEB]) == Some(2.0);
        if both && children.iter().any(sleeps) { Ok(seen) } else { Err(format!("{children:?}")) }
    });
    let used = |seen: &Exposition| seen.value("betti_app_cpu_seconds_total", &[WEB]).expect("it used some");
    assert!(used(&seen) > 0.0, "what the child that is gone used is counted");
    let (rss, pss) = ("betti_app_memory_rss_bytes", "betti_app_memory_pss_bytes");
    assert!(seen.value(rss, &[WEB]) > seen.value(pss, &[WEB]), "what is shared counts for each in the first one");
    assert!(used(&scrape(&hub)) >= used(&seen));
}

#[test]
fn a_crowd_of_scrapers_is_answered_and_keeps_nobody_waiting() {
    const CROWD: usize = 60;
    let apps: Vec<_> =
        (0..20).map(|number| App::program(&format!("app{number}"), "/bin/sleep").set("args", "1000")).collect();
    let hub = Hub::started(&apps);
    let supervisor = hub.status().supervisor.pid;
    std::thread::scope(|scope| {
        let scrapers: Vec<_> = (0..CROWD).map(|_| scope.spawn(|| scrape(&hub))).collect();
        for _ in 0..20 {
            assert_eq!(hub.status().supervisor.pid, supervisor);
        }
        for scraper in scrapers {
            let seen = scraper.join().expect("an answer");
            assert_eq!(seen.value("betti_apps", &[("state", "online")]), Some(20.0));
        }
    });
    assert_eq!(hub.status().supervisor.pid, supervisor, "it was taken for one that hangs");
    let hung = scrape(&hub).value("betti_supervisor_replacements_total", &[("cause", "hung")]);
    assert_eq!(hung, Some(0.0));
}

#[test]
fn the_verb_prints_what_is_scraped_and_writes_it_for_node_exporter() {
    let hub = eventful();
    let text = hub.ctl(&["metrics"]).succeeded().stdout;
    assert!(text.starts_with("# HELP betti_info ") && !text.contains("# EOF"), "{text}");
    openmetrics::parse(&hub.ctl(&["metrics", "--openmetrics"]).succeeded().stdout).expect("OpenMetrics");
    let families: Vec<Family> =
        serde_json::from_str(&hub.ctl(&["metrics", "--json"]).succeeded().stdout).expect("JSON");
    assert!(families.iter().any(|family| family.name == "betti_app_up" && family.samples.len() == 5));
    let written = hub.ctl(&["metrics", "--output", "betti.prom"]).succeeded();
    assert_eq!(written.stdout, "");
    assert!(hub.read("betti.prom").contains("\nbetti_app_up{app=\"web\",instance=\"0\",namespace=\"default\"} 1\n"));
    assert_eq!(Hub::new(&[App::puppet("web", "ready")]).ctl(&["metrics"]).code, Some(3));
}

#[test]
fn the_script_for_sockets_answers_with_metrics_and_nothing_else() {
    let hub = eventful();
    let ctl = scenarios::binaries::built("betti-ctl");
    let ask = |hub: &Hub, request: &str| {
        let mut script = hub.command(&monitoring("answer.sh"));
        let mut child =
            script.arg(&ctl).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("sh");
        child.stdin.take().expect("a pipe").write_all(request.as_bytes()).expect("it reads");
        String::from_utf8(child.wait_with_output().expect("its end").stdout).expect("text")
    };
    for request in ["GET /metrics HTTP/1.1\r\nHost: localhost:9464\r\n\r\n", "POST /v1/kill HTTP/1.1\r\n\r\n", ""] {
        let answer = ask(&hub, request);
        let (head, body) = answer.split_once("\r\n\r\n").expect("HTTP");
        assert!(head.starts_with("HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4"), "{head}");
        assert!(body.contains("\nbetti_app_up{app=\"web\",instance=\"0\",namespace=\"default\"} 1\n"), "{body}");
    }
    hub.ctl(&["kill"]).succeeded();
    assert!(ask(&hub, "GET /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.0 503 "));
}

/// Names of metrics in a query: words that begin as all of ours do.
fn metrics_in(query: &str) -> BTreeSet<String> {
    let words = query.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    words.filter(|word| word.starts_with("betti_")).map(str::to_owned).collect()
}

#[test]
fn the_dashboard_asks_only_for_what_there_is() {
    let text = std::fs::read_to_string(monitoring("grafana.json")).expect("the dashboard");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    assert!(dashboard["schemaVersion"].as_u64().is_some_and(|version| version >= 38), "Grafana 10");
    for key in ["title", "uid", "time", "templating", "annotations", "panels", "tags", "timezone"] {
        assert!(!dashboard[key].is_null(), "{key}");
    }
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let mut queries: Vec<String> =
        variables.iter().filter_map(|one| one["definition"].as_str()).map(str::to_owned).collect();
    let (mut ids, mut places) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().expect("panels") {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_u64().expect("a number")), "{title}: its id is another one's");
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap_or_else(|| panic!("{title}: {key}"));
        let (x, y, w, h) = (place("x"), place("y"), place("w"), place("h"));
        assert!(x + w <= 24 && w > 0 && h > 0, "{title}");
        for spot in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(places.insert(spot), "{title} lies over another one");
        }
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let targets = panel["targets"].as_array().expect("queries");
        let references: BTreeSet<_> = targets.iter().map(|target| target["refId"].as_str().expect("a name")).collect();
        assert!(references.len() == targets.len() && !targets.is_empty(), "{title}");
        queries.extend(targets.iter().map(|target| target["expr"].as_str().expect("a query").to_owned()));
    }
    let annotations = dashboard["annotations"]["list"].as_array().expect("annotations");
    queries.extend(annotations.iter().filter_map(|one| one["expr"].as_str()).map(str::to_owned));
    let hub = eventful();
    let seen = scrape(&hub);
    let names = seen.names();
    let asked: BTreeSet<String> = queries.iter().flat_map(|query| metrics_in(query)).collect();
    assert!(asked.len() > 25, "{asked:?}");
    let missing: Vec<_> = asked.iter().filter(|name| !names.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "nobody tells {missing:?}");
}

#[test]
fn every_family_is_in_the_readme_and_the_other_way_round() {
    let text = std::fs::read_to_string(monitoring("README.md")).expect("the README");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `betti"));
    let said: BTreeSet<(String, String)> = rows
        .map(|row| {
            let (name, rest) = row.split_once("` | ").expect("a name");
            (format!("betti{name}"), rest.split_once(" |").expect("a type").0.to_owned())
        })
        .collect();
    let hub = eventful();
    hub.ctl(&["certs"]).succeeded();
    let told: BTreeSet<_> = scrape(&hub).families.into_iter().map(|family| (family.name, family.kind)).collect();
    assert_eq!(said, told);
}
