//! Whatever the file holds, the answer is a manifest or diagnostics that can be shown.

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
"#;

const BROKEN: [&str; 3] =
    [include_str!("broken/values.toml"), include_str!("broken/between.toml"), include_str!("broken/keys.toml")];

fn parse(text: &str) -> Result<Manifest, Diagnostics> {
    manifest::parse(Path::new("/e.toml"), text, None)
}

/// What every answer must keep to.
fn check(text: &str) {
    let broken = match parse(text) {
        Ok(manifest) => return sound(&manifest),
        Err(broken) => broken,
    };
    assert!(!broken.mistakes().is_empty());
    let lines: Vec<&str> = text.split('\n').collect();
    for mistake in broken.mistakes() {
        let related = mistake.related.iter().map(|related| &related.span);
        for span in related.chain([&mistake.span]) {
            assert!(text.get(span.clone()).is_some(), "{span:?} is not in the file: {mistake:?}");
        }
        let line = lines[mistake.line - 1];
        assert!(mistake.column <= line.chars().count() + 1, "{mistake:?}");
        assert!(!mistake.message.chars().any(char::is_control), "{mistake:?}");
    }
    let starts: Vec<usize> = broken.mistakes().iter().map(|mistake| mistake.span.start).collect();
    assert!(starts.is_sorted());
    for mistake in broken.mistakes() {
        let place = format!("/e.toml:{}:{}", mistake.line, mistake.column);
        assert!(broken.to_string().contains(&place));
        assert!(broken.render(false).contains(&mistake.message));
    }
    assert!(!broken.render(true).is_empty());
}

/// What whoever acts on a manifest relies on.
fn sound(manifest: &Manifest) {
    for (place, app) in manifest.apps.iter().enumerate() {
        assert!(!manifest.apps[..place].iter().any(|other| other.name == app.name || other.id >= app.id));
        assert!(app.depends_on.iter().all(|needed| *needed != app.name && manifest.app(needed).is_some()));
        assert!(app.cwd.is_absolute() && app.out_file.is_absolute() && app.error_file.is_absolute());
        assert!(app.profiles.is_empty() || app.profiles.contains(&manifest.profile));
    }
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
