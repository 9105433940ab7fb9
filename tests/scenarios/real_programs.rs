//! Programs that nobody here wrote, as `tests/examples/real-programs` shows them: each becomes ready in its own way, is
//! restarted without refusing anybody where it can be, and leaves nothing when it is stopped.
//!
//! Those with `peers` in their names are run by `make test-peers`, because they need more programs.

use std::fs::Permissions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use protocol::control::Word;
use scenarios::hub::Hub;
use scenarios::ports::Port;
use scenarios::{http, process};

/// The example with ports that are free here, of which only `app` is started.
fn example(app: &str, ports: &[(&str, &Port)]) -> Hub {
    let hub = Hub::with_file(&adapted("ecosystem.toml", ports));
    std::fs::create_dir(hub.path("temp")).expect("a folder");
    for name in ["nginx.conf", "cluster.js", "postgres.sh"] {
        hub.write(name, &adapted(name, ports));
    }
    std::fs::set_permissions(hub.path("postgres.sh"), Permissions::from_mode(0o755)).expect("ours");
    hub.ctl(&["start", app]).succeeded();
    assert_eq!(hub.app(app).status, Word::Online);
    hub
}

/// A file of the example, with ports and a folder of the database that no other test has.
fn adapted(name: &str, ports: &[(&str, &Port)]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/real-programs");
    let text = std::fs::read_to_string(folder.join(name)).expect("the example");
    let text = text.replace("/tmp/betti-example-postgres", &database());
    ports.iter().fold(text, |text, (written, port)| text.replace(written, &port.number().to_string()))
}

/// Where another user can make a folder.
fn database() -> String {
    format!("/tmp/betti-postgres-{}", std::process::id())
}

fn stops_leaving_nothing(hub: &Hub, app: &str) {
    hub.ctl(&["stop", app]).succeeded();
    hub.assert_no_worker_is_left();
    hub.ctl(&["kill"]).succeeded();
    hub.until_nothing_is_left();
}

fn redis_says(port: &Port, command: &str) -> String {
    let mut stream = TcpStream::connect(port.address()).expect("redis listens");
    stream.write_all(format!("{command}\r\n").as_bytes()).expect("it listens");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("it answers");
    line.trim().to_owned()
}

#[test]
fn redis_is_online_when_it_says_so_by_sd_notify_and_is_restarted_when_it_is_killed() {
    let port = Port::free();
    let hub = example("redis", &[("16379", &port)]);
    assert_eq!(redis_says(&port, "PING"), "+PONG");
    let redis = hub.app("redis");
    assert!(redis.says.is_some_and(|says| says.contains("Ready to accept connections")), "its own words are shown");
    process::kill_9(redis.pid.expect("it runs"));
    hub.until_app("redis", "came back", |app| app.status == Word::Online && app.pid != redis.pid);
    assert_eq!(redis_says(&port, "PING"), "+PONG");
    stops_leaving_nothing(&hub, "redis");
}

#[test]
fn nginx_serves_the_held_socket_and_a_restart_refuses_nobody() {
    let port = Port::free();
    let hub = example("nginx", &[("18080", &port)]);
    let asking = AtomicBool::new(true);
    let answers = std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut answers = 0;
            while asking.load(Ordering::Relaxed) {
                let answer = http::get(port.number(), "/").expect("nobody is refused");
                assert_eq!(answer.text(), "nginx answers\n");
                answers += 1;
            }
            answers
        });
        for _ in 0..3 {
            hub.ctl(&["restart", "nginx"]).succeeded();
        }
        asking.store(false, Ordering::Relaxed);
        client.join().expect("every request was answered")
    });
    assert!(answers > 0);
    // nginx's own reload: other workers below the same master.
    let (master, workers) = (hub.pid("nginx"), process::children(hub.pid("nginx")));
    hub.ctl(&["sendSignal", "HUP", "nginx"]).succeeded();
    scenarios::wait::until("nginx has other workers", || {
        let now = process::children(master);
        if now.len() == 2 && now.iter().all(|pid| !workers.contains(pid)) { Ok(()) } else { Err(format!("{now:?}")) }
    });
    assert_eq!(hub.pid("nginx"), master);
    stops_leaving_nothing(&hub, "nginx");
}

#[test]
fn a_node_cluster_is_online_when_its_primary_says_so_and_takes_its_workers_along() {
    let port = Port::free();
    let hub = example("cluster", &[("18081", &port)]);
    assert!(http::get(port.number(), "/").expect("an answer").text().ends_with("answers\n"));
    assert_eq!(hub.until_workers(3).len(), 3, "a primary and two workers");
    // A primary that is killed leaves its workers behind: they are ended before the next one starts.
    let before = hub.pid("cluster");
    process::kill_9(before);
    hub.until_app("cluster", "came back", |app| app.status == Word::Online && app.pid != Some(before));
    assert_eq!(hub.until_workers(3).len(), 3);
    stops_leaving_nothing(&hub, "cluster");
}

#[test]
#[ignore = "needs PostgreSQL and root: make test-peers"]
fn peers_postgres_runs_as_its_own_user_and_says_by_sd_notify_that_it_is_ready() {
    let port = Port::free();
    let hub = example("postgres", &[("15432", &port)]);
    let mut stream = TcpStream::connect(port.address()).expect("it listens");
    // SSLRequest: any answer of one byte says that a PostgreSQL is there.
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).expect("it listens");
    let mut answer = [0];
    stream.read_exact(&mut answer).expect("it answers");
    assert!(matches!(&answer, b"S" | b"N"), "{answer:?}");
    assert_eq!(hub.app("postgres").user.as_deref(), Some("postgres"));
    hub.ctl(&["restart", "postgres"]).succeeded();
    stops_leaving_nothing(&hub, "postgres");
    std::fs::remove_dir_all(database()).expect("the database's folder");
}

#[test]
#[ignore = "needs mosquitto: make test-peers"]
fn peers_mosquitto_is_online_when_it_accepts_connections() {
    let port = Port::free();
    let hub = example("mosquitto", &[("11883", &port)]);
    TcpStream::connect(port.address()).expect("it listens");
    hub.ctl(&["restart", "mosquitto"]).succeeded();
    TcpStream::connect(port.address()).expect("it listens");
    stops_leaving_nothing(&hub, "mosquitto");
}

#[test]
#[ignore = "make test-peers"]
fn peers_pythons_file_server_is_online_when_it_answers() {
    let port = Port::free();
    let hub = example("files", &[("18082", &port)]);
    assert!(http::get(port.number(), "/ecosystem.toml").expect("an answer").text().contains("python3"));
    hub.ctl(&["restart", "files"]).succeeded();
    stops_leaving_nothing(&hub, "files");
}
