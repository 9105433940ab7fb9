//! Which files of an app are watched: those in or below its paths, but for what is ignored.

use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::settle::plain;

/// An app's paths and patterns.
#[derive(Clone, Debug)]
pub struct Relevant {
    pub roots: Vec<PathBuf>,
    ignored: Gitignore,
    /// Never watched, whatever the patterns say: what the hub itself writes for the app.
    never: Vec<PathBuf>,
}

impl Relevant {
    /// Patterns are gitignore's, seen from `folder`. One that is none is passed over.
    pub fn new(watch: &manifest::Watch, folder: &Path, never: Vec<PathBuf>) -> Self {
        let mut patterns = GitignoreBuilder::new(folder);
        for pattern in &watch.ignore {
            let _ = patterns.add_line(None, pattern); // the file was checked when it was read
        }
        let ignored = patterns.build().unwrap_or_else(|_| Gitignore::empty());
        let roots = watch.paths.iter().map(|path| plain(path)).collect();
        Self { roots, ignored, never: never.iter().map(|path| plain(path)).collect() }
    }

    pub fn counts(&self, path: &Path, is_folder: bool) -> bool {
        let Some(root) = self.roots.iter().find(|root| path.starts_with(root)) else { return false };
        if self.never.iter().any(|never| path.starts_with(never)) {
            return false;
        }
        // The nearest pattern decides, as in git: first of the path itself, then of the folders that it is in.
        let within = path.ancestors().take_while(|above| above.starts_with(root));
        for (depth, above) in within.enumerate() {
            match self.ignored.matched(above, depth > 0 || is_folder) {
                Match::Ignore(_) => return false,
                Match::Whitelist(_) => return true,
                Match::None => {}
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn relevant(paths: &[&str], ignore: &[&str]) -> Relevant {
        let watch = manifest::Watch {
            paths: paths.iter().map(PathBuf::from).collect(),
            ignore: ignore.iter().map(ToString::to_string).collect(),
            delay: Duration::ZERO,
        };
        Relevant::new(&watch, Path::new("/srv/app"), vec!["/srv/app/logs/a-out.log".into()])
    }

    #[test]
    fn patterns_are_gitignores_seen_from_the_apps_folder() {
        let relevant = relevant(
            &["/srv/app/.", "/srv/shared"],
            &["node_modules", "*.log", "!keep.log", "/dist/", "docs/**/*.md", "# a comment"],
        );
        for (path, expected) in [
            ("/srv/app/src/app.js", true),
            ("/srv/app", true),
            ("/srv/app/node_modules/a/index.js", false),
            ("/srv/app/src/node_modules/a/index.js", false),
            ("/srv/app/debug.log", false),
            ("/srv/app/keep.log", true),
            ("/srv/app/dist/app.js", false),
            ("/srv/app/src/dist/app.js", true),
            ("/srv/app/docs/a/b.md", false),
            ("/srv/app/docs/a/b.txt", true),
            ("/srv/app/logs/a-out.log", false),
            ("/srv/shared/x.js", true),
            ("/srv/shared/node_modules/x.js", false),
            ("/srv/apple/x.js", false),
            ("/srv/other", false),
        ] {
            assert_eq!(relevant.counts(Path::new(path), false), expected, "{path}");
        }
        assert!(!relevant.counts(Path::new("/srv/app/dist"), true), "a folder");
        assert!(relevant.counts(Path::new("/srv/app/dist"), false), "a file of that name");
    }

    #[test]
    fn what_the_hub_writes_never_counts() {
        let relevant = relevant(&["/srv/app"], &["!a-out.log"]);
        assert!(!relevant.counts(Path::new("/srv/app/logs/a-out.log"), false));
        assert!(relevant.counts(Path::new("/srv/app/logs/b-out.log"), false));
    }
}
