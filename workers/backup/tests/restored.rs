//! The way back, by the real program: whole or not at all, whatever is wrong or happens in the middle.

mod home;

use home::{Home, names, rows};
use kit::{
    audit::{self, Question},
    person::erase::{self, Tombstone},
};

/// A home with a copy of one reading, and another reading since.
fn copied() -> (Home, String) {
    let home = Home::new();
    let mut connection = home.database("api.db");
    Home::keep(&mut connection, 1, "in the copy");
    std::fs::create_dir_all(home.path("data/accelerometer")).expect("a folder");
    std::fs::write(home.path("data/accelerometer/a.csv"), "timestamp,x,y,z\n").expect("a file");
    std::fs::create_dir(home.path("certs")).expect("a folder");
    std::fs::write(home.path("certs/cert.pem"), "certificate").expect("a file");
    let copy = home.first_copy(&[]);
    Home::keep(&mut connection, 1, "since");
    (home, copy)
}

#[test]
fn a_copy_is_put_in_place_and_the_present_data_are_kept() {
    let (home, copy) = copied();
    std::fs::remove_file(home.path("data/accelerometer/a.csv")).expect("removed");
    std::fs::write(home.path("ecosystem.toml"), "# newer\n").expect("a file");
    std::fs::remove_file(home.path("certs/cert.pem")).expect("removed");
    let restored = home.restore(&copy);
    assert_eq!(rows(&home.path("data/api.db")), 1);
    let before = std::path::Path::new(restored["before"].as_str().expect("a path"));
    assert_eq!(rows(&before.join("api.db")), 2);
    assert_eq!(std::fs::read_to_string(home.path("data/accelerometer/a.csv")).expect("a file"), "timestamp,x,y,z\n");
    assert_eq!(std::fs::read_to_string(home.path("certs/cert.pem")).expect("a file"), "certificate", "it was missing");
    assert_eq!(std::fs::read_to_string(home.path("ecosystem.toml")).expect("a file"), "# newer\n", "it was not");
    let beside = before.join("settings-of-the-copy/ecosystem.toml");
    assert_eq!(std::fs::read_to_string(beside).expect("a file"), "# what runs here\n");
    // Each resident is told.
    let question = Question { resident: Some(2), limit: 10, ..Question::default() };
    let told = audit::ask(&home.path("data"), &question).expect("the audit");
    assert_eq!(told.iter().map(|entry| entry.routes.join(" ")).collect::<Vec<_>>(), ["betti-ctl restore"]);
    // And again, which keeps that too.
    home.restore(&copy);
    assert_eq!(names(&home.path("data")).iter().filter(|name| name.starts_with("before-restore-")).count(), 2);
}

#[test]
fn a_new_machine_needs_the_copy_and_the_key_and_goes_on_with_both() {
    let (home, copy) = copied();
    let new = Home::new();
    std::fs::copy(home.path("key.txt"), new.path("key.txt")).expect("copied");
    std::fs::remove_dir(new.path("data")).expect("removed");
    let why = new.refused(&["check", &copy]);
    assert!(why.contains("--key-file"), "{why}");
    new.restore(&copy);
    assert_eq!(rows(&new.path("data/api.db")), 1);
    let made = new.done(&["now"]);
    assert!(made["key"].is_null(), "the same key: {made}");
    assert_eq!(
        made["name"].as_str().map(|name| name[..15].to_owned()),
        Some(copy.split('/').next_back().expect("a name")[..15].to_owned())
    );
}

#[test]
fn a_dry_run_changes_nothing_and_says_what_there_is() {
    let (home, copy) = copied();
    let before = names(&home.path("data"));
    for arguments in [vec!["check", &copy], vec!["check", &copy, "--key-file", "key.txt"]] {
        let report = home.done(&arguments);
        assert_eq!(report["databases"]["data/api.db"]["readings"], 1);
        assert_eq!(report["present"]["data/api.db"]["readings"], 2);
        assert_eq!((&report["whole"], &report["opened"]), (&true.into(), &(arguments.len() > 2).into()));
    }
    assert_eq!(names(&home.path("data")), before);
    assert_eq!(rows(&home.path("data/api.db")), 2);
}

#[test]
fn what_is_not_whole_is_refused_and_changes_nothing() {
    let (home, copy) = copied();
    let whole = std::fs::read(&copy).expect("a file");
    let before = names(&home.path("data"));
    let in_the_middle = whole.len() / 2;
    let mut flipped = whole.clone();
    flipped[in_the_middle] ^= 1;
    let longer = [whole.as_slice(), b"x"].concat();
    for (name, bytes) in [
        ("flipped", flipped.as_slice()),
        ("cut", &whole[..whole.len() - 1]),
        ("half", &whole[..in_the_middle]),
        ("longer", &longer),
        ("empty", b""),
        ("other", b"not a copy at all"),
    ] {
        let path = home.path(name);
        std::fs::write(&path, bytes).expect("a file");
        for verb in ["check", "restore"] {
            let why = home.refused(&[verb, name, "--key-file", "key.txt"]);
            assert!(why.contains(name), "{verb}: {why}");
        }
    }
    // By the book, without the key: it is the copy's name, and not what was written.
    std::fs::write(&copy, &longer).expect("a file");
    assert!(home.refused(&["check", &copy]).contains("damaged"));
    assert_eq!(names(&home.path("data")), before);
    assert_eq!(rows(&home.path("data/api.db")), 2);
}

#[test]
fn another_key_opens_nothing() {
    let (home, copy) = copied();
    let other = Home::new();
    other.database("api.db");
    let theirs = other.first_copy(&[]);
    assert!(home.refused(&["restore", &theirs, "--key-file", "key.txt"]).contains("another key"));
    let key = std::fs::read_to_string(home.path("key.txt")).expect("a file");
    let (made, _) = (home.done(&["now", "--new-key"]), std::fs::write(home.path("old.txt"), &key));
    assert_ne!(made["key"].as_str(), Some(key.as_str()));
    let newer = made["file"].as_str().expect("a path");
    assert!(home.refused(&["check", newer, "--key-file", "old.txt"]).contains("another key"));
    home.done(&["check", &copy, "--key-file", "old.txt"]);
    let bytes = std::fs::read(home.path("data/backup/recipient.txt")).expect("a file");
    assert!(!String::from_utf8_lossy(&bytes).contains("SECRET"), "the hub has the public half only");
}

#[test]
fn a_copy_is_what_other_programs_of_the_format_would_read() {
    let (home, copy) = copied();
    let bytes = std::fs::read(copy).expect("a file");
    assert!(bytes.starts_with(b"age-encryption.org/v1\n"));
    assert!(!bytes.windows(11).any(|window| window == b"in the copy"));
    drop(home);
}

#[test]
fn data_that_somebody_uses_are_not_replaced() {
    let (home, copy) = copied();
    let in_use = home.database("api.db");
    let why = home.refused(&["restore", &copy, "--key-file", "key.txt"]);
    assert!(why.contains("data/api.db is in use"), "{why}");
    drop(in_use);
    assert_eq!(rows(&home.path("data/api.db")), 2);
    // What was unpacked is still there, and can be placed without the key.
    home.done(&["place"]);
    assert_eq!(rows(&home.path("data/api.db")), 1);
}

#[test]
fn a_restore_that_is_cut_off_is_finished_from_wherever_it_was() {
    // Moving aside: nothing moved yet, one of two moved. Moving in: nothing, one of two, all but the note.
    for (step, aside, inside) in
        [("moving-aside", 0, 0), ("moving-aside", 1, 0), ("moving-in", 2, 0), ("moving-in", 2, 1), ("moving-in", 2, 2)]
    {
        let (home, copy) = copied();
        home.done(&["restore", "--unpack", &copy, "--key-file", "key.txt"]);
        let (data, before) = (home.path("data"), home.path("data/before-restore-x"));
        std::fs::create_dir(&before).expect("a folder");
        for name in ["api.db", "accelerometer"].iter().take(aside) {
            std::fs::rename(data.join(name), before.join(name)).expect("moved");
        }
        for name in ["api.db", "accelerometer"].iter().take(inside) {
            std::fs::rename(data.join("backup/restoring/data").join(name), data.join(name)).expect("moved");
        }
        let note = format!("{{\"step\":\"{step}\",\"before\":\"before-restore-x\"}}");
        std::fs::write(data.join("restore-unfinished.json"), note).expect("a file");
        home.done(&["place"]);
        assert_eq!((rows(&data.join("api.db")), rows(&before.join("api.db"))), (1, 2), "{step} {aside} {inside}");
        assert!(before.join("accelerometer/a.csv").exists() && data.join("accelerometer/a.csv").exists());
        assert_eq!(names(&data.join("backup")), ["lock", "recipient.txt", "state.json"]);
        assert!(!data.join("restore-unfinished.json").exists());
    }
}

#[test]
fn who_was_erased_since_is_erased_from_an_older_copy() {
    let (home, _) = copied();
    let mut connection = home.database("api.db");
    Home::keep(&mut connection, 2, "somebody else");
    drop(connection);
    let copy = home.done(&["now"])["file"].as_str().expect("a path").to_owned();
    let tombstone = Tombstone {
        id: "0190-t".into(),
        resident: 1,
        erased_at: "2999-01-01T00:00:00.000Z".into(),
        rows: Default::default(),
        folders: vec!["accelerometer".into()],
    };
    let erased = erase::from_home(&home.path("data"), &tombstone).expect("erased");
    assert_eq!(erased.rows["api.readings"], 2);
    let report = home.done(&["check", &copy]);
    assert_eq!(report["erased_since"], serde_json::json!([1]));
    home.done(&["now"]);
    let is_gone = |home: &Home| {
        assert_eq!(rows(&home.path("data/api.db")), 1, "only somebody else's");
        assert!(!home.path("data/accelerometer/a.csv").exists());
        let bytes = std::fs::read(home.path("data/api.db")).expect("a file");
        assert!(!bytes.windows(11).any(|window| window == b"in the copy"), "not even in the file");
    };
    // Here, and where only the stick is left of this hub.
    let new = Home::new();
    std::fs::copy(home.path("key.txt"), new.path("key.txt")).expect("copied");
    new.restore(&copy);
    is_gone(&new);
    home.restore(&copy);
    is_gone(&home);
    // A later copy has the tombstone itself, and the number may be somebody's again.
    let mut connection = home.database("api.db");
    Home::keep(&mut connection, 1, "the next one");
    drop(connection);
    let later = home.done(&["now"])["file"].as_str().expect("a path").to_owned();
    home.restore(&later);
    assert_eq!(rows(&home.path("data/api.db")), 2);
}
