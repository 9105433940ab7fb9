//! Every name that is looked up on the way to a file. Whoever changes what one of them means changes which file that is.

use std::{
    collections::{BTreeSet, VecDeque},
    ffi::OsString,
    fs, io,
    path::{Component, Path, PathBuf},
};

/// As many links as the kernel follows for one name.
const MOST_LINKS: usize = 40;

/// The names, each in the folder where it really is, links followed. Names that mean nothing yet are among them, up to the first.
///
/// ```text
///   /srv/certs/cert.pem, where certs is a link to live/hub:  /srv  /srv/certs  /srv/live  /srv/live/hub  /srv/live/hub/cert.pem
/// ```
pub(super) fn names_on_the_way(path: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let (mut names, mut here, mut links) = (BTreeSet::new(), PathBuf::from("/"), 0);
    let mut left = parts(&std::path::absolute(path)?);
    while let Some(part) = left.pop_front() {
        if part == ".." {
            here.pop();
            continue;
        }
        let name = here.join(part);
        names.insert(name.clone());
        match fs::read_link(&name) {
            Ok(target) if links < MOST_LINKS => {
                links += 1;
                if target.is_absolute() {
                    here = "/".into();
                }
                let mut onwards = parts(&target);
                onwards.append(&mut left);
                left = onwards;
            }
            _ => here = name,
        }
    }
    Ok(names)
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let parts = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    parts.map(|part| part.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_wherever_they_stand_and_lead() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let below = |names: &[&str]| names.iter().map(|name| root.join(name)).collect::<BTreeSet<_>>();
        let found = |path: &str| {
            let names = names_on_the_way(&root.join(path)).unwrap();
            names.into_iter().filter(|name| name.starts_with(&root) && *name != root).collect::<BTreeSet<_>>()
        };
        fs::create_dir_all(root.join("archive/hub")).unwrap();
        fs::create_dir_all(root.join("live/hub")).unwrap();
        symlink("../../archive/hub/cert1.pem", root.join("live/hub/cert.pem")).unwrap();
        symlink(root.join("live"), root.join("now")).unwrap();
        let expected =
            below(&["now", "live", "live/hub", "live/hub/cert.pem", "archive", "archive/hub", "archive/hub/cert1.pem"]);
        assert_eq!(found("now/hub/cert.pem"), expected);
        assert_eq!(found("none/cert.pem"), below(&["none", "none/cert.pem"]), "what may come");
        symlink("round", root.join("round")).unwrap();
        assert_eq!(found("round/cert.pem"), below(&["round", "round/cert.pem"]), "and not for ever");
    }
}
