//! Who an app runs as: the names in the file, resolved to the numbers that the kernel knows, at every start anew.

use std::collections::BTreeMap;
use std::ffi::CString;

use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid, getgrouplist};
use protocol::keeper::{Identity, Rlimit};

/// Why there is nobody to run an app as, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    #[error("there is no user `{0}`; create it (useradd --system {0}) or correct `user`")]
    NoUser(String),
    #[error("there is no group `{0}`; create it (groupadd --system {0}) or correct `group`")]
    NoGroup(String),
    #[error("user {0} is not in the user database, so it has no group of its own; set `group`")]
    NoOwnGroup(u32),
    #[error("the user database cannot be read: {}", .0.desc().to_lowercase())]
    Database(Errno),
}

/// Whom an app runs as, when that is not ourselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub identity: Identity,
    /// `HOME`, `USER` and `LOGNAME`, as a login would set them.
    pub variables: BTreeMap<String, String>,
}

/// Whom `user` and `group` (names, or numbers) mean; `None` is ourselves.
///
/// The groups are those of the user database for the user, and `group`.
pub fn resolve(user: Option<&str>, group: Option<&str>) -> Result<Option<Person>, IdentityError> {
    if user.is_none() && group.is_none() {
        return Ok(None);
    }
    let (uid, known) = match user {
        Some(user) => user_called(user)?,
        None => (geteuid(), User::from_uid(geteuid()).map_err(IdentityError::Database)?),
    };
    let gid = match (group, &known) {
        (Some(group), _) => group_called(group)?,
        (None, Some(known)) => known.gid,
        (None, None) => return Err(IdentityError::NoOwnGroup(uid.as_raw())),
    };
    if uid == geteuid() && (group.is_none() || gid == getegid()) {
        return Ok(None);
    }
    let groups = match &known {
        Some(known) => groups_of(known, gid)?,
        None => vec![gid],
    };
    let identity =
        Identity { uid: uid.as_raw(), gid: gid.as_raw(), groups: groups.into_iter().map(Gid::as_raw).collect() };
    Ok(Some(Person { identity, variables: known.as_ref().map(variables).unwrap_or_default() }))
}

fn user_called(user: &str) -> Result<(Uid, Option<User>), IdentityError> {
    let known = User::from_name(user).map_err(IdentityError::Database)?;
    match (known, user.parse().map(Uid::from_raw)) {
        (Some(known), _) => Ok((known.uid, Some(known))),
        (None, Ok(uid)) => Ok((uid, User::from_uid(uid).map_err(IdentityError::Database)?)),
        (None, Err(_)) => Err(IdentityError::NoUser(user.to_owned())),
    }
}

fn group_called(group: &str) -> Result<Gid, IdentityError> {
    let known = Group::from_name(group).map_err(IdentityError::Database)?;
    let number = || group.parse().map(Gid::from_raw).map_err(|_| IdentityError::NoGroup(group.to_owned()));
    known.map_or_else(number, |known| Ok(known.gid))
}

fn groups_of(user: &User, gid: Gid) -> Result<Vec<Gid>, IdentityError> {
    let name = CString::new(user.name.as_str()).map_err(|_| IdentityError::NoUser(user.name.clone()))?;
    getgrouplist(&name, gid).map_err(IdentityError::Database)
}

fn variables(user: &User) -> BTreeMap<String, String> {
    let home = user.dir.to_string_lossy().into_owned();
    [("HOME", home), ("USER", user.name.clone()), ("LOGNAME", user.name.clone())]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

/// An app's limits, by the numbers that the kernel knows resources by.
pub fn rlimits(written: &[manifest::Rlimit]) -> Vec<Rlimit> {
    let numbered = |limit: &manifest::Rlimit| {
        let (_, resource) = RESOURCES.iter().find(|(name, _)| *name == limit.resource)?;
        Some(Rlimit { resource: *resource, soft: limit.soft, hard: limit.hard })
    };
    written.iter().filter_map(numbered).collect()
}

/// Every resource that Linux limits. The kernel's numbers, whose type in C depends on the C library.
#[allow(clippy::unnecessary_cast)]
const RESOURCES: [(&str, u32); 16] = [
    ("as", libc::RLIMIT_AS as u32),
    ("core", libc::RLIMIT_CORE as u32),
    ("cpu", libc::RLIMIT_CPU as u32),
    ("data", libc::RLIMIT_DATA as u32),
    ("fsize", libc::RLIMIT_FSIZE as u32),
    ("locks", libc::RLIMIT_LOCKS as u32),
    ("memlock", libc::RLIMIT_MEMLOCK as u32),
    ("msgqueue", libc::RLIMIT_MSGQUEUE as u32),
    ("nice", libc::RLIMIT_NICE as u32),
    ("nofile", libc::RLIMIT_NOFILE as u32),
    ("nproc", libc::RLIMIT_NPROC as u32),
    ("rss", libc::RLIMIT_RSS as u32),
    ("rtprio", libc::RLIMIT_RTPRIO as u32),
    ("rttime", libc::RLIMIT_RTTIME as u32),
    ("sigpending", libc::RLIMIT_SIGPENDING as u32),
    ("stack", libc::RLIMIT_STACK as u32),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(user: Option<&str>, group: Option<&str>) -> Option<Person> {
        resolve(user, group).unwrap()
    }

    #[test]
    fn the_hubs_own_user_needs_no_identity() {
        let us = User::from_uid(geteuid()).unwrap().unwrap();
        assert_eq!(resolved(None, None), None);
        assert_eq!(resolved(Some(&us.name), None), None);
        assert_eq!(resolved(Some(&us.uid.to_string()), Some(&getegid().to_string())), None);
        let other_group = resolved(None, Some("54321")).unwrap().identity;
        assert_eq!((other_group.uid, other_group.gid), (us.uid.as_raw(), 54321));
        assert!(other_group.groups.contains(&54321));
    }

    #[test]
    fn a_user_is_found_by_name_and_by_number_with_home_and_groups() {
        let nobody = User::from_name("nobody").unwrap().unwrap();
        let by_name = resolved(Some("nobody"), None).unwrap();
        assert_eq!(resolved(Some(&nobody.uid.to_string()), None).unwrap(), by_name);
        assert_eq!((by_name.identity.uid, by_name.identity.gid), (nobody.uid.as_raw(), nobody.gid.as_raw()));
        assert!(by_name.identity.groups.contains(&nobody.gid.as_raw()));
        assert_eq!(by_name.variables["HOME"], nobody.dir.to_string_lossy());
        assert_eq!((&*by_name.variables["USER"], &*by_name.variables["LOGNAME"]), ("nobody", "nobody"));
        let in_another = resolved(Some("nobody"), Some("54321")).unwrap().identity;
        assert_eq!(in_another.gid, 54321);
        assert!(in_another.groups.contains(&54321));
    }

    #[test]
    fn a_number_that_nobody_has_needs_a_group() {
        assert_eq!(resolve(Some("4242424"), None), Err(IdentityError::NoOwnGroup(4_242_424)));
        let stranger = resolved(Some("4242424"), Some("5")).unwrap();
        assert_eq!(stranger.identity, Identity { uid: 4_242_424, gid: 5, groups: vec![5] });
        assert!(stranger.variables.is_empty());
    }

    #[test]
    fn an_unknown_name_is_said_with_what_to_do() {
        let said = |user, group| resolve(user, group).unwrap_err().to_string();
        assert!(said(Some("no-such-user"), None).starts_with("there is no user `no-such-user`; create it"));
        assert!(said(Some("nobody"), Some("no-such-group")).contains("no group `no-such-group`"));
    }

    #[test]
    fn every_limit_of_the_file_has_its_number() {
        let limit = |resource| manifest::Rlimit { resource, soft: Some(1), hard: None };
        let numbered = rlimits(&RESOURCES.map(|(name, _)| limit(name)));
        assert_eq!(numbered.len(), RESOURCES.len());
        assert_eq!(rlimits(&[limit("nofile")]), [Rlimit { resource: 7, soft: Some(1), hard: None }]);
    }
}
