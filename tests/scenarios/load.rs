//! Nobody who asks is let down while apps are reloaded and restarted and supervisors die, whatever the app is made of: our own
//! worker, a Node program, nginx. What counts as a failure, and the one thing that does not: see the library's `load`.

use std::net::SocketAddr;

use protocol::control::Word;
use scenarios::hub::Hub;
use scenarios::load::{Load, Question, Tally};
use scenarios::ports::Port;
use scenarios::{App, http, loops, process};

/// In `make test`; ten times as many in `make soak`.
const ROUNDS: usize = 2;
/// Every so many rounds the supervisor is killed.
const ROUNDS_A_KILL: usize = 4;
/// What a history of readings has at most.
const LONGEST_HISTORY: usize = 10_000;

/// Reloads and restarts the app and kills supervisors while it is asked.
fn under_load(hub: &Hub, app: &str, port: &Port, questions: &[Question]) -> Tally {
    let rounds = loops(20).div_ceil(20 / ROUNDS);
    let address: SocketAddr = port.address().parse().expect("an address");
    let load = Load::on(address, questions);
    load.goes_on();
    for round in 0..rounds {
        hub.ctl(&["reload", app]).succeeded();
        load.goes_on();
        let restart = hub.begin(&["restart", app]);
        if round % ROUNDS_A_KILL == 0 {
            kill_the_supervisor(hub);
        }
        restart.output().succeeded();
        load.goes_on();
        if round % ROUNDS_A_KILL == ROUNDS_A_KILL - 1 {
            kill_the_supervisor(hub);
            load.goes_on();
        }
    }
    let tally = load.end();
    eprintln!("{app}, {rounds} rounds: {tally:?}");
    assert_eq!(tally.failed, 0, "{tally:?}");
    assert!(tally.answered > 500, "{tally:?}");
    tally
}

fn kill_the_supervisor(hub: &Hub) {
    let killed = hub.status().supervisor.pid;
    process::kill_9(killed);
    hub.until("another supervisor is at work", |watch| watch.status.supervisor.pid != killed);
}

fn get(path: &'static str) -> Question {
    Question { method: "GET", path, body: "", token: None, status: 200 }
}

#[test]
fn load_on_our_own_worker_is_answered_and_what_is_acknowledged_is_kept() {
    const READING: &str = r#"{"vital_type":"heart_rate","value_primary":61,"unit":"bpm"}"#;
    let port = Port::free();
    let hub = Hub::started(&[App::program("betti-backend", "betti-api")
        .set("listen", port.address())
        .set("listen_timeout", "30s")
        .set("wait_ready", true)]);
    let token = hub.service_token();
    let latest = Question { token: Some(token.clone()), ..get("/api/vitals/latest") };
    let reading =
        Question { method: "POST", path: "/api/vitals", body: READING, token: Some(token.clone()), status: 201 };
    let tally = under_load(&hub, "betti-backend", &port, &[latest, reading]);
    assert_eq!(tally.unread, 0, "it announces the end of each connection: {tally:?}");
    let path = format!("/api/vitals/history/heart_rate?limit={LONGEST_HISTORY}");
    let history = http::get_as(&token, port.number(), &path).expect("an answer").json();
    let kept = history["data"].as_array().expect("readings").len();
    assert_eq!(kept, tally.posted.min(LONGEST_HISTORY), "each that was acknowledged, once");
}

/// As people write it: stops taking connections, closes idle ones, and ends when the rest are answered.
const NODE: &str = r"const http = require('node:http');
let stopping = false;
const server = http.createServer((request, response) => {
    request.resume();
    request.on('end', () => setImmediate(() => {
        if (stopping) response.setHeader('connection', 'close');
        response.end('done');
    }));
    response.on('finish', () => { if (stopping) server.closeIdleConnections(); });
});
server.listen({ fd: 3 }, () => process.send('ready'));
process.on('SIGTERM', () => {
    stopping = true;
    server.close(() => process.exit(0));
    server.closeIdleConnections();
});
";

#[test]
fn load_on_a_node_program_is_answered() {
    let port = Port::free();
    let node = App::program("node", "./server.js").set("listen", port.address()).waits_for_ready();
    let hub = Hub::new(&[node]);
    hub.write("server.js", NODE);
    hub.ctl(&["start"]).succeeded();
    let post = Question { method: "POST", path: "/", body: "{}", token: None, status: 200 };
    under_load(&hub, "node", &port, &[get("/"), post]);
}

#[test]
fn load_on_nginx_is_answered() {
    let port = Port::free();
    let url = format!("http://{}/", port.address());
    let nginx = App::program("nginx", "nginx")
        .set("args", "-p . -c nginx.conf -e stderr -g 'daemon off; master_process on;'")
        .set("listen", port.address())
        .set("ready", serde_json::json!({ "http": url }))
        .set("listen_timeout", "30s")
        .set("kill_signal", "SIGQUIT")
        .set("listen_nonblocking", true)
        .env("NGINX", "3:");
    let hub = Hub::new(&[nginx]);
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/real-programs/nginx.conf");
    let example = std::fs::read_to_string(example).expect("the example");
    hub.write("nginx.conf", &example.replace("18080", &port.number().to_string()));
    std::fs::create_dir(hub.path("temp")).expect("a folder");
    hub.ctl(&["start"]).succeeded();
    assert_eq!(hub.app("nginx").status, Word::Online);
    let post = Question { method: "POST", path: "/", body: "{}", token: None, status: 200 };
    under_load(&hub, "nginx", &port, &[get("/"), post]);
}
