//! `logs` when no supervisor runs: after a crash they are what is looked for.

use super::append;
use crate::home::Home;

#[test]
fn the_logs_that_the_file_names_are_shown() {
    let home = Home::new();
    std::fs::create_dir(home.folder().join("logs")).expect("a folder");
    append(&home.folder().join("logs/api-error.log"), "last words\n");
    let call = home.call(&["logs"]);
    assert_eq!((call.code, call.out.as_str()), (Some(0), "0|api             | last words\n"), "{call:?}");
    assert!(call.error.starts_with("[Betti] no supervisor is running: these are the logs that /"), "{call:?}");
    let call = home.call(&["logs", "--json"]);
    assert_eq!((call.code, call.error.as_str()), (Some(0), ""));
    let call = home.call(&["logs", "nosuch"]);
    assert_eq!((call.code, call.out.as_str()), (Some(1), ""));
    assert!(call.error.contains("the apps are api, betti-frontend"), "{call:?}");
    std::fs::remove_dir(home.runtime_dir()).expect("ours");
    assert_eq!(home.call(&["logs"]).code, Some(0));
}

#[test]
fn code_3_names_the_logs_that_were_looked_for() {
    let home = Home::new();
    let call = home.call(&["logs"]);
    assert_eq!((call.code, call.out.as_str()), (Some(3), ""));
    let (first, second) = call.error.split_once('\n').expect("two lines");
    assert_eq!(first, "[Betti][ERROR] no supervisor is running: betti-ctl start brings it up");
    assert!(second.contains("logs/api-out.log") && second.contains("logs/betti-frontend-error.log"), "{second}");
    let call = home.call(&["logs", "nosuch"]);
    assert_eq!(call.code, Some(1), "a mistake is a mistake though nothing is there: {call:?}");
    home.write_file("[[apps]]\nname = \"off\"\nscript = \"off\"\ndisable_logs = true\n");
    let call = home.call(&["logs"]);
    assert_eq!((call.code, call.out.as_str()), (Some(3), ""), "of a device nothing can be read: {call:?}");
    home.write_file("[[apps]]\nname = 7\n");
    let call = home.call(&["logs", "-f"]);
    assert_eq!(call.code, Some(3));
    assert!(call.error.contains("ecosystem.toml has mistakes"), "{call:?}");
}
