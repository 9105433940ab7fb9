//! Changes to files: which ones count, and waiting until they are over.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, EventKind, ModifyKind};
use tokio::sync::mpsc::Receiver;

/// Whether it is about what is in a file or which files there are: not about who looked at them or may.
pub fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Create(_) | EventKind::Remove(_) | EventKind::Any => true,
        EventKind::Modify(ModifyKind::Metadata(_)) => false,
        EventKind::Modify(_) => true,
        EventKind::Access(AccessKind::Any | AccessKind::Read | AccessKind::Open(_) | AccessKind::Close(_)) => false,
        EventKind::Access(AccessKind::Other) | EventKind::Other => false,
    }
}

/// Waits until nothing was heard for so long. `false` when nothing will be heard any more.
pub async fn until_quiet<T>(heard: &mut Receiver<T>, quiet: Duration, mut note: impl FnMut(T)) -> bool {
    loop {
        match tokio::time::timeout(quiet, heard.recv()).await {
            Ok(Some(more)) => note(more),
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

/// The path as a person in this folder would write it.
pub fn seen_from<'p>(folder: &Path, path: &'p Path) -> &'p Path {
    path.strip_prefix(folder).ok().filter(|rest| !rest.as_os_str().is_empty()).unwrap_or(path)
}

/// Why something cannot be watched, in words, with what to do about it.
pub fn why_not_watched(path: &Path, error: &notify::Error) -> String {
    let why = match &error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "no more files can be watched; raise the limit: sysctl fs.inotify.max_user_watches=524288".to_owned()
        }
        notify::ErrorKind::Io(io) if io.raw_os_error() == Some(libc::EMFILE) => {
            "too many programs watch files; raise the limit: sysctl fs.inotify.max_user_instances=1024".to_owned()
        }
        notify::ErrorKind::Io(io) => match io.raw_os_error() {
            Some(errno) => nix::errno::Errno::from_raw(errno).desc().to_lowercase(),
            None => io.to_string(),
        },
        notify::ErrorKind::PathNotFound => "no such file or folder".to_owned(),
        _ => error.to_string(),
    };
    format!("cannot watch {}: {why}", path.display())
}

/// A path without `.` in it.
pub fn plain(path: &Path) -> PathBuf {
    path.components().collect()
}

#[cfg(test)]
mod tests {
    use std::io;

    use notify::event::{CreateKind, DataChange, MetadataKind, RemoveKind, RenameMode};
    use notify::{Error, ErrorKind};
    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn looking_and_permitting_are_no_changes() {
        for (kind, expected) in [
            (EventKind::Create(CreateKind::File), true),
            (EventKind::Remove(RemoveKind::Folder), true),
            (EventKind::Modify(ModifyKind::Data(DataChange::Any)), true),
            (EventKind::Modify(ModifyKind::Name(RenameMode::To)), true),
            (EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)), false),
            (EventKind::Access(AccessKind::Open(notify::event::AccessMode::Any)), false),
            (EventKind::Access(AccessKind::Close(notify::event::AccessMode::Write)), false),
        ] {
            assert_eq!(is_change(kind), expected, "{kind:?}");
        }
    }

    #[test]
    fn limits_are_told_with_what_raises_them() {
        let words = |error| why_not_watched(Path::new("/srv/app"), &error);
        let expected = "cannot watch /srv/app: no more files can be watched; raise the limit: sysctl fs.inotify.max_user_watches=524288";
        assert_eq!(words(Error::new(ErrorKind::MaxFilesWatch)), expected);
        let too_many = words(Error::io(io::Error::from_raw_os_error(libc::EMFILE)));
        assert!(too_many.ends_with("sysctl fs.inotify.max_user_instances=1024"), "{too_many}");
        assert_eq!(words(Error::new(ErrorKind::PathNotFound)), "cannot watch /srv/app: no such file or folder");
        let denied = words(Error::io(io::Error::from_raw_os_error(libc::EACCES)));
        assert_eq!(denied, "cannot watch /srv/app: permission denied");
    }

    #[tokio::test(start_paused = true)]
    async fn quiet_is_counted_from_the_last_change() {
        let (tell, mut heard) = mpsc::channel(8);
        let begun = tokio::time::Instant::now();
        let teller = async {
            for number in 0..3 {
                tell.send(number).await.unwrap();
                tokio::time::sleep(Duration::from_millis(90)).await;
            }
        };
        let mut noted = Vec::new();
        let quiet = until_quiet(&mut heard, Duration::from_millis(100), |number| noted.push(number));
        let (is_quiet, ()) = tokio::join!(quiet, teller);
        assert!(is_quiet);
        assert_eq!(begun.elapsed().as_millis(), 90 + 90 + 100);
        assert_eq!(noted, [0, 1, 2]);
        drop(tell);
        assert!(!until_quiet(&mut heard, Duration::from_millis(100), |_| {}).await);
    }

    #[test]
    fn paths_are_shown_as_seen_from_the_folder() {
        let seen = |path| seen_from(Path::new("/srv/app"), Path::new(path)).to_str();
        assert_eq!(seen("/srv/app/src/app.js"), Some("src/app.js"));
        assert_eq!(seen("/srv/app"), Some("/srv/app"));
        assert_eq!(seen("/srv/apple/x"), Some("/srv/apple/x"));
    }
}
