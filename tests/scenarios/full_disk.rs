//! A disk without room for logs: no worker waits for it, the newest lines do, and what was lost is said.

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::sched::{CloneFlags, unshare};
use scenarios::hub::Hub;
use scenarios::{App, process, wait};

/// Lines of the flood: more than wait for room.
const FLOOD: usize = 20_000;

/// A file system of so little room, for this thread and its children only, which goes with them.
fn small_disk(at: &Path) -> bool {
    let mount =
        |arguments: &[&str]| Command::new("mount").args(arguments).status().is_ok_and(|status| status.success());
    unshare(CloneFlags::CLONE_NEWNS).is_ok()
        && mount(&["--make-rprivate", "/"])
        && mount(&["-t", "tmpfs", "-o", "size=1m", "none", &at.to_string_lossy()])
}

#[test]
fn a_full_disk_stops_nobody_keeps_the_newest_lines_and_says_what_was_lost() {
    let flood = format!(
        "#!/bin/bash\nfor n in $(seq {FLOOD}); do echo \"line $n of the flood\"; done\necho done > flooded\n\
         n=0\nwhile :; do n=$((n+1)); echo \"tick $n\"; echo $n > alive; sleep 0.01; done\n"
    );
    let hub = Hub::new(&[App::program("flood", "bash").set("args", vec!["flood.sh"])]);
    hub.write("flood.sh", &flood);
    fs::create_dir(hub.path("logs")).expect("a folder");
    if !small_disk(&hub.path("logs")) {
        // What a full disk answers is seen without one in `complaints`, where a log is /dev/full.
        return eprintln!("skipped: a file system can be mounted by root only");
    }
    assert!(fs::write(hub.path("logs/ballast"), vec![0; 2 << 20]).is_err(), "it is full");
    hub.ctl(&["start"]).succeeded();
    let pid = hub.pid("flood");
    wait::until("the flood is over", || if hub.path("flooded").exists() { Ok(()) } else { Err("not yet") });
    let lost = |what: &str| {
        let shown = hub.ctl(&["describe", "flood", "--json"]).succeeded().stdout;
        let shown: serde_json::Value = serde_json::from_str(&shown).expect("json");
        shown[0]["logs"][what].as_u64().expect("a number")
    };
    let seen = wait::until("the loss is counted", || Some(lost("lost_lines")).filter(|lost| *lost > 1000).ok_or("few"));
    process::kill_9(hub.status().supervisor.pid);
    assert!(lost("lost_lines") >= seen, "a successor knows of it");
    let alive = || fs::read_to_string(hub.path("alive")).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let ticks = wait::until("it ticks", || alive().ok_or("not yet"));
    fs::remove_file(hub.path("logs/ballast")).expect("the ballast");
    let log = wait::until("the log goes on", || {
        let text = fs::read_to_string(hub.path("logs/flood-out.log")).unwrap_or_default();
        if text.contains(&format!("\ntick {}\n", ticks + 50)) { Ok(text) } else { Err(text) }
    });
    let newest: Vec<&str> = log.lines().skip_while(|line| !line.contains(" bytes of output were lost here")).collect();
    assert!(!newest.is_empty(), "no loss is told in {log}");
    assert!(newest[0].starts_with("[betti] ") && newest[0].ends_with("No space left on device (os error 28)"), "{log}");
    let first: usize = newest[1].split(' ').nth(1).and_then(|number| number.parse().ok()).expect("a line of the flood");
    assert!(first > 1000 && newest[1] == format!("line {first} of the flood"), "{}", newest[1]);
    let expected = (first..=FLOOD).map(|number| format!("line {number} of the flood"));
    let expected = expected.chain((1..=ticks + 50).map(|number| format!("tick {number}")));
    assert!(
        newest[1..].iter().copied().map(str::to_owned).zip(expected).all(|(line, expected)| line == expected),
        "{log}"
    );
    assert_eq!((hub.pid("flood"), hub.app("flood").restarts), (pid, 0));
}
