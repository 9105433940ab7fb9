//! Copies by the real program: under load, killed in the middle, onto sticks that are full, gone or pulled out.

mod home;

use std::{
    process::Stdio,
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    thread,
    time::{Duration, Instant},
};

use home::{Home, mounts_of_its_own, names, noise, plug_in, pull_out, rows};

/// How often it is killed: `BETTI_LOOPS`, else this many times.
const KILLS: u32 = 10;
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_copy_made_under_load_has_everything_that_was_acknowledged_before_and_nothing_torn() {
    let home = Home::new();
    let (over, kept) = (AtomicBool::new(false), AtomicI64::new(0));
    let copies: Vec<(i64, String)> = thread::scope(|scope| {
        let (home, over, kept) = (&home, &over, &kept);
        home.database("api.db");
        scope.spawn(move || {
            let mut connection = home.database("api.db");
            while !over.load(Ordering::Acquire) {
                Home::keep(&mut connection, 1, &format!("reading {}", kept.load(Ordering::Acquire)));
                kept.fetch_add(1, Ordering::AcqRel);
            }
        });
        let until_more = |than: i64| {
            while kept.load(Ordering::Acquire) <= than {
                thread::yield_now();
            }
        };
        until_more(20);
        let first = (kept.load(Ordering::Acquire), home.first_copy(&[]));
        let more = (0..3).map(|_| {
            let before = kept.load(Ordering::Acquire);
            until_more(before + 20);
            let before = kept.load(Ordering::Acquire);
            (before, home.done(&["now"])["file"].as_str().expect("a path").to_owned())
        });
        let copies = std::iter::once(first).chain(more).collect();
        over.store(true, Ordering::Release);
        copies
    });
    for (before, copy) in &copies[1..] {
        let restored = Home::new();
        std::fs::copy(home.path("key.txt"), restored.path("key.txt")).expect("copied");
        restored.restore(copy);
        let found = rows(&restored.path("data/api.db"));
        assert!(found >= *before, "{before} were acknowledged before, {found} are in the copy");
        assert!(found <= kept.load(Ordering::Acquire));
    }
}

#[test]
fn killed_in_the_middle_it_leaves_the_copies_from_before_and_cleans_up_the_next_time() {
    let home = Home::new();
    let mut connection = home.database("api.db");
    Home::keep(&mut connection, 1, "once");
    std::fs::create_dir(home.path("data/accelerometer")).expect("a folder");
    std::fs::write(home.path("data/accelerometer/a.csv"), noise(1 << 20)).expect("a file");
    let first = home.first_copy(&[]);
    let started = Instant::now();
    home.done(&["now"]);
    let whole = started.elapsed();
    let kills = std::env::var("BETTI_LOOPS").ok().and_then(|loops| loops.parse().ok()).unwrap_or(KILLS);
    for part in 1..=kills {
        let mut child = home
            .command(&["now"])
            .env("BETTI_BACKUP_KEEP", "10000 last")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        thread::sleep(whole * part / (kills + 1)); // Not to wait for something: any instant is as good.
        child.kill().expect("ours");
        child.wait().expect("ours");
        home.done(&["check", &first, "--key-file", "key.txt"]);
        for name in names(&home.path("backups")).iter().filter(|name| name.ends_with(".age")) {
            let path = home.path("backups").join(name);
            home.done(&["check", path.to_str().expect("text"), "--key-file", "key.txt"]);
        }
    }
    home.done(&["now"]);
    let left = names(&home.path("backups"));
    assert!(left.iter().all(|name| name.ends_with(".age")), "{left:?}");
    assert_eq!(names(&home.path("data/backup")), ["lock", "recipient.txt", "state.json"]);
    assert_eq!(rows(&home.path("data/api.db")), 1);
}

#[test]
fn old_copies_go_by_the_budget_and_those_of_others_stay() {
    let home = Home::new();
    home.database("api.db");
    let first = home.first_copy(&[]);
    let copies = home.path("backups");
    let hub =
        first.split("betti-").last().and_then(|name| name.split('-').next()).expect("the hub's letters").to_owned();
    for other in
        ["betti-00000000-20200101T030000Z.tar.gz.age", "photo.jpg", "betti-00000000-20200101T030000Z.tar.gz.age.part"]
    {
        std::fs::write(copies.join(other), "x").expect("a file");
    }
    // Two of one month, long ago: of each month the last one is kept.
    for day in ["20200101", "20200115"] {
        std::fs::write(copies.join(format!("betti-{hub}-{day}T030000Z.tar.gz.age")), "x").expect("a file");
    }
    home.command(&["now"]).env("BETTI_BACKUP_KEEP", "2 last, 12 monthly").status().expect("it runs");
    let left = names(&copies);
    assert!(left.contains(&format!("betti-{hub}-20200115T030000Z.tar.gz.age")), "{left:?}");
    assert!(!left.contains(&format!("betti-{hub}-20200101T030000Z.tar.gz.age")), "{left:?}");
    assert_eq!(left.iter().filter(|name| !name.contains(&hub)).count(), 3, "{left:?}");
}

#[test]
fn a_full_stick_costs_nothing_but_the_new_copy() {
    if !mounts_of_its_own() {
        return eprintln!("skipped: a file system can be mounted by root only");
    }
    let home = Home::new();
    let mut connection = home.database("api.db");
    Home::keep(&mut connection, 1, "once");
    let stick = home.path("stick");
    plug_in(&stick, "1m");
    let first = home.first_copy(&["--to", "stick"]);
    std::fs::write(home.path("data/large.bin"), noise(3 << 20)).expect("a file");
    let why = home.refused(&["now", "--to", "stick"]);
    assert!(why.contains("stick is full"), "{why}");
    assert_eq!(names(&stick).len(), 1, "nothing half-made stays: {:?}", names(&stick));
    home.done(&["check", &first, "--key-file", "key.txt"]);
}

#[test]
fn an_absent_stick_is_refused_and_its_mount_point_stays_empty() {
    if !mounts_of_its_own() {
        return eprintln!("skipped: a file system can be mounted by root only");
    }
    let home = Home::new();
    home.database("api.db");
    let stick = home.path("stick");
    plug_in(&stick, "8m");
    let to_stick =
        |command: &mut std::process::Command| command.env("BETTI_BACKUP_TO", "stick/betti").output().expect("it runs");
    let made = to_stick(&mut home.command(&["now"]));
    assert!(made.status.success(), "{made:?}");
    pull_out(&stick);
    let refused = to_stick(&mut home.command(&["now"]));
    assert_eq!(refused.status.code(), Some(1));
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(why.contains("nothing is mounted at") && why.contains("plug it in"), "{why}");
    assert_eq!(names(&stick), Vec::<String>::new());
    let state = std::fs::read_to_string(home.path("data/backup/state.json")).expect("a file");
    assert!(state.contains("nothing is mounted at"), "the family is told");
    plug_in(&stick, "8m");
    assert!(to_stick(&mut home.command(&["now"])).status.success(), "it, or another one, is back");
    assert_eq!(names(&stick.join("betti")).len(), 1);
}

#[test]
fn a_stick_that_is_pulled_out_in_the_middle_takes_nothing_along_and_leaves_nothing_on_this_disk() {
    if !mounts_of_its_own() {
        return eprintln!("skipped: a file system can be mounted by root only");
    }
    let home = Home::new();
    home.database("api.db");
    std::fs::write(home.path("data/large.bin"), noise(4 << 20)).expect("a file");
    let stick = home.path("stick");
    plug_in(&stick, "64m");
    home.first_copy(&["--to", "stick"]);
    let mut child =
        home.command(&["now", "--to", "stick"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
    let deadline = Instant::now() + PATIENCE;
    // No event tells of a file in a folder that is watched and unmounted; it is there for most of the time.
    while !names(&stick).iter().any(|name| name.ends_with(".part")) && child.try_wait().expect("ours").is_none() {
        assert!(Instant::now() < deadline);
        thread::yield_now();
    }
    pull_out(&stick);
    child.wait().expect("ours");
    assert_eq!(names(&stick), Vec::<String>::new(), "nothing was written to the folder below the stick");
    assert_eq!(names(&home.path("data")), ["api.db", "backup", "large.bin"], "nor to the data");
}

#[test]
fn a_folder_that_has_to_be_a_stick_and_is_none_is_refused() {
    let home = Home::new();
    home.database("api.db");
    for (to, why) in [
        ("/media/nobody/stick", "no mounted stick"),
        ("/run/media/nobody", "no mounted stick"),
        ("a/b/c", "there is no folder"),
        ("ecosystem.toml", "ecosystem.toml"),
    ] {
        let said = home.refused(&["now", "--to", to]);
        assert!(said.contains(why), "{to}: {said}");
    }
    assert_eq!(home.run(&["now", "--too", "x"]).status.code(), Some(2), "misuse");
}
