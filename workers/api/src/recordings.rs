//! The folder with the accelerometer's recordings: one CSV file each, which only the hub's user may read.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use kit::clock;
use serde::Serialize;
use uuid::Uuid;

use crate::accelerometer::{file_name, is_recording};

/// Its name in the hub's data.
pub const FOLDER: &str = "accelerometer";
/// What somebody does is nobody else's.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;
/// How many recordings one second may have: more is a client that has gone mad.
const MOST_A_SECOND: u32 = 1_000;

/// Where recordings are.
#[derive(Clone, Debug)]
pub struct Recordings {
    folder: PathBuf,
}

/// A recording, as clients list it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Listed {
    filename: String,
    /// In bytes.
    size: u64,
    created: String,
}

impl Recordings {
    /// The folder below a worker's data. It is made when there is something to keep.
    pub fn below(data: &Path) -> Self {
        Self { folder: data.join(FOLDER) }
    }

    /// Keeps a recording under a name of its own. What is acknowledged is on the disk, whole.
    ///
    /// # Errors
    /// The file system's.
    pub async fn save(&self, csv: String, now: Timestamp) -> io::Result<String> {
        let folder = self.folder.clone();
        on_a_thread(move || save(&folder, csv.as_bytes(), now)).await
    }

    /// All of them, the newest first.
    ///
    /// # Errors
    /// The file system's.
    pub async fn list(&self) -> io::Result<Vec<Listed>> {
        let folder = self.folder.clone();
        on_a_thread(move || list(&folder)).await
    }
}

async fn on_a_thread<T: Send + 'static>(job: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(job).await.map_err(io::Error::other)?
}

fn save(folder: &Path, csv: &[u8], now: Timestamp) -> io::Result<String> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
    // Written under another name first: a recording is there as a whole or not at all.
    let part = folder.join(format!("{}.part", Uuid::now_v7()));
    let name = write(&part, csv).and_then(|()| name(folder, &part, now));
    let removed = fs::remove_file(&part);
    let name = name?;
    removed?;
    File::open(folder)?.sync_all()?;
    Ok(name)
}

fn write(part: &Path, csv: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(part)?;
    file.write_all(csv)?;
    file.sync_all()
}

/// Gives it the first name of its second that is free. A link, unlike a renaming, replaces nothing.
fn name(folder: &Path, part: &Path, now: Timestamp) -> io::Result<String> {
    for attempt in 1..=MOST_A_SECOND {
        let name = file_name(now, attempt);
        match fs::hard_link(part, folder.join(&name)) {
            Ok(()) => return Ok(name),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(ErrorKind::AlreadyExists, format!("this second has {MOST_A_SECOND} recordings already")))
}

fn list(folder: &Path) -> io::Result<Vec<Listed>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Some(filename) = entry.file_name().to_str().filter(|name| is_recording(name)).map(str::to_owned) else {
            continue;
        };
        let metadata = match entry.metadata() {
            // Somebody took it away while we looked.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            metadata => metadata?,
        };
        let written = Timestamp::try_from(metadata.modified()?).map_err(io::Error::other)?;
        found.push((written, Listed { filename, size: metadata.len(), created: clock::iso(written) }));
    }
    found.sort_by(|(one, a), (other, b)| other.cmp(one).then_with(|| b.filename.cmp(&a.filename)));
    Ok(found.into_iter().map(|(_, listed)| listed).collect())
}
