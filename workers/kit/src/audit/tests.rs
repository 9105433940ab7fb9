use std::{path::Path, thread};

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use super::{file::File, windows::Due, *};
use crate::{Area, clock};

fn seen(device: &str, what: What, at: Timestamp) -> Seen {
    Seen {
        at,
        who: Who { device: Some(device.into()), role: "carer" },
        address: Some("192.168.1.7".into()),
        area: Some(Area::Vitals),
        what,
        resident: 1,
        route: "GET /api/vitals/{type}".into(),
        thing: None,
        status: 200,
    }
}

fn change(device: &str) -> Seen {
    seen(device, What::Change, Timestamp::now())
}

fn all(folder: &Path) -> Vec<Entry> {
    ask(folder, &Question { limit: 10_000, ..Question::default() }).unwrap()
}

fn append(folder: &Path, seen: Vec<Seen>) {
    let due: Vec<_> = seen.into_iter().map(|seen| Due { entry: Entry::of(seen), begins: None, ends: None }).collect();
    File::open(folder).unwrap().append(&due).unwrap();
}

/// As somebody would who has the file and means to change what it says.
fn tamper(folder: &Path, sql: &str) {
    let connection = Connection::open(folder.join(FILE)).unwrap();
    connection.execute_batch("DROP TRIGGER entries_stay_as_they_are; DROP TRIGGER entries_stay").unwrap();
    connection.execute_batch(sql).unwrap();
}

#[test]
fn what_is_noted_is_there_after_closing_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::open(folder.path()).unwrap();
    let now = Timestamp::now();
    for _ in 0..3 {
        audit.note(seen("a", What::Read, now));
    }
    audit.note(change("b"));
    audit.close();
    audit.note(change("late"));
    let found = all(folder.path());
    let shown: Vec<_> =
        found.iter().map(|entry| (entry.seq, entry.what, entry.times, entry.device.as_deref())).collect();
    // The first read's own entry is replaced by the one about all three.
    assert_eq!(shown, [(3, What::Read, 3, Some("a")), (2, What::Change, 1, Some("b"))]);
    let checked = check(folder.path()).unwrap();
    assert_eq!((checked.entries, checked.broken), (3, None));
}

#[test]
fn two_workers_append_in_turn_to_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let audits = [Audit::open(folder.path()).unwrap(), Audit::open(folder.path()).unwrap()];
    let threads: Vec<_> = audits
        .into_iter()
        .map(|audit| {
            thread::spawn(move || {
                (0..300).for_each(|_| audit.note(change("a")));
                audit.close();
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let checked = check(folder.path()).unwrap();
    assert_eq!((checked.entries, checked.broken), (600, None));
}

#[test]
fn nothing_can_be_changed_or_taken_out() {
    let folder = tempfile::tempdir().unwrap();
    append(folder.path(), vec![change("a"), change("b")]);
    let connection = Connection::open(folder.path().join(FILE)).unwrap();
    for sql in [
        "UPDATE entries SET by_device = 'c'",
        "DELETE FROM entries",
        "INSERT INTO retention (through, hash, at) VALUES (1, zeroblob(32), '')",
    ] {
        assert!(connection.execute_batch(sql).is_err(), "{sql}");
    }
    assert_eq!(all(folder.path()).len(), 2);
}

#[test]
fn whoever_changes_it_all_the_same_is_found_out_and_where() {
    let table = [
        ("UPDATE entries SET by_device = 'somebody else' WHERE seq = 2", Some(2)),
        ("UPDATE entries SET times = 9 WHERE seq = 1", Some(1)),
        ("UPDATE entries SET hash = zeroblob(32) WHERE seq = 4", Some(4)),
        ("DELETE FROM entries WHERE seq = 3", Some(3)),
        ("DELETE FROM entries WHERE seq = 1", Some(1)),
        ("DELETE FROM entries WHERE seq = 4", Some(4)),
        ("DELETE FROM entries", Some(1)),
        ("SELECT 1", None),
    ];
    for (sql, broken) in table {
        let folder = tempfile::tempdir().unwrap();
        append(folder.path(), (0..4).map(|number| change(&number.to_string())).collect());
        tamper(folder.path(), sql);
        assert_eq!(check(folder.path()).unwrap().broken.map(|(seq, _)| seq), broken, "{sql}");
    }
}

#[test]
fn what_is_older_than_two_years_is_let_go_and_the_chain_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let now = Timestamp::now();
    let long_ago = now - SignedDuration::from_hours(24 * 800);
    append(folder.path(), vec![seen("a", What::Change, long_ago), seen("b", What::Change, long_ago), change("c")]);
    let mut file = File::open(folder.path()).unwrap();
    assert_eq!((file.let_go(now).unwrap(), file.let_go(now).unwrap()), (2, 0));
    append(folder.path(), vec![change("d")]);
    let checked = check(folder.path()).unwrap();
    assert_eq!((checked.entries, checked.newest.0, checked.broken), (2, 4, None));
    tamper(folder.path(), "UPDATE entries SET by_device = 'x' WHERE seq = 3");
    assert_eq!(check(folder.path()).unwrap().broken.map(|(seq, _)| seq), Some(3));
    // If all of it is old, it goes on from there too.
    let folder = tempfile::tempdir().unwrap();
    append(folder.path(), vec![seen("a", What::Change, long_ago)]);
    assert_eq!(File::open(folder.path()).unwrap().let_go(now).unwrap(), 1);
    append(folder.path(), vec![change("b")]);
    assert_eq!(check(folder.path()).unwrap().broken, None);
}

#[test]
fn what_cannot_be_written_yet_waits_and_what_there_is_no_room_for_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::open(folder.path()).unwrap();
    // As when the disk is full: nothing can be appended.
    let connection = Connection::open(folder.path().join(FILE)).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let noted = LONGEST_QUEUE * 3;
    for number in 0..noted {
        audit.note(change(&number.to_string()));
        if number % LONGEST_QUEUE == 0 {
            thread::yield_now(); // Gives the writer a turn; nothing is waited for.
        }
    }
    connection.execute_batch("COMMIT").unwrap();
    audit.close();
    let found = ask(folder.path(), &Question { limit: u32::MAX, ..Question::default() }).unwrap();
    let lost: i64 = found.iter().filter(|entry| entry.what == What::Lost).map(|entry| entry.times).sum();
    let kept = found.iter().filter(|entry| entry.what == What::Change).count();
    assert_eq!(kept as i64 + lost, noted as i64, "every one is there or counted");
    assert_eq!(check(folder.path()).unwrap().broken, None);
}

#[test]
fn a_full_disk_keeps_nothing_half_and_it_goes_on_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    append(folder.path(), vec![change("a")]);
    let mut file = File::open(folder.path()).unwrap();
    let pages: i64 = file.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    file.connection.pragma_update(None, "max_page_count", pages).unwrap();
    let many: Vec<_> = (0..500).map(|_| Due { entry: Entry::of(change("b")), begins: None, ends: None }).collect();
    assert!(file.append(&many).is_err());
    file.connection.pragma_update(None, "max_page_count", 100_000).unwrap();
    file.append(&many).unwrap();
    let checked = check(folder.path()).unwrap();
    assert_eq!((checked.entries, checked.broken), (501, None));
}

#[test]
fn a_question_is_about_a_resident_and_a_time_and_goes_back_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let at = |hour: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour);
    let of = |resident, hour| Seen { resident, ..seen("a", What::Change, at(hour)) };
    let other = Seen { area: Some(Area::Activity), ..seen("b", What::Change, at(4)) };
    append(folder.path(), vec![of(1, 1), of(2, 2), of(1, 3), other]);
    let seqs =
        |question: Question| ask(folder.path(), &question).unwrap().iter().map(|entry| entry.seq).collect::<Vec<_>>();
    let whole = Question { limit: 100, ..Question::default() };
    let first = Question { resident: Some(1), ..whole.clone() };
    assert_eq!(seqs(whole), [4, 3, 2, 1]);
    assert_eq!(seqs(first.clone()), [4, 3, 1]);
    assert_eq!(seqs(Question { limit: 2, ..first.clone() }), [4, 3]);
    assert_eq!(seqs(Question { before: Some(3), ..first.clone() }), [1]);
    assert_eq!(seqs(Question { from: Some(at(3)), ..first.clone() }), [4, 3]);
    assert_eq!(seqs(Question { from: Some(at(3)), to: Some(at(4)), ..first.clone() }), [3]);
    assert_eq!(seqs(Question { device: Some("a".into()), ..first.clone() }), [3, 1]);
    assert_eq!(seqs(Question { area: Some(Area::Activity), ..first.clone() }), [4]);
    assert_eq!(seqs(Question { device: Some("a".into()), area: Some(Area::Activity), ..first }), [0; 0]);
}

#[test]
fn entries_stay_when_a_resident_is_erased_and_whoever_has_the_number_next_sees_none() {
    use crate::person::{erase, rows};
    let folder = tempfile::tempdir().unwrap();
    append(folder.path(), vec![change("a")]);
    let tombstone = erase::Tombstone {
        id: "e".into(),
        resident: 1,
        erased_at: clock::iso(Timestamp::now()),
        rows: Default::default(),
        folders: Vec::new(),
    };
    erase::from_home(folder.path(), &tombstone).unwrap();
    append(folder.path(), vec![seen("b", What::Change, Timestamp::now() + SignedDuration::from_secs(5))]);
    let checked = check(folder.path()).unwrap();
    assert_eq!((checked.entries, checked.broken), (2, None), "nothing is gone");
    let theirs = ask(folder.path(), &Question { resident: Some(1), limit: 9, ..Question::default() }).unwrap();
    assert_eq!(theirs.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [2]);
    let connection = Connection::open(folder.path().join(FILE)).unwrap();
    let tables = rows::of(&connection).unwrap();
    let entries = tables.iter().find(|rows| rows.table == "entries").unwrap();
    let handed_out = entries.all(&connection, 1).unwrap();
    assert_eq!((handed_out.len(), &handed_out[0]["by_device"]), (1, &serde_json::json!("b")));
}
