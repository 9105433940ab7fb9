//! The web app's files, as browsers ask for them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;

use support::{Answer, Gateway, command};
use tempfile::TempDir;

const NAVIGATION: &str = "Accept: text/html,application/xhtml+xml,*/*;q=0.8";

/// A small app, with something beside it that is nobody's business.
fn app() -> TempDir {
    let place = TempDir::new().unwrap();
    let root = place.path().join("dist");
    fs::create_dir_all(root.join("assets")).unwrap();
    for (name, content) in [
        ("index.html", "<!doctype html><title>app</title>"),
        ("index.html.br", "brotli of index"),
        ("sw.js", "worker"),
        ("manifest.webmanifest", "{}"),
        ("assets/index-1a2b.js", "plain script"),
        ("assets/index-1a2b.js.br", "brotli script"),
        ("assets/index-1a2b.js.gz", "gzip script"),
        ("assets/style-1a2b.css", "body{}"),
        ("../outside.txt", "secret"),
    ] {
        fs::write(root.join(name), content).unwrap();
    }
    std::os::unix::fs::symlink("../outside.txt", root.join("link.txt")).unwrap();
    place
}

fn start(app: &TempDir) -> Gateway {
    Gateway::with_app(&app.path().join("dist"))
}

#[test]
fn a_browser_gets_the_smallest_form_that_it_takes() {
    let app = app();
    let gateway = start(&app);
    let ask = |accept: &str| gateway.ask("GET", "/assets/index-1a2b.js", &[&format!("Accept-Encoding: {accept}")]);
    for (accept, body, encoding) in [
        ("gzip, deflate, br, zstd", "brotli script", Some("br")),
        ("gzip", "gzip script", Some("gzip")),
        ("br;q=0, gzip", "gzip script", Some("gzip")),
        ("deflate", "plain script", None),
    ] {
        let answer = ask(accept);
        assert_eq!(
            (answer.status, answer.text(), answer.header("content-encoding")),
            (200, body, encoding),
            "{accept}"
        );
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
        assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
    }
    let no_smaller = gateway.ask("GET", "/assets/style-1a2b.css", &["Accept-Encoding: br"]);
    assert_eq!((no_smaller.text(), no_smaller.header("content-encoding")), ("body{}", None));
    assert_eq!(no_smaller.header("vary"), Some("Accept-Encoding"));
}

#[test]
fn what_is_known_already_is_not_sent_again() {
    let app = app();
    let gateway = start(&app);
    let path = "/assets/index-1a2b.js";
    let plain = gateway.get(path);
    let brotli = gateway.ask("GET", path, &["Accept-Encoding: br"]);
    let (tag, brotli_tag) = (plain.header("etag").unwrap(), brotli.header("etag").unwrap());
    assert_ne!(tag, brotli_tag, "other bytes, other tag");
    let known = gateway.ask("GET", path, &[&format!("If-None-Match: W/{tag}")]);
    assert_eq!((known.status, known.body.len(), known.header("etag")), (304, 0, Some(tag)));
    assert_eq!(known.header("content-length"), None, "the length of nothing is not the file's");
    let other_form = gateway.ask("GET", path, &[&format!("If-None-Match: {tag}"), "Accept-Encoding: br"]);
    assert_eq!(other_form.status, 200);

    fs::write(app.path().join("dist").join(&path[1..]), "another script").unwrap();
    let changed = gateway.ask("GET", path, &[&format!("If-None-Match: {tag}")]);
    assert_eq!((changed.status, changed.text()), (200, "another script"));
}

#[test]
fn only_files_with_a_hash_in_their_name_are_kept_for_ever() {
    let app = app();
    let gateway = start(&app);
    let kept = |path: &str| gateway.get(path).header("cache-control").map(str::to_owned);
    assert_eq!(kept("/assets/index-1a2b.js").as_deref(), Some("public, max-age=31536000, immutable"));
    for path in ["/", "/index.html", "/sw.js", "/manifest.webmanifest", "/assets/gone-0000.js"] {
        assert_eq!(kept(path).as_deref(), Some("no-cache"), "{path}");
    }
}

#[test]
fn a_person_gets_the_app_at_every_address_and_a_program_does_not() {
    let app = app();
    let gateway = start(&app);
    for path in ["/", "/medication/today", "/wsx", "/videos?x=1", "/a%20b"] {
        let page = gateway.ask("GET", path, &[NAVIGATION]);
        assert_eq!((page.status, page.text()), (200, "<!doctype html><title>app</title>"), "{path}");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    }
    let smaller = gateway.ask("GET", "/medication", &[NAVIGATION, "Accept-Encoding: br"]);
    assert_eq!((smaller.text(), smaller.header("content-encoding")), ("brotli of index", Some("br")));
    let program = gateway.ask("GET", "/medication/today", &["Accept: application/json"]);
    assert_eq!(program.status, 404);
    for path in ["/assets/gone-0000.js", "/assets/", "/index.html.br", "/assets/index-1a2b.js.gz"] {
        assert_eq!(gateway.ask("GET", path, &[NAVIGATION]).status, 404, "{path}");
    }
    for path in ["/api/vitals", "/ws", "/video/", "/health"] {
        let answer = gateway.ask("GET", path, &[NAVIGATION]);
        assert!(!answer.text().contains("<title>app</title>"), "{path}: {}", answer.text());
    }
}

#[test]
fn nothing_outside_of_the_app_is_served() {
    let app = app();
    let gateway = start(&app);
    let outside = app.path().join("outside.txt").display().to_string();
    for path in [
        "/../outside.txt",
        "/assets/../../outside.txt",
        "/%2e%2e/outside.txt",
        "/..%2foutside.txt",
        "/%2e%2e%2foutside.txt",
        "/..%5coutside.txt",
        "//outside.txt",
        "/link.txt",
        "/%00",
        "/%ff",
        &outside,
        &format!("/{outside}"),
        &format!("/{}", outside.replace('/', "%2f")),
    ] {
        let answer = gateway.get(path);
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        let navigation = gateway.ask("GET", path, &[NAVIGATION]);
        assert!(!navigation.text().contains("secret"), "{path}");
    }
}

#[test]
fn head_is_get_without_the_body() {
    let app = app();
    let gateway = start(&app);
    let (head, get) = (gateway.ask("HEAD", "/sw.js", &[]), gateway.get("/sw.js"));
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some("6"));
    assert_eq!(head.header("etag"), get.header("etag"));
}

#[test]
fn files_can_only_be_read() {
    let app = app();
    let answer = start(&app).ask("POST", "/sw.js", &["Content-Length: 0"]);
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
}

#[test]
fn every_page_says_what_it_may_load() {
    let app = app();
    let gateway = start(&app);
    let told = |answer: Answer| {
        for (name, part) in [
            ("content-security-policy", "default-src 'none'; script-src 'self';"),
            ("content-security-policy", "frame-ancestors 'none'"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("permissions-policy", "camera=(self)"),
        ] {
            let value = answer.header(name).unwrap_or_default();
            assert!(value.contains(part), "{name}: {value}");
        }
    };
    told(gateway.get("/"));
    told(gateway.get("/gone"));
    let health = gateway.get("/health");
    for (name, part) in [
        ("cache-control", "no-store"),
        ("content-security-policy", "default-src 'none'; base-uri 'none';"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert!(health.header(name).unwrap_or_default().contains(part), "{name}");
    }
}

#[test]
fn without_a_built_app_a_page_says_how_to_build_it() {
    let empty = TempDir::new().unwrap();
    let answer = Gateway::with_app(empty.path()).ask("GET", "/", &[NAVIGATION]);
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("make start"), "{}", answer.text());
}

#[test]
fn the_app_that_is_built_in_is_served_or_said_to_be_missing() {
    let answer = Gateway::start(&[], &[]).ask("GET", "/", &[NAVIGATION]);
    let built = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("app/dist/index.html").exists();
    assert_eq!(answer.status, if built { 200 } else { 503 });
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
}

#[test]
fn a_folder_that_is_asked_for_has_to_be_there() {
    let output = command().args(["--root", "/no/such/folder"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("--root /no/such/folder: No such file or directory"), "{said}");
}

#[test]
fn the_gateway_says_that_it_runs_whoever_is_away() {
    let health = Gateway::start(&[], &[]).get("/health");
    assert_eq!(health.status, 200);
    assert!(health.text().contains(r#""service":"betti-web""#), "{}", health.text());
}
