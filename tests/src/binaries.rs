//! Where the built programs are: in the target directory of the program that asks.

use std::path::PathBuf;

/// The program of this name, built with the same profile as the caller.
///
/// # Panics
/// If it is not built: a scenario without the programs it is about would prove nothing.
#[must_use]
pub fn built(name: &str) -> PathBuf {
    let program = folder().join(name);
    assert!(
        program.is_file(),
        "{} is not built: run `cargo build --workspace{}` first",
        program.display(),
        if cfg!(debug_assertions) { "" } else { " --release" }
    );
    program
}

/// The target directory's folder of this profile; test programs are in its `deps`.
fn folder() -> PathBuf {
    let mut folder = std::env::current_exe().expect("the path of this program");
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    folder
}
