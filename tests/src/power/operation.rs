//! What can be done to a disk.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One thing done to one folder, in which every path is relative to it. The folder itself is the empty path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Opened for writing; made if it was not there.
    Open {
        /// The file.
        path: PathBuf,
        /// Whether it is empty from then on.
        truncate: bool,
    },
    /// Bytes at an offset, or at the end.
    Write {
        /// The file.
        path: PathBuf,
        /// Where, unless at the end.
        at: Option<u64>,
        /// What; in a recording, a text in which every byte is the letter of that number.
        #[serde(rename = "text", with = "super::letters")]
        bytes: Vec<u8>,
    },
    /// Bytes at the end that came from elsewhere inside the kernel: how many.
    Move {
        /// The file.
        path: PathBuf,
        /// In bytes.
        length: usize,
    },
    /// Another length.
    Resize {
        /// The file.
        path: PathBuf,
        /// In bytes.
        length: usize,
    },
    /// Everything of this file, or every name in this folder, is on the disk when this is done.
    Sync {
        /// The file or folder.
        path: PathBuf,
    },
    /// Another name; what had it has it no more.
    Rename {
        /// Before.
        from: PathBuf,
        /// From then on.
        to: PathBuf,
    },
    /// One more name.
    Link {
        /// The one that it has.
        from: PathBuf,
        /// The new one.
        to: PathBuf,
    },
    /// One name less.
    Unlink {
        /// The name.
        path: PathBuf,
    },
}
