//! Opens what is to stay open, and tells the kernel.

use std::{
    ffi::OsStr,
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus, NetPort, PathBeneath,
    PathFd, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use rusqlite::Connection;

use super::{
    Reader, SWITCH, Sees,
    sees::{Calls, Data},
};
use crate::{access, audit, database, tls, worker::data_dir};

/// What is asked for; an older kernel gives what it has.
const WANTED: ABI = ABI::V7;
/// Where certificates are is nobody else's business.
const FOLDER_MODE: u32 = 0o700;
/// Where time zones are kept, as the library that reads them looks for them.
const ZONES: [&str; 5] =
    ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo", "/etc/localtime"];
/// What the system's library reads to find an address, and loads to do so.
const NAMES: [&str; 14] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/passwd",
    "/etc/ld.so.cache",
    "/run/systemd/resolve",
    "/usr/lib",
    "/usr/lib64",
    "/lib",
    "/lib64",
    "/etc/machine-id",
];
const DEVICES: [&str; 2] = ["/dev/null", "/dev/urandom"];

/// What has to stay open for as long as the worker lives, so that the files that it sees stay the same ones.
#[derive(Default)]
pub(crate) struct Held {
    _databases: Vec<Connection>,
    /// Who reads what this worker cannot once it is exchanged; `None` where nothing is held back, or there is no such thing.
    pub reader: Option<Arc<Reader>>,
}

/// Restricts this thread, and all that it starts from now on. Call it while there is no other one.
///
/// # Errors
/// If the worker's own files cannot be made. What the kernel cannot do is said in the log and is no error.
pub(crate) fn enter(name: &str, sees: &Sees, has_socket: bool) -> anyhow::Result<Held> {
    if std::env::var(SWITCH).is_ok_and(|switch| switch.trim().eq_ignore_ascii_case("off")) {
        tracing::warn!(worker = name, "{SWITCH}=off: it sees everything that its user may");
        return Ok(Held::default());
    }
    let mut rules = Rules::of_everybody();
    let mut held = rules.data(&sees.data)?;
    rules.read.extend(sees.read.iter().cloned());
    rules.written.extend(sees.written.iter().cloned());
    if let Some(folder) = &sees.certificates {
        rules.certificates(folder);
    }
    let reader = reader(name, sees)?;
    match restrict(rules, sees, has_socket) {
        Ok(status) => {
            say(name, &status);
            held.reader = reader.filter(|_| status.ruleset != RulesetStatus::NotEnforced);
        }
        Err(error) => tracing::warn!(worker = name, "it sees everything that its user may: {error}"),
    }
    Ok(held)
}

/// For what is exchanged by name.
fn reader(name: &str, sees: &Sees) -> io::Result<Option<Arc<Reader>>> {
    let mut files: Vec<_> = sees.certificates.iter().flat_map(|folder| tls::files_of(folder)).collect();
    if matches!(sees.data, Data::Databases(_)) && sees.calls != Calls::default() {
        files.push(data_dir()?.join(access::KEY_FILE));
    }
    if files.is_empty() {
        return Ok(None);
    }
    let started = Reader::start(name, files);
    let started = started
        .inspect_err(|error| tracing::warn!(worker = name, "what is exchanged is seen after a restart: {error}"));
    Ok(started.ok().map(Arc::new))
}

#[derive(Default)]
pub(super) struct Rules {
    pub read: Vec<PathBuf>,
    pub written: Vec<PathBuf>,
    /// Folders whose names may be read, but nothing in them.
    pub listed: Vec<PathBuf>,
}

impl Rules {
    fn of_everybody() -> Self {
        let mut read: Vec<PathBuf> = ZONES.iter().chain(&NAMES).map(PathBuf::from).collect();
        read.extend(std::env::var_os("TZDIR").map(PathBuf::from));
        read.extend(std::env::current_exe().ok());
        let mut written: Vec<PathBuf> = DEVICES.iter().map(PathBuf::from).collect();
        written.extend(temporary());
        Self { read, written, listed: Vec::new() }
    }

    fn data(&mut self, data: &Data) -> anyhow::Result<Held> {
        let own = match data {
            Data::Nothing => return Ok(Held::default()),
            Data::Everything => {
                self.written.push(data_dir()?);
                return Ok(Held::default());
            }
            Data::Databases(own) => *own,
        };
        let directory = data_dir()?;
        let mut databases = vec![access::prepare(&directory)?, audit::prepare(&directory)?];
        self.read.push(directory.join(access::KEY_FILE));
        for name in own {
            databases.push(database::hold(&directory.join(name))?);
        }
        for name in own.iter().chain(&[access::FILE, audit::FILE]) {
            let companions = ["", "-wal", "-shm"].map(|ending| directory.join(format!("{name}{ending}")));
            self.written.extend(companions);
        }
        self.listed.push(directory); // SQLite syncs it.
        Ok(Held { _databases: databases, reader: None })
    }

    fn certificates(&mut self, folder: &Path) {
        match DirBuilder::new().mode(FOLDER_MODE).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                tracing::debug!(folder = %folder.display(), "cannot be made: {error}");
            }
            Ok(()) | Err(_) => {}
        }
        // Somebody's own ones are often links to where they are renewed.
        let targets = [certificates::CERTIFICATE, certificates::KEY].map(|name| folder.join(name).canonicalize());
        let beside = targets.into_iter().flatten().filter_map(|target| target.parent().map(Path::to_owned));
        self.read.extend(beside);
        self.read.push(folder.to_owned());
    }
}

/// Where SQLite puts what does not fit into memory: the first that there is, in its own order.
fn temporary() -> Option<PathBuf> {
    let named = ["SQLITE_TMPDIR", "TMPDIR"].into_iter().filter_map(std::env::var_os);
    let usual = ["/var/tmp", "/usr/tmp", "/tmp"].into_iter().map(|path| OsStr::new(path).to_owned());
    named.chain(usual).map(PathBuf::from).find(|path| path.is_dir())
}

pub(super) fn restrict(rules: Rules, sees: &Sees, has_socket: bool) -> Result<RestrictionStatus, RulesetError> {
    let mut ruleset = Ruleset::default()
        // A kernel that cannot allow renaming from folder to folder (before 5.19) forbids it: better nothing at all then.
        .set_compatibility(CompatLevel::SoftRequirement)
        .handle_access(AccessFs::Refer)?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(WANTED))?
        .scope(Scope::Signal)?;
    if !sees.has_bus && !speaks_to_an_abstract_socket() {
        ruleset = ruleset.scope(Scope::AbstractUnixSocket)?;
    }
    ruleset = ruleset.handle_access(AccessNet::BindTcp)?;
    if sees.calls != Calls::Anyone {
        ruleset = ruleset.handle_access(AccessNet::ConnectTcp)?;
    }
    let mut created = ruleset.create()?;
    let reading = AccessFs::ReadFile | AccessFs::ReadDir;
    let writing = AccessFs::from_all(WANTED) & !(AccessFs::Execute | AccessFs::MakeBlock | AccessFs::MakeChar);
    let listing = BitFlags::from(AccessFs::ReadDir);
    for (paths, access) in [(rules.read, reading), (rules.written, writing), (rules.listed, listing)] {
        for path in paths {
            // What is not there is not seen.
            let Ok(open) = PathFd::new(&path) else { continue };
            let access = if path.is_dir() { access } else { access & AccessFs::from_file(WANTED) };
            if !access.is_empty() {
                created = created.add_rule(PathBeneath::new(open, access))?;
            }
        }
    }
    if !has_socket {
        for port in &sees.listens {
            created = created.add_rule(NetPort::new(*port, AccessNet::BindTcp))?;
        }
    }
    if let Calls::Ports(ports) = &sees.calls {
        for port in ports {
            created = created.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
        }
    }
    created.restrict_self()
}

fn speaks_to_an_abstract_socket() -> bool {
    std::env::var(protocol::worker::NOTIFY_SOCKET).is_ok_and(|name| name.starts_with('@'))
}

fn say(name: &str, status: &RestrictionStatus) {
    let kernel = match status.landlock {
        LandlockStatus::NotEnabled => "it is not enabled".to_owned(),
        LandlockStatus::NotImplemented => "it has none".to_owned(),
        LandlockStatus::Available { effective_abi, .. } => format!("Landlock {effective_abi:?}"),
    };
    match status.ruleset {
        RulesetStatus::FullyEnforced => tracing::info!(worker = name, kernel, "sees only what it needs"),
        RulesetStatus::PartiallyEnforced => {
            tracing::info!(
                worker = name,
                kernel,
                "sees only files that it needs; ports before V4, signals and other sockets before V6 are not held back"
            );
        }
        _ => {
            tracing::warn!(worker = name, kernel, "sees everything that its user may: the kernel does not hold it back")
        }
    }
}
