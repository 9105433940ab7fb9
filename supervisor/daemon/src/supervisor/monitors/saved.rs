//! Says when `ecosystem.toml` was saved with other content, however an editor or a tool does that: written over, replaced by
//! renaming, in several pieces, or by a link that is turned to somewhere else (as Kubernetes does with its volumes).
//!
//! What is watched is the folders, for a file that is replaced takes its watch along: the file's own, and those of the links
//! that lead to it. After whatever happened to one of these names, and [`QUIET`], the file is read; only content that
//! differs from what was known before is told. A file that is gone is nothing until it is back.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{Event as Change, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{self, Sender, UnboundedSender};

use super::Task;
use super::settle::{is_change, plain, until_quiet, why_not_watched};
use crate::regular;
use crate::supervisor::Event;

/// How long it has to be quiet before the file is read.
pub const QUIET: Duration = Duration::from_millis(200);
/// No more links lead to a file, as the kernel has it.
const MOST_LINKS: usize = 40;
/// The most of a file that is compared: more than any that is accepted.
const LONGEST_FILE: u64 = 16 * 1024 * 1024;

/// Watches one file.
pub struct Saved {
    known: Rc<RefCell<Option<Vec<u8>>>>,
    _task: Task,
}

impl Saved {
    /// Sends [`Event::Saved`] when the file's content is another than what is known of it: `known` at first, then what was
    /// read last.
    ///
    /// # Errors
    /// In words, if its folder cannot be watched.
    pub fn spawn(file: &Path, known: Option<Vec<u8>>, events: UnboundedSender<Event>) -> Result<Self, String> {
        let known = Rc::new(RefCell::new(known));
        let (tell, heard) = mpsc::channel(1); // one is as good as many
        let folders = Folders::watch(plain(file), tell)?;
        let task = Task::spawn(follow(folders, heard, Rc::clone(&known), events));
        Ok(Self { known, _task: task })
    }

    /// Somebody else has read the file and acts on it: this content is known.
    pub fn note(&self, content: &[u8]) {
        *self.known.borrow_mut() = Some(content.to_owned());
    }
}

async fn follow(
    mut folders: Folders,
    mut heard: mpsc::Receiver<()>,
    known: Rc<RefCell<Option<Vec<u8>>>>,
    events: UnboundedSender<Event>,
) {
    // At first without having heard of anything: it may have been saved between being read and being watched.
    while until_quiet(&mut heard, QUIET, |()| {}).await {
        folders.follow_links();
        let content = read(&folders.file);
        if content.is_some() && content != *known.borrow() {
            *known.borrow_mut() = content;
            let _ = events.send(Event::Saved);
        }
        if heard.recv().await.is_none() {
            return;
        }
    }
}

/// `None` also for what cannot be read: whoever reads it next will say why.
fn read(file: &Path) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    regular::open(file).ok()?.take(LONGEST_FILE).read_to_end(&mut content).ok()?;
    Some(content)
}

/// A name in a folder.
type Place = (PathBuf, OsString);

/// The folders in which something may happen to the file.
struct Folders {
    file: PathBuf,
    watcher: RecommendedWatcher,
    places: Arc<Mutex<BTreeSet<Place>>>,
    watched: BTreeSet<PathBuf>,
}

impl Folders {
    fn watch(file: PathBuf, tell: Sender<()>) -> Result<Self, String> {
        let places = Arc::<Mutex<BTreeSet<Place>>>::default();
        let known = Arc::clone(&places);
        let watcher = notify::recommended_watcher(move |change: notify::Result<Change>| {
            if change.is_ok_and(|change| concerns(&change, &known.lock().unwrap_or_else(PoisonError::into_inner))) {
                let _ = tell.try_send(()); // full means that it is told already
            }
        });
        let watcher = watcher.map_err(|error| why_not_watched(&file, &error))?;
        let mut folders = Self { file, watcher, places, watched: BTreeSet::new() };
        let own = folders.file.parent().unwrap_or(Path::new("/")).to_owned();
        folders.watcher.watch(&own, RecursiveMode::NonRecursive).map_err(|error| why_not_watched(&own, &error))?;
        folders.watched.insert(own);
        folders.follow_links();
        Ok(folders)
    }

    /// Looks where the file is by now.
    fn follow_links(&mut self) {
        let places: BTreeSet<Place> = way_to(&self.file).into_iter().collect();
        let needed: BTreeSet<PathBuf> = places.iter().map(|(folder, _)| folder.clone()).collect();
        *self.places.lock().unwrap_or_else(PoisonError::into_inner) = places;
        let own = self.file.parent().map(Path::to_owned);
        for gone in self.watched.difference(&needed).filter(|folder| Some(*folder) != own.as_ref()) {
            let _ = self.watcher.unwatch(gone);
        }
        self.watched.retain(|folder| needed.contains(folder) || Some(folder) == own.as_ref());
        // Also those that were watched: a folder that was made anew under the same name is another one.
        for folder in needed {
            if self.watcher.watch(&folder, RecursiveMode::NonRecursive).is_ok() {
                self.watched.insert(folder);
            }
        }
    }
}

/// Whether something happened to one of the names, or may have.
fn concerns(change: &Change, places: &BTreeSet<Place>) -> bool {
    let is_one = |path: &PathBuf| {
        let place = path.parent().zip(path.file_name()).map(|(folder, name)| (folder.to_owned(), name.to_owned()));
        place.is_some_and(|place| places.contains(&place)) || places.iter().any(|(folder, _)| folder == path)
    };
    change.need_rescan() || (is_change(change.kind) && change.paths.iter().any(is_one))
}

/// The names that decide what the file is: its own, and each link's on the way to it. The folder that it is in is taken
/// as it is.
fn way_to(file: &Path) -> Vec<Place> {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return Vec::new() };
    let mut way = Vec::new();
    let mut here = folder.to_owned();
    let mut ahead: Vec<OsString> = vec![name.to_owned()];
    while let Some(name) = ahead.pop() {
        let path = here.join(&name);
        let link = fs::read_link(&path);
        if link.is_ok() || ahead.is_empty() {
            way.push((here.clone(), name));
        }
        match link {
            Ok(_) if way.len() > MOST_LINKS => return way,
            Ok(target) => {
                if target.is_absolute() {
                    here = PathBuf::from("/");
                }
                ahead.extend(target.iter().rev().filter(|part| *part != "/").map(ToOwned::to_owned));
            }
            Err(_) => here = path,
        }
        if here.ends_with("..") {
            here = here.canonicalize().unwrap_or(here);
        }
    }
    way
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::os::unix::fs::symlink;

    use tokio::sync::mpsc::UnboundedReceiver;
    use tokio::task::LocalSet;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);
    /// Several of the quiet times: whoever is silent for so long has nothing to say.
    const SILENCE: Duration = Duration::from_millis(700);

    struct Watched {
        file: PathBuf,
        saved: Saved,
        heard: UnboundedReceiver<Event>,
    }

    impl Watched {
        fn start(file: PathBuf) -> Self {
            let (events, heard) = mpsc::unbounded_channel();
            let known = read(&file);
            let saved = Saved::spawn(&file, known, events).unwrap();
            Self { file, saved, heard }
        }

        /// One event, after which the file has this content.
        async fn told(&mut self, content: &str) {
            match tokio::time::timeout(LONG, self.heard.recv()).await {
                Ok(Some(Event::Saved)) => {}
                _ => panic!("it was saved: {content}"),
            }
            assert_eq!(fs::read_to_string(&self.file).unwrap(), content);
        }

        async fn silent(&mut self) {
            assert!(tokio::time::timeout(SILENCE, self.heard.recv()).await.is_err(), "nothing was saved");
        }
    }

    async fn with_file(content: &str, test: impl AsyncFnOnce(&Path, Watched)) {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let file = folder.join("ecosystem.toml");
        fs::write(&file, content).unwrap();
        LocalSet::new().run_until(async { test(&folder, Watched::start(file)).await }).await;
    }

    #[tokio::test]
    async fn written_over_it_is_told_and_with_the_same_content_it_is_not() {
        with_file("one", async |folder, mut watched| {
            fs::write(&watched.file, "two").unwrap();
            watched.told("two").await;
            fs::write(&watched.file, "two").unwrap();
            fs::write(folder.join("other.toml"), "x").unwrap();
            File::open(&watched.file).unwrap();
            watched.silent().await;
        })
        .await;
    }

    #[tokio::test]
    async fn replaced_by_renaming_it_is_told_again_and_again() {
        with_file("one", async |folder, mut watched| {
            for content in ["two", "three", "four"] {
                fs::write(folder.join(".ecosystem.toml.swp"), content).unwrap();
                fs::rename(folder.join(".ecosystem.toml.swp"), &watched.file).unwrap();
                watched.told(content).await;
            }
        })
        .await;
    }

    #[tokio::test]
    async fn moved_away_first_and_then_written_anew_is_one_save() {
        with_file("one", async |folder, mut watched| {
            // As vim does with `backupcopy=no`.
            fs::rename(&watched.file, folder.join("ecosystem.toml~")).unwrap();
            fs::write(&watched.file, "two").unwrap();
            fs::remove_file(folder.join("ecosystem.toml~")).unwrap();
            watched.told("two").await;
            watched.silent().await;
        })
        .await;
    }

    #[tokio::test]
    async fn what_comes_in_pieces_is_read_when_it_is_whole() {
        with_file("one", async |_, mut watched| {
            let mut file = File::create(&watched.file).unwrap();
            for piece in ["two", " three", " four"] {
                file.write_all(piece.as_bytes()).unwrap();
                tokio::time::sleep(QUIET / 4).await;
            }
            watched.told("two three four").await;
            watched.silent().await;
        })
        .await;
    }

    #[tokio::test]
    async fn a_file_that_is_gone_is_nothing_until_it_is_back() {
        with_file("one", async |_, mut watched| {
            fs::remove_file(&watched.file).unwrap();
            watched.silent().await;
            fs::write(&watched.file, "one").unwrap();
            watched.silent().await;
            fs::remove_file(&watched.file).unwrap();
            watched.silent().await;
            fs::write(&watched.file, "two").unwrap();
            watched.told("two").await;
        })
        .await;
    }

    #[tokio::test]
    async fn what_somebody_else_has_acted_on_is_not_told() {
        with_file("one", async |_, mut watched| {
            watched.saved.note(b"two");
            fs::write(&watched.file, "two").unwrap();
            watched.silent().await;
            fs::write(&watched.file, "one").unwrap();
            watched.told("one").await;
        })
        .await;
    }

    #[tokio::test]
    async fn what_was_saved_before_it_was_watched_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ecosystem.toml");
        fs::write(&file, "two").unwrap();
        let body = async {
            let (events, heard) = mpsc::unbounded_channel();
            let saved = Saved::spawn(&file, Some(b"one".to_vec()), events).unwrap();
            Watched { file, saved, heard }.told("two").await;
        };
        LocalSet::new().run_until(body).await;
    }

    #[tokio::test]
    async fn a_link_that_is_turned_to_another_folder_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let version = |name: &str| {
            fs::create_dir(folder.join(name)).unwrap();
            fs::write(folder.join(name).join("ecosystem.toml"), name).unwrap();
        };
        version("..1");
        symlink("..1", folder.join("..data")).unwrap();
        symlink("..data/ecosystem.toml", folder.join("ecosystem.toml")).unwrap();
        let body = async {
            let mut watched = Watched::start(folder.join("ecosystem.toml"));
            for (before, name) in [("..1", "..2"), ("..2", "..3")] {
                version(name);
                symlink(name, folder.join("..data_tmp")).unwrap();
                fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
                fs::remove_dir_all(folder.join(before)).unwrap();
                watched.told(name).await;
            }
        };
        LocalSet::new().run_until(body).await;
    }

    #[tokio::test]
    async fn a_file_behind_a_link_is_told_when_it_is_edited_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        for name in ["home", "dotfiles"] {
            fs::create_dir(folder.join(name)).unwrap();
        }
        fs::write(folder.join("dotfiles/hub.toml"), "one").unwrap();
        symlink("../dotfiles/hub.toml", folder.join("home/ecosystem.toml")).unwrap();
        let body = async {
            let mut watched = Watched::start(folder.join("home/ecosystem.toml"));
            fs::write(folder.join("dotfiles/hub.toml"), "two").unwrap();
            watched.told("two").await;
            fs::write(folder.join("dotfiles/other.toml"), "three").unwrap();
            fs::rename(folder.join("dotfiles/other.toml"), folder.join("dotfiles/hub.toml")).unwrap();
            watched.told("three").await;
        };
        LocalSet::new().run_until(body).await;
    }

    #[test]
    fn links_that_lead_in_a_circle_are_not_followed_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        symlink("b", folder.path().join("a")).unwrap();
        symlink("a", folder.path().join("b")).unwrap();
        assert!(way_to(&folder.path().join("a")).len() <= MOST_LINKS + 1);
    }
}
