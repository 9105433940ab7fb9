//! A profile is switched by changing one word of the file.

use std::path::Path;

use manifest::with_profile;
use proptest::prelude::*;

const PATH: &str = "/hub/ecosystem.toml";

fn switched(text: &str, profile: &str) -> String {
    with_profile(Path::new(PATH), text, profile).unwrap_or_else(|broken| panic!("{}", broken.render(false)))
}

fn in_force(text: &str) -> String {
    manifest::parse(Path::new(PATH), text, None).expect("a good file").profile
}

#[test]
fn only_the_word_is_another() {
    let text = include_str!("../../../ecosystem.toml");
    let ngrok = switched(text, "ngrok");
    assert_eq!(ngrok, text.replace("profile = \"https\"", "profile = \"ngrok\""));
    assert_eq!(switched(&ngrok, "https"), text);
}

#[test]
fn the_word_is_found_however_it_is_written() {
    let apps = "[[apps]]\nscript = 'a'\nprofiles = [\"x\", \"y\"]\n";
    let rows = [
        ("profile='x' # here\n", "profile=\"y\" # here\n"),
        ("'profile' = \"\"\"x\"\"\"\r\n", "'profile' = \"y\"\r\n"),
        ("# profile = \"z\"\n", "profile = \"y\"\n# profile = \"z\"\n"),
        ("\u{feff}\n", "\u{feff}profile = \"y\"\n\n"),
        ("", "profile = \"y\"\n"),
    ];
    for (head, expected) in rows {
        assert_eq!(switched(&format!("{head}{apps}"), "y"), format!("{expected}{apps}"), "{head:?}");
    }
}

#[test]
fn a_profile_that_no_app_knows_is_refused_with_the_one_that_was_meant() {
    let text = include_str!("../../../ecosystem.toml");
    let refused = |text: &str, profile| with_profile(Path::new(PATH), text, profile).expect_err("refused");
    let mistake = refused(text, "ngork").mistakes()[0].clone();
    assert_eq!(mistake.message, "there is no profile `ngork`, which was asked for");
    assert_eq!(mistake.help.as_deref(), Some("did you mean `ngrok`?"));
    let slip = text.replace("profile = \"https\"", "profile = \"htps\"");
    assert_eq!(switched(&slip, "https"), text, "a slip in the file is mended");
    for odd in ["", "a b", "x\"\n[[apps]]", "\0"] {
        assert!(!refused(text, odd).mistakes().is_empty());
    }
    assert!(!refused("[[apps", "https").mistakes().is_empty());
    let needy =
        "[[apps]]\nscript = 'a'\nprofiles = 'x'\n[[apps]]\nscript = 'b'\nprofiles = ['x', 'y']\ndepends_on = 'a'\n";
    assert_eq!(switched(needy, "x"), format!("profile = \"x\"\n{needy}"));
    assert!(refused(needy, "y").mistakes()[0].message.contains("does not run in the profile `y`"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn there_and_back_is_the_same_file(
        old in "[a-z0-9_-]{1,8}",
        new in "[a-zäß0-9_-]{1,8}",
        comment in "[ -~ä]{0,20}",
        newline in prop::sample::select(vec!["\n", "\r\n"]),
    ) {
        let lines = [
            format!("# {comment}"),
            format!("profile  =  \"{old}\"  # {comment}"),
            "[[apps]]".to_owned(),
            format!("script = 'a' # {comment}"),
            format!("profiles = [\"{old}\", \"{new}\"]"),
        ];
        let text = lines.join(newline);
        let there = switched(&text, &new);
        prop_assert_eq!(in_force(&there), new);
        prop_assert_eq!(switched(&there, &old), text);
    }
}

#[test]
fn the_file_to_begin_with_is_good_and_so_is_every_key_that_it_mentions() {
    let starter = |text: &str| {
        manifest::parse(Path::new(PATH), text, None).unwrap_or_else(|broken| panic!("{}", broken.render(false)))
    };
    let app = starter(manifest::STARTER).apps.remove(0);
    assert_eq!((app.name.as_str(), app.env["NODE_ENV"].as_str()), ("my-app", "development"));
    let is_key = |line: &str| line.strip_prefix("# ").is_some_and(|line| line.split(' ').nth(1) == Some("="));
    let mut keys = 0;
    for line in manifest::STARTER.lines().filter(|line| is_key(line)) {
        let uncommented = line.trim_start_matches("# ");
        // What it depends on has to be there too.
        let database =
            if line.contains("depends_on") { "\n[[apps]]\nname = \"database\"\nscript = \"db\"\n" } else { "" };
        // A path is asked for on a port.
        let port = if line.contains("\"/health\"") { "port = 3000\n" } else { "" };
        let text = manifest::STARTER.replace(&format!("{line}\n"), &format!("{uncommented}\n{port}")) + database;
        starter(&text);
        keys += 1;
    }
    assert!(keys > 15, "{keys}");
}
