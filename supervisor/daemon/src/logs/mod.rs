//! Where workers' output goes: from their pipes to `logs/<app>-out.log` and `logs/<app>-error.log`. Wherever the supervisor is
//! killed, its successor goes on, and no byte is lost or doubled and no line is torn.
//!
//! ```text
//!   straight      worker ══pipe══► splice ═════════════════════════════════════► file ──full, old──► file.1 ─► file.2.gz ─► …
//!   line by line  worker ══pipe══► splice ══► spool ──copy──► lines ──journal──► file ──full, old──► file.1 ─► file.2.gz ─► …
//!                                             └ position moves on when the lines are in the file
//!   before each   mark: where, when, whose ───────────────────────► file.index ────────────────► file.1.index ─► file.2.index
//! ```
//!
//! * **Straight**: raw output that has its file to itself. The kernel moves the bytes in one step: what is in the file is no more in
//!   the pipe. The file is all there is to know.
//! * **Line by line**: output in another form (`time: line`, or JSON), and raw output of several streams in one file. A line is
//!   written when it is whole, too long, or the last. Until then it waits in the run's spool, a file in the runtime directory, where
//!   the kernel moved it: the pipe is never full of an open line, and lines of two streams in one file never mix. Before lines are
//!   written, the journal tells which; a successor writes what is missing of them. (The file's own end cannot tell: of a worker
//!   that says `tick` every second, nobody could say which tick was written last.)
//! * **A full disk**: raw output goes line by line until there is room, and the newest lines of each stream wait in its spool; so
//!   they are not lost with the supervisor either. What is too much is counted, and said in the file before the first line that it
//!   takes again. A device or a FIFO that takes nothing loses all of it.
//!
//! Who is who: [`LogPump`] is the way to the thread ([`thread`]); a [`pipe`] is one stream of a run on its way to its [`file`](mod@file),
//! [`raw`] or as [`lines`] that a [`formatter`] writes ([`stamp`] knows the time, [`arrivals`] when what waited came) and the file
//! [`append`]s; [`open_line`] keeps a line whole when its file becomes others' too. A [`spool`] keeps what is no whole line yet, the
//! [`journal`] what is about to be written, the [`index`] when and by whom it was. [`rotation`] and [`compress`] put aside what
//! exceeds its [`limits`], the [`store`] keeps all of it within its [`budget`]. [`loss`] is what could not be kept, [`unsaid`] what of it
//! a successor has to say, [`retry`] when that
//! is tried again, the [`tally`] what became of everybody's bytes. With a [`glass`] it is seen what is in a pipe without
//! taking it, and an [`expectation`] finds in it the text by which a worker says that it is ready.

mod append;
mod arrivals;
mod background;
mod budget;
mod compress;
mod desk;
mod expectation;
mod file;
mod formatter;
mod glass;
mod index;
mod journal;
mod limits;
mod lines;
mod loss;
mod open_line;
mod outlet;
mod pipe;
mod pump;
mod raw;
mod retry;
mod rotation;
mod spool;
mod stamp;
mod store;
mod tally;
mod thread;
mod unsaid;
mod when;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use protocol::place::{self, NoRuntimeDir};

pub use budget::{AppLogs, House};
pub use index::{forget_lost, path as index_path};
pub use limits::Limits;
pub use outlet::{Kind, Outlet};
pub use pump::{LogPump, News, Way};
pub use tally::Tallies;

/// Below the runtime directory: what lives as long as the keeper.
const SPOOL_FOLDER: &str = "spool";
/// The most that is moved at once, in bytes, so that one flood does not silence the others.
const CHUNK: usize = 64 * 1024;
/// How much longer than its limit a file may grow for a line to end, in bytes; then it is cut within the line. Progress bars and
/// binary output have no lines. No formatted line is longer than this either.
const LONGEST_OPEN_LINE: u64 = 1024 * 1024;

/// Where lines wait. If nothing runs, what is in there is nobody's and goes, but for the tally, which goes with its hub.
///
/// # Errors
/// If there is no runtime directory, which cannot be while a keeper has one.
pub fn spool_folder(nothing_runs: bool, hub_is_new: bool) -> Result<PathBuf, NoRuntimeDir> {
    let root = nix::unistd::geteuid().is_root();
    let folder = place::runtime_dir(|name| std::env::var_os(name), root)?.join(SPOOL_FOLDER);
    if nothing_runs {
        let left = std::fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
        let stays = [tally::NAME, unsaid::NAME];
        let goes = |entry: &std::fs::DirEntry| hub_is_new || stays.iter().all(|name| entry.file_name() != *name);
        left.filter(goes).for_each(|entry| drop(std::fs::remove_file(entry.path()))); // usually there is none
    }
    Ok(folder)
}

/// What became of one attempt to move bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moved {
    /// So many bytes were taken from the pipe; none where a full file was only put aside.
    Some(usize),
    /// Nothing is in the pipe now.
    Empty,
    /// Nothing will ever be in the pipe again.
    End,
}
