//! Tells when nobody reads standard output any more, also while there is nothing to write: `betti-ctl logs -f | head -1`.

use std::os::fd::AsFd;
use std::thread;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::oneshot;

/// Ends when the reader is gone; never if there is none that can go, as with a file.
///
/// A thread waits for it: what the event loop waits with refuses files, and wakes up for every key on a terminal.
pub fn unread() -> oneshot::Receiver<()> {
    let (gone, is_gone) = oneshot::channel();
    let wait = move || {
        if reader_goes() {
            // Nobody follows any more.
            let _ = gone.send(());
        } else {
            // Never, rather than at once.
            std::mem::forget(gone);
        }
    };
    // Without a thread, the next line that cannot be written tells.
    match thread::Builder::new().name("unread".into()).spawn(wait) {
        Ok(_) => is_gone,
        Err(_) => never(),
    }
}

fn never() -> oneshot::Receiver<()> {
    let (gone, is_gone) = oneshot::channel();
    std::mem::forget(gone);
    is_gone
}

/// Waits until the other end is gone; whether it is.
fn reader_goes() -> bool {
    let out = std::io::stdout();
    loop {
        // Asked for or not, the kernel tells of errors and hang-ups.
        let mut waited = [PollFd::new(out.as_fd(), PollFlags::empty())];
        match poll(&mut waited, PollTimeout::NONE) {
            Ok(_) => return true,
            Err(Errno::EINTR) => {}
            Err(_) => return false,
        }
    }
}
