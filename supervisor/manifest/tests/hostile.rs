//! Whatever the file holds, the answer is a manifest or diagnostics that can be shown.

mod fuzzed;

use std::path::Path;

use manifest::{Diagnostics, Manifest};
use proptest::prelude::*;

const GOOD: &str = r#"profile = "https"
[[apps]]
name = "api"
script = "./api.js"
args = ["--verbose", "two words"]
listen = ["127.0.0.1:3001"]
env = { A = "ä", B = 2 }
env_https = { A = "b" }
wait_ready = true
kill_timeout = "10s"
[[apps]]
name = "web"
script = 'web'
depends_on = ["api"]
port = 5173
profiles = ["https", "ngrok"]
log_max_size = "10M"
stop_exit_codes = [0, 3]
[[apps]]
name = "each"
script = "all.js"
instances = "max"
listen = "0.0.0.0:8080"
ready = { http = "/ready" }
health = { exec = "./check --fast", interval = "30s", retries = 2 }
watchdog = "1m"
cron_restart = { at = "0 3 * * *", zone = "Europe/Vienna" }
watch = ["src", "/etc/all.conf"]
ignore_watch = ["*.tmp", "!keep.tmp"]
user = "pi"
group = 33
rlimits = { nofile = [1024, 4096], core = "unlimited" }
priority = "low"
log_date_format = "YYYY-MM-DD [at] HH:mm:ss.SSS Z"
"#;

const BROKEN: [&str; 6] = [
    include_str!("broken/values.toml"),
    include_str!("broken/between.toml"),
    include_str!("broken/keys.toml"),
    include_str!("broken/probes.toml"),
    include_str!("broken/times.toml"),
    include_str!("broken/processes.toml"),
];

fn check(text: &str) {
    fuzzed::answered(text, None);
}

fn parse(text: &str) -> Result<Manifest, Diagnostics> {
    manifest::parse(Path::new("/e.toml"), text, None)
}

/// A place in the text, and what to do there.
#[derive(Clone, Debug)]
enum Edit {
    Delete(usize, usize),
    Insert(usize, String),
    Copy(usize, usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let piece = prop_oneof![
        "[\\[\\]{}=\",.#\n'0-9a-z ]{1,4}",
        ".{1,3}",
        Just("[[apps]]\n".to_owned()),
        Just("script = ".to_owned()),
        Just("\u{feff}".to_owned()),
        Just("\r\n".to_owned()),
        Just("\"\\u0000\"".to_owned()),
    ];
    prop_oneof![
        (0..2000_usize, 1..30_usize).prop_map(|(at, length)| Edit::Delete(at, length)),
        (0..2000_usize, piece).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        (0..2000_usize, 1..60_usize, 0..2000_usize).prop_map(|(from, length, to)| Edit::Copy(from, length, to)),
    ]
}

fn edited(text: &str, edits: &[Edit]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for edit in edits {
        let place = |at: usize| at % (characters.len() + 1);
        let upto = |at: usize, length: usize| place(at)..(place(at) + length).min(characters.len());
        match edit {
            Edit::Delete(at, length) => _ = characters.drain(upto(*at, *length)),
            Edit::Insert(at, piece) => _ = characters.splice(place(*at)..place(*at), piece.chars()),
            Edit::Copy(from, length, to) => {
                let piece = characters[upto(*from, *length)].to_vec();
                characters.splice(place(*to)..place(*to), piece);
            }
        }
    }
    characters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn an_edited_good_file_is_answered(edits in prop::collection::vec(edit(), 1..6)) {
        check(&edited(GOOD, &edits));
    }

    #[test]
    fn an_edited_broken_file_is_answered(which in 0..BROKEN.len(), edits in prop::collection::vec(edit(), 1..6)) {
        check(&edited(BROKEN[which], &edits));
    }

    #[test]
    fn any_graph_of_apps_is_sound_or_refused(edges in prop::collection::vec((0..8_u8, 0..8_u8), 0..16)) {
        let app = |number: u8| {
            let needs: Vec<String> = edges.iter().filter(|(from, _)| *from == number).map(|(_, to)| format!("\"a{to}\"")).collect();
            format!("[[apps]]\nscript = \"a{number}\"\ndepends_on = [{}]\n", needs.join(", "))
        };
        let text: String = (0..8).map(app).collect();
        check(&text);
        let downhill = edges.iter().all(|(from, to)| from > to);
        prop_assert!(!downhill || parse(&text).is_ok());
    }
}

#[test]
fn the_texts_that_the_properties_start_from_are_what_they_seem() {
    assert!(parse(GOOD).is_ok());
    for broken in BROKEN {
        assert!(parse(broken).is_err());
        check(broken);
    }
}

#[test]
fn what_is_too_much_is_refused() {
    let long = format!("# {}\n", "x".repeat(manifest::LONGEST_FILE));
    let many = "[[apps]]\nscript = \"a\"\n".repeat(manifest::MOST_APPS + 1);
    let deep = format!("a = {}1{}", "[".repeat(5000), "]".repeat(5000));
    for text in [long, many, deep] {
        let broken = parse(&text).expect_err("too much");
        assert_eq!(broken.mistakes().len(), 1, "{broken}");
    }
}

#[test]
fn a_long_ring_is_found_without_running_out_of_stack() {
    let last = manifest::MOST_APPS - 1;
    let app = |number: usize| {
        let next = if number == last { 0 } else { number + 1 };
        format!("[[apps]]\nscript = \"a{number}\"\ndepends_on = [\"a{next}\"]\n")
    };
    let text: String = (0..manifest::MOST_APPS).map(app).collect();
    let broken = parse(&text).expect_err("a ring");
    assert_eq!(broken.mistakes().len(), 1);
}
