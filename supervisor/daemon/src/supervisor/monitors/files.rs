//! Says when files change that an app is restarted for (`watch`): once, when it has been quiet for `delay`.
//!
//! Every folder is watched by itself, so that what is ignored is not even looked into: a `node_modules` may have more
//! folders than may be watched. The folder that a path is in is watched too, for the path may be a file that editors
//! replace, or a folder that a build removes and makes again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use notify::{Event as Change, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Sender, UnboundedSender};

use super::relevant::Relevant;
use super::settle::{is_change, seen_from, why_not_watched};
use super::{Occasion, Task};
use crate::supervisor::Event;

/// As many changes wait for us. When there are more, everything is looked at again.
const MOST_WAITING: usize = 256;
/// No tree is followed deeper than this.
const DEEPEST: usize = 64;

/// Which app, and where it lives.
pub struct App {
    /// Its id in the file.
    pub id: u32,
    /// Patterns and words are seen from here: its `cwd`.
    pub folder: PathBuf,
    /// What the hub writes (its logs, its data), and the file that is applied anyway: never counts.
    pub never: Vec<PathBuf>,
}

/// Sends [`Occasion::FilesChanged`] after changes, and [`Occasion::CannotWatch`] if something cannot be watched, which stops
/// nothing else.
pub fn spawn(app: App, watch: &manifest::Watch, events: UnboundedSender<Event>) -> Task {
    let relevant = Arc::new(Relevant::new(watch, &app.folder, app.never));
    let (id, folder, delay) = (app.id, app.folder, watch.delay);
    Task::spawn(async move {
        let say = |occasion| drop(events.send(Event::Due(id, occasion)));
        let (tell, mut heard) = mpsc::channel(MOST_WAITING);
        let mut following = match Following::begin(Arc::clone(&relevant), tell) {
            Ok(following) => following,
            Err(error) => return say(Occasion::CannotWatch(why_not_watched(&folder, &error))),
        };
        following = following.add(relevant.roots.clone()).await;
        let mut said = None;
        loop {
            if let Some(words) = following.trouble.take().filter(|words| said.as_ref() != Some(words)) {
                said = Some(words.clone());
                say(Occasion::CannotWatch(words));
            }
            let Some(first) = heard.recv().await else { return };
            let words = first.in_words(&folder);
            // A new folder is followed at once: who made it may go on filling it for a while.
            following = following.take_in(first).await;
            while let Ok(more) = tokio::time::timeout(delay, heard.recv()).await {
                let Some(more) = more else { return };
                following = following.take_in(more).await;
            }
            say(Occasion::FilesChanged(words));
        }
    })
}

/// What the kernel told.
enum Heard {
    Changed {
        path: PathBuf,
        is_new: bool,
    },
    /// Some of it was lost.
    More,
}

impl Heard {
    fn in_words(&self, folder: &Path) -> String {
        match self {
            Self::Changed { path, .. } => format!("{} changed", seen_from(folder, path).display()),
            Self::More => "many files changed".to_owned(),
        }
    }
}

/// The folders that are watched.
struct Following {
    watcher: RecommendedWatcher,
    relevant: Arc<Relevant>,
    /// Changes came faster than they were taken, so that folders may have appeared that we were not told of.
    lost: Arc<AtomicBool>,
    /// What could not be watched, in words.
    trouble: Option<String>,
}

impl Following {
    fn begin(relevant: Arc<Relevant>, tell: Sender<Heard>) -> notify::Result<Self> {
        let lost = Arc::<AtomicBool>::default();
        let (judge, losing) = (Arc::clone(&relevant), Arc::clone(&lost));
        let watcher = notify::recommended_watcher(move |change: notify::Result<Change>| {
            for heard in change.map(|change| counting(change, &judge)).unwrap_or_default() {
                // On the watcher's own thread, which must not wait for us: we may be waiting for it.
                if let Err(TrySendError::Full(_)) = tell.try_send(heard) {
                    losing.store(true, Ordering::Relaxed);
                }
            }
        })?;
        Ok(Self { watcher, relevant, lost, trouble: None })
    }

    /// Follows what appeared.
    async fn take_in(self, heard: Heard) -> Self {
        let everything = self.lost.swap(false, Ordering::Relaxed);
        match heard {
            _ if everything => self.add_roots().await,
            Heard::More => self.add_roots().await,
            Heard::Changed { path, is_new: true } if path.is_dir() => self.add(vec![path]).await,
            Heard::Changed { .. } => self,
        }
    }

    async fn add_roots(self) -> Self {
        let roots = self.relevant.roots.clone();
        self.add(roots).await
    }

    /// Also these, with all below them. Reading many folders is not for the one thread that everything else waits for.
    async fn add(mut self, paths: Vec<PathBuf>) -> Self {
        let added = tokio::task::spawn_blocking(move || {
            for path in paths {
                if let Some(parent) = path.parent().filter(|_| self.relevant.roots.contains(&path)) {
                    self.watch(parent);
                }
                if path.is_dir() {
                    self.descend(&path, DEEPEST);
                }
            }
            self
        });
        match added.await {
            Ok(following) => following,
            // Nobody cancels it, and a panic goes on to whoever started it.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    fn descend(&mut self, folder: &Path, deepest: usize) {
        if deepest == 0 || !self.relevant.counts(folder, true) || !self.watch(folder) {
            return;
        }
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            // Links are not followed: they may lead in circles.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.descend(&entry.path(), deepest - 1);
            }
        }
    }

    /// Whether to go on below it.
    fn watch(&mut self, folder: &Path) -> bool {
        match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => true,
            Err(error) => {
                // The first of them says what is wrong; one that is gone again meanwhile is no trouble.
                let is_gone = matches!(error.kind, notify::ErrorKind::PathNotFound) && !self.is_needed(folder);
                if !is_gone && self.trouble.is_none() {
                    self.trouble = Some(why_not_watched(folder, &error));
                }
                false
            }
        }
    }

    /// Where a path of the file's is, or would be.
    fn is_needed(&self, folder: &Path) -> bool {
        self.relevant.roots.iter().any(|root| root.parent() == Some(folder))
    }
}

/// What of it counts.
fn counting(change: Change, relevant: &Relevant) -> Vec<Heard> {
    if change.need_rescan() {
        return vec![Heard::More];
    }
    if !is_change(change.kind) {
        return Vec::new();
    }
    let is_new = !change.kind.is_remove();
    let counts = |path: &PathBuf| relevant.counts(path, path.is_dir());
    change.paths.into_iter().filter(counts).map(|path| Heard::Changed { path, is_new }).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use tokio::sync::mpsc::UnboundedReceiver;
    use tokio::task::LocalSet;

    use super::*;

    const DELAY: Duration = Duration::from_millis(50);
    /// Longer than anything that is heard takes.
    const LONG: Duration = Duration::from_secs(20);

    struct Watched {
        folder: PathBuf,
        heard: UnboundedReceiver<Event>,
        _task: Task,
    }

    impl Watched {
        /// In a folder with `src`, whose files are waited for. Returns when changes are heard.
        async fn start(folder: &Path, paths: &[&str], ignore: &[&str]) -> Self {
            let watch = manifest::Watch {
                paths: paths.iter().map(|path| folder.join(path)).collect(),
                ignore: ignore.iter().map(ToString::to_string).collect(),
                delay: DELAY,
            };
            let (events, heard) = mpsc::unbounded_channel();
            let app = App { id: 5, folder: folder.into(), never: vec![folder.join("out.log")] };
            let mut watched = Self { folder: folder.into(), heard, _task: spawn(app, &watch, events) };
            watched.until_heard(paths[0]).await;
            watched
        }

        /// Nothing says when the kernel has been told to watch, so this is tried until it has.
        async fn until_heard(&mut self, path: &str) {
            let probe = self.folder.join(path).join("probe");
            let deadline = tokio::time::Instant::now() + LONG;
            loop {
                assert!(tokio::time::Instant::now() < deadline, "{} is not watched", probe.display());
                if probe.parent().is_some_and(Path::is_dir) {
                    fs::write(&probe, "x").unwrap();
                } else {
                    fs::write(self.folder.join(path), "x").unwrap();
                }
                if tokio::time::timeout(DELAY * 4, self.heard.recv()).await.is_ok() {
                    return self.until_quiet().await;
                }
            }
        }

        async fn until_quiet(&mut self) {
            while tokio::time::timeout(DELAY * 4, self.heard.recv()).await.is_ok() {}
        }

        async fn next(&mut self) -> Occasion {
            match tokio::time::timeout(LONG, self.heard.recv()).await {
                Ok(Some(Event::Due(5, occasion))) => occasion,
                _ => panic!("app 5 is due"),
            }
        }

        async fn changed(&mut self, words: &str) {
            assert_eq!(self.next().await, Occasion::FilesChanged(words.to_owned()));
        }

        fn write(&self, path: &str) {
            let path = self.folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "changed").unwrap();
        }
    }

    async fn in_folder(test: impl AsyncFnOnce(&Path)) {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        fs::create_dir(folder.join("src")).unwrap();
        LocalSet::new().run_until(async { test(&folder).await }).await;
    }

    #[tokio::test]
    async fn many_changes_are_told_once_with_the_first_when_it_is_quiet() {
        in_folder(async |folder| {
            let mut watched = Watched::start(folder, &["src"], &[]).await;
            for name in ["src/app.js", "src/b.js", "src/c.js"] {
                watched.write(name);
            }
            watched.changed("src/app.js changed").await;
            watched.write("src/b.js");
            watched.changed("src/b.js changed").await;
            assert!(watched.heard.try_recv().is_err());
        })
        .await;
    }

    #[tokio::test]
    async fn what_is_ignored_or_only_touched_is_not_told() {
        in_folder(async |folder| {
            fs::create_dir_all(folder.join("node_modules/a")).unwrap();
            let mut watched = Watched::start(folder, &["."], &["node_modules", "*.tmp"]).await;
            watched.write("node_modules/a/index.js");
            watched.write("x.tmp");
            watched.write("out.log");
            fs::set_permissions(folder.join("src"), fs::Permissions::from_mode(0o700)).unwrap();
            fs::read_dir(folder.join("src")).unwrap().count();
            // Were any of them told, it would come before this one.
            watched.write("src/last.js");
            watched.changed("src/last.js changed").await;
        })
        .await;
    }

    #[tokio::test]
    async fn folders_that_are_made_later_are_followed_and_so_is_one_that_is_made_again() {
        in_folder(async |folder| {
            let mut watched = Watched::start(folder, &["src"], &[]).await;
            watched.write("src/deep/er/a.js");
            watched.changed("src/deep changed").await;
            watched.until_heard("src/deep/er").await;
            watched.write("src/deep/er/b.js");
            watched.changed("src/deep/er/b.js changed").await;
            fs::remove_dir_all(folder.join("src")).unwrap();
            watched.next().await;
            watched.until_quiet().await;
            watched.write("src/new.js");
            watched.next().await;
            watched.until_heard("src").await;
            watched.write("src/new.js");
            watched.changed("src/new.js changed").await;
        })
        .await;
    }

    #[tokio::test]
    async fn a_single_file_is_followed_through_being_replaced() {
        in_folder(async |folder| {
            fs::write(folder.join("one.js"), "1").unwrap();
            let mut watched = Watched::start(folder, &["one.js"], &[]).await;
            for _ in 0..2 {
                watched.write("other.js");
                fs::write(folder.join("one.js.new"), "2").unwrap();
                fs::rename(folder.join("one.js.new"), folder.join("one.js")).unwrap();
                watched.changed("one.js changed").await;
            }
        })
        .await;
    }

    #[tokio::test]
    async fn what_cannot_be_watched_is_said_and_the_rest_is_followed() {
        in_folder(async |folder| {
            let watch = manifest::Watch {
                paths: vec![folder.join("no/such/place"), folder.join("src")],
                ignore: Vec::new(),
                delay: DELAY,
            };
            let (events, heard) = mpsc::unbounded_channel();
            let app = App { id: 5, folder: folder.into(), never: Vec::new() };
            let mut watched = Watched { folder: folder.into(), heard, _task: spawn(app, &watch, events) };
            let words = format!("cannot watch {}: no such file or folder", folder.join("no/such").display());
            assert_eq!(watched.next().await, Occasion::CannotWatch(words));
            watched.write("src/a.js");
            watched.changed("src/a.js changed").await;
        })
        .await;
    }
}
