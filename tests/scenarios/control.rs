//! The control socket: for its owner only, and not to be put out by what is sent to it.

use std::os::unix::fs::PermissionsExt;

use protocol::control::{LONGEST_BODY, Refusal, Status};
use scenarios::hub::Hub;
use scenarios::wait::PATIENCE;
use scenarios::{App, process};

#[test]
fn nobody_else_may_enter_the_runtime_directory_or_use_the_socket() {
    let hub = Hub::started(&[App::puppet("web", "ready")]);
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let socket = hub.control_socket();
    assert_eq!(format!("{:o}", mode(&socket)), "600");
    assert_eq!(format!("{:o}", mode(socket.parent().expect("a folder"))), "700");
}

#[test]
fn another_user_is_refused_by_the_kernels_word_even_where_the_socket_is_open_to_all() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("not tried: only root can become somebody else");
        return;
    }
    let hub = Hub::started(&[App::puppet("web", "ready")]);
    let socket = hub.control_socket();
    let open = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    open(&socket, 0o666);
    let ours = |folder: &&std::path::Path| *folder != std::path::Path::new("/") && *folder != std::env::temp_dir();
    socket.ancestors().skip(1).take_while(ours).for_each(|folder| open(folder, 0o711));
    let ask = |uid: &str| {
        let who = ["--reuid", uid, "--regid", uid, "--clear-groups", "curl", "-s", "--max-time", "10", "--unix-socket"];
        let asked = std::process::Command::new("setpriv").args(who).arg(&socket).arg("http://hub/v1/status").output();
        let asked = asked.expect("setpriv and curl");
        (asked.status.success(), String::from_utf8(asked.stdout).expect("text"))
    };
    let (answered, text) = ask("0");
    assert!(answered && text.contains("\"web\""), "the owner: {text}");
    let (_, text) = ask("65534");
    assert!(!text.contains("web"), "somebody else: {text}");
}

#[test]
fn any_http_client_can_ask_for_the_status() {
    let hub = Hub::started(&[App::puppet("web", "ready")]);
    let answer = hub.exchange("GET", "/v1/status", "", PATIENCE).expect("an answer");
    assert_eq!(answer.status, 200);
    let status: Status = serde_json::from_slice(&answer.body).expect("a status");
    assert_eq!(status.apps[0].name, "web");
}

#[test]
fn nonsense_is_refused_in_words_and_changes_nothing() {
    let hub = Hub::started(&[App::puppet("web", "ready")]);
    let pid = hub.pid("web");
    let huge = format!("{{\"targets\":[\"{}\"]}}", "x".repeat(LONGEST_BODY));
    let cases: [(&str, &str, &str, &[u16]); 6] = [
        ("GET", "/v1/nothing", "", &[404]),
        ("DELETE", "/v1/status", "", &[404, 405]),
        ("POST", "/v1/stop", "{ no json", &[400]),
        ("POST", "/v1/stop", "{\"targets\":\"web\"}", &[400]),
        ("POST", "/v1/stop", "{\"targets\":[\"nobody\"]}", &[404]),
        ("POST", "/v1/stop", &huge, &[400, 413]),
    ];
    for (method, path, body, expected) in cases {
        let answer = hub.exchange(method, path, body, PATIENCE).expect("an answer");
        assert!(expected.contains(&answer.status), "{method} {path}: {answer:?}");
        let refusal: Refusal =
            serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
        assert!(!refusal.error.is_empty());
    }
    assert_eq!(hub.pid("web"), pid);
}

#[test]
fn a_client_that_says_nothing_keeps_nobody_waiting() {
    // Deaf for longer than a supervisor may leave a client unanswered before it is taken for one that hangs.
    let hub = Hub::started(&[App::puppet("web", "deaf").waits_for_ready().set("kill_timeout", 3000)]);
    let silent: Vec<_> = (0..50).map(|_| std::os::unix::net::UnixStream::connect(hub.control_socket())).collect();
    assert!(silent.iter().all(Result::is_ok));
    let supervisor = hub.status().supervisor.pid;
    hub.ctl(&["stop"]).succeeded();
    assert_eq!(hub.status().supervisor.pid, supervisor, "it answered, and was replaced all the same");
    drop(silent);
    assert!(process::is_alive(supervisor));
}
