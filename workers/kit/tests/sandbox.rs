//! What a worker sees: tried by a worker of the kit (`examples/looking.rs`), with the sandbox and without.

use std::{
    fs,
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use landlock::{ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _};

/// An older one cannot allow renaming from folder to folder, so the sandbox leaves it alone.
const FIRST_THAT_IS_USED: ABI = ABI::V2;
/// An older one knows files only.
const FIRST_WITH_PORTS: ABI = ABI::V4;

/// Whether the kernel has all of that version: it is asked itself, because its files may not be mounted. Nothing is restricted by asking.
fn the_kernel_has(version: ABI) -> bool {
    let mut asked =
        Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessFs::from_all(version));
    if version >= FIRST_WITH_PORTS {
        asked = asked.and_then(|asked| asked.handle_access(AccessNet::from_all(version)));
    }
    asked.and_then(Ruleset::create).is_ok()
}

/// Beside the tests' own program.
fn program() -> PathBuf {
    let own = std::env::current_exe().expect("it is there");
    own.ancestors().nth(2).expect("it is there").join("examples/looking")
}

/// What came of each order, in their order, and last of all of them on another thread.
fn look(data: &Path, calls: u16, switch: &str, orders: &[String]) -> Vec<String> {
    let mut worker = Command::new(program());
    worker.env("BETTI_DATA_DIR", data).env("BETTI_SANDBOX", switch);
    worker.env("LOOKING_CALLS", format!("http://127.0.0.1:{calls}")).env("TMPDIR", data.join("tmp"));
    let mut worker = worker.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it is there");
    worker.stdin.take().expect("it is there").write_all(orders.join("\n").as_bytes()).expect("it is there");
    let output = worker.wait_with_output().expect("it is there");
    let text = String::from_utf8(output.stdout).expect("it is there");
    assert!(output.status.success(), "{text}");
    let lines = text.lines().filter_map(|line| line.strip_prefix("LOOKED "));
    lines.map(|line| line.rsplit_once(": ").expect("it is there").1.to_owned()).collect()
}

#[test]
fn a_worker_sees_what_it_named_and_nothing_else_on_none_of_its_threads() {
    if !the_kernel_has(FIRST_THAT_IS_USED) {
        eprintln!("not tried: this kernel has no Landlock, or an old one");
        return;
    }
    let has_ports = the_kernel_has(FIRST_WITH_PORTS);
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    for folder in ["data", "data/tmp", ".ssh"] {
        fs::create_dir(home.path().join(folder)).unwrap();
    }
    let (key, other) = (home.path().join(".ssh/id"), data.join("nutrition.db"));
    fs::write(&key, "secret").unwrap();
    fs::write(&other, "meals").unwrap();
    let (allowed, elsewhere) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let mut refused = vec![
        format!("read {}", key.display()),
        format!("read {}", other.display()),
        format!("write {}", other.display()),
        format!("write {}", data.join("new.db").display()),
        format!("write {}", home.path().join("outside").display()),
        "read /proc/1/status".into(),
        "run /bin/true".into(),
    ];
    if has_ports {
        refused.extend([format!("connect {}", port(&elsewhere)), "bind 0".into()]);
    } else {
        eprintln!("not tried: this kernel's Landlock knows no ports");
    }
    let done = [
        format!("sql {}", data.join("own.db").display()),
        format!("read {}", data.join("own.db-wal").display()),
        format!("write {}", data.join("tmp/spill").display()),
        "read /etc/hosts".into(),
        format!("connect {}", port(&allowed)),
    ];
    let orders: Vec<String> = refused.iter().chain(&done).cloned().collect();
    let held_back = look(&data, port(&allowed), "", &orders);
    let expected: Vec<_> = refused.iter().map(|_| "refused").chain(done.iter().map(|_| "done")).collect();
    assert_eq!(held_back[..orders.len()], expected, "{orders:#?}");
    assert_eq!(held_back[orders.len()], expected.join(" "), "on another thread");
    let free = look(&data, port(&allowed), "off", &orders);
    assert!(free[..refused.len()].iter().all(|said| said == "done"), "without it all of that can be done: {free:?}");
}
