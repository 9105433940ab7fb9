//! Embeds the web app anew when it was built anew.

use std::{env, fs, path::Path};

/// Where `npm run build` puts the app.
const BUILT: &str = "app/dist";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A debug build reads the files when they are asked for: there is nothing to embed.
    if env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        // A folder that is missing would count as changed every time. Where it cannot be made, that is all that happens.
        let _ = fs::create_dir_all(Path::new(BUILT));
        println!("cargo::rerun-if-changed={BUILT}");
    }
}
