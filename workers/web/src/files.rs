//! The web app's files: those built into this program, or those of a folder.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use rust_embed::RustEmbed;

/// Larger files are no part of a web app, in bytes.
const LARGEST_FILE: u64 = 32 * 1024 * 1024;

/// What `npm run build` made. A debug build of this program reads the files when they are asked for.
#[derive(RustEmbed)]
#[folder = "app/dist"]
#[allow_missing = true]
struct Built;

/// One file.
#[derive(Clone, Debug)]
pub struct File {
    pub bytes: Bytes,
    /// Changes when the bytes do: an entity tag without its quotes.
    pub tag: String,
}

/// Where files come from.
#[derive(Clone, Debug)]
pub enum Files {
    /// This program.
    BuiltIn,
    /// A folder; its path has no symbolic links in it.
    Folder(PathBuf),
}

impl Files {
    /// The folder that a debug build of this program reads; in a release build it need not be there.
    pub fn built_from() -> &'static Path {
        let folder = if cfg!(debug_assertions) { concat!(env!("CARGO_MANIFEST_DIR"), "/app/dist") } else { "" };
        Path::new(folder)
    }

    /// Another build than the one built in.
    ///
    /// # Errors
    /// If it is no folder that can be read.
    pub fn of_folder(folder: &Path) -> io::Result<Self> {
        let root = folder.canonicalize()?;
        if !root.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self::Folder(root))
    }

    /// The file of this name, such as `assets/index.js`. Names that leave the folder have none.
    pub async fn get(&self, name: &str) -> Option<File> {
        if name.split('/').any(|part| matches!(part, "" | "." | "..")) || name.contains(['\0', '\\']) {
            return None;
        }
        match self {
            Self::BuiltIn => built_in(name),
            Self::Folder(root) => {
                let (root, name) = (root.clone(), name.to_owned());
                tokio::task::spawn_blocking(move || read(&root, &name)).await.ok().flatten()
            }
        }
    }
}

fn built_in(name: &str) -> Option<File> {
    let file = Built::get(name)?;
    let hash = file.metadata.sha256_hash();
    let tag = hash[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    let bytes = match file.data {
        std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => bytes.into(),
    };
    Some(File { bytes, tag })
}

fn read(root: &Path, name: &str) -> Option<File> {
    let path = root.join(name).canonicalize().ok()?;
    let inside = path.starts_with(root);
    let metadata = fs::metadata(&path).ok().filter(|metadata| inside && metadata.is_file())?;
    if metadata.len() > LARGEST_FILE {
        tracing::warn!(file = %path.display(), most = LARGEST_FILE, "too large to be served");
        return None;
    }
    let tag = format!("{:x}-{:x}-{:x}", metadata.len(), metadata.mtime(), metadata.mtime_nsec());
    Some(File { bytes: fs::read(&path).ok()?.into(), tag })
}
