//! Where file systems are mounted, and whether a folder is on the one that it was on before. Pure but for reading the list.
//!
//! An absent stick leaves its mount point behind, an empty folder on the root disk: copies that went there would fill that disk,
//! and be none.

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::{fd::AsRawFd, unix::ffi::OsStringExt},
    path::{Path, PathBuf},
};

/// The kernel's list for this process.
const LIST: &str = "/proc/self/mountinfo";
/// What it says of each open file, by descriptor.
const ABOUT_OPEN: &str = "/proc/self/fdinfo/";
/// Where desktops and people mount what can be taken away. What is in there has to be a mount.
const REMOVABLE: [&str; 3] = ["/media", "/mnt", "/run/media"];

/// What the kernel says of this process and of what is mounted.
pub const ABOUT: &str = "/proc";

/// What has to be seen of the machine so that copies can go to a folder, also when something is mounted there later on: what is mounted
/// belongs to the folder that its mount point is in. Nothing besides the home for a folder in it.
pub fn seen_from(to: &Path, home: &Path) -> Option<PathBuf> {
    let everything = PathBuf::from("/");
    match without_links(to) {
        Some(real) => outside(&real, home).map(|root| nearest_folder(&root)),
        // A link to what is not there at the moment may lead anywhere.
        None => Some(everything),
    }
}

fn outside(to: &Path, home: &Path) -> Option<PathBuf> {
    if to.starts_with(home) {
        return None;
    }
    let root = REMOVABLE.iter().find(|root| to.starts_with(root));
    // Anything above another folder may be a disk that is mounted later.
    Some(root.map_or_else(|| "/".into(), PathBuf::from))
}

/// The path without links, as far as there is something.
fn without_links(path: &Path) -> Option<PathBuf> {
    if let Ok(real) = path.canonicalize() {
        return Some(real);
    }
    if path.is_symlink() {
        return None;
    }
    Some(without_links(path.parent()?)?.join(path.file_name()?))
}

/// One that is not there will be made in the nearest one above that is.
fn nearest_folder(path: &Path) -> PathBuf {
    path.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

/// Why a folder is not where it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Absent {
    #[error("nothing is mounted at {} at the moment, so the stick or disk is not there: plug it in", .0.display())]
    Gone(PathBuf),
    #[error(
        "{} is no mounted stick or disk but a folder on this machine's own disk: plug the stick in and mount it there, or use a folder elsewhere",
        .0.display()
    )]
    NotMounted(PathBuf),
}

/// The mount that something open is on: what is there now, whatever becomes of its path.
///
/// # Errors
/// If the kernel does not say.
pub fn of(open: &File) -> io::Result<PathBuf> {
    let about = std::fs::read_to_string(format!("{ABOUT_OPEN}{}", open.as_raw_fd()))?;
    let id = about.lines().find_map(|line| line.strip_prefix("mnt_id:")).map(str::trim);
    let list = std::fs::read_to_string(LIST)?;
    Ok(id.and_then(|id| point(&list, id)).unwrap_or_else(|| "/".into()))
}

/// The fifth word of the line that begins with the mount's number, in which spaces and their like are written as `\040`.
fn point(list: &str, id: &str) -> Option<PathBuf> {
    let mut lines = list.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    lines.find(|words| words.first() == Some(&id)).and_then(|words| words.get(4).map(|word| unescaped(word)))
}

fn unescaped(word: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let [first, after @ ..] = rest {
        let code = (*first == b'\\').then(|| after.get(..3)).flatten();
        let code =
            code.and_then(|code| std::str::from_utf8(code).ok()).and_then(|code| u8::from_str_radix(code, 8).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    OsString::from_vec(bytes).into()
}

/// Whether copies may go to a folder on this mount, if they went to one on `before` the last time.
///
/// # Errors
/// If the mount is gone, or the folder is one that has to be a mount and is none.
pub fn check(folder: &Path, mount: &Path, before: Option<&Path>) -> Result<(), Absent> {
    match before {
        Some(before) if before.starts_with(mount) && before != mount => return Err(Absent::Gone(before.to_owned())),
        _ => {}
    }
    let has_to_be_one = REMOVABLE.iter().any(|root| folder.starts_with(root) && !mount.starts_with(root));
    if has_to_be_one { Err(Absent::NotMounted(folder.to_owned())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_sees_the_home_and_where_sticks_are_mounted_and_more_only_for_another_place() {
        let home = tempfile::tempdir().unwrap();
        let real = home.path().canonicalize().unwrap();
        let at = |name: &str| seen_from(&real.join(name), &real);
        assert_eq!(at("backups"), None);
        assert_eq!(outside(Path::new("/media/usb/betti"), &real), Some("/media".into()));
        assert_eq!(outside(Path::new("/run/media/anna/STICK"), &real), Some("/run/media".into()));
        assert_eq!(outside(Path::new("/srv/copies"), &real), Some("/".into()));
        assert_eq!(nearest_folder(&real.join("no/such")), real);
        for (name, target) in [("gone", "/no/such/folder"), ("elsewhere", "/usr")] {
            std::os::unix::fs::symlink(target, real.join(name)).unwrap();
            assert_eq!(at(name), Some("/".into()), "{name}");
        }
    }

    const STICK: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/mmcblk0p2 rw
90 22 8:1 / /media/usb\\040stick rw,nosuid shared:9 - vfat /dev/sda1 rw";

    #[test]
    fn a_mount_is_found_by_its_number() {
        assert_eq!(point(STICK, "90"), Some("/media/usb stick".into()));
        assert_eq!(point(STICK, "9"), None);
        assert_eq!(unescaped("/a\\134\\011b\\04"), Path::new("/a\\\tb\\04"));
        assert_eq!(of(&File::open("/proc/self").unwrap()).unwrap(), Path::new("/proc"));
    }

    #[test]
    fn an_absent_stick_is_never_taken_for_its_mount_point() {
        let check = |folder: &str, mount: &str, before: Option<&str>| {
            check(Path::new(folder), Path::new(mount), before.map(Path::new))
        };
        let stick = "/media/usb";
        assert_eq!(check("/media/usb/betti", stick, None), Ok(()));
        assert_eq!(check("/media/usb/betti", stick, Some(stick)), Ok(()), "or another stick at the same place");
        assert_eq!(check("/media/usb/betti", "/", Some(stick)), Err(Absent::Gone(stick.into())));
        assert_eq!(check("/media/usb/betti", "/", None), Err(Absent::NotMounted("/media/usb/betti".into())));
        assert_eq!(check("/srv/copies", "/srv", Some("/srv")), Ok(()));
        assert_eq!(
            check("/srv/copies", "/", Some("/srv")),
            Err(Absent::Gone("/srv".into())),
            "wherever it was mounted"
        );
        assert_eq!(check("/home/anna/copies", "/", None), Ok(()), "a folder is a folder");
        assert_eq!(check("/home/anna/copies", "/home", Some("/")), Ok(()), "a disk of its own since then");
    }
}
