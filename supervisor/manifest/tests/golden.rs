//! What a person sees of a broken file: each `tests/broken/NAME.toml` is shown as in `NAME.txt`.
//!
//! `UPDATE_GOLDEN=1 cargo test -p manifest --test golden` writes what is shown now; look at the difference.

use std::path::{Path, PathBuf};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let files = std::fs::read_dir(folder).expect("the folder of cases").map(|entry| entry.expect("a case").path());
    let mut cases: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    cases.sort();
    cases
}

/// The first line may say `# profile: NAME`, for `--profile NAME`.
fn shown(text: &str) -> String {
    let profile = text.lines().next().and_then(|line| line.strip_prefix("# profile: "));
    let broken = manifest::parse(Path::new("/etc/betti/ecosystem.toml"), text, profile).expect_err("a broken file");
    format!("{}\n\n{broken}\n", broken.render(false))
}

#[test]
fn broken_files_are_shown_with_every_mistake_and_its_fix() {
    let cases = cases();
    assert!(cases.len() > 5, "the cases are missing");
    for case in cases {
        let text = std::fs::read_to_string(&case).expect("a case");
        let (shown, golden) = (shown(&text), case.with_extension("txt"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, shown).expect("the folder of cases can be written");
            continue;
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(shown, expected, "{} is shown differently", case.display());
    }
}

#[test]
fn colour_changes_nothing_but_colour() {
    for case in cases() {
        let text = std::fs::read_to_string(case).expect("a case");
        let Err(broken) = manifest::parse(Path::new("/e.toml"), &text, None) else { continue };
        let coloured = broken.render(true);
        assert!(coloured.contains("\u{1b}["));
        assert_eq!(without_colour(&coloured), broken.render(false));
    }
}

fn without_colour(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |all, piece| all + piece.split_once('m').map_or(piece, |(_, after)| after))
}
