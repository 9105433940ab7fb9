//! Who is to be given up last when the machine has no memory left: we, who hold the house, and the supervisor. Apps are given
//! up before, in the order of their `priority`, whose numbers are absolute: nobody inherits what protects us.

use std::fs;
use std::io;

use nix::errno::Errno;

use crate::clock;

/// What the kernel adds to its badness of ours: nearly the least there is. With the very least we could not be ended even if it
/// were us who used all of it.
const KEEPER: i32 = -900;
/// And of the supervisor's, which can be had again.
const SUPERVISOR: i32 = -800;
const OWN_SCORE: &str = "/proc/self/oom_score_adj";

/// What we were started with, and what others are to have.
#[derive(Clone, Copy)]
pub struct Protection {
    inherited: i32,
}

impl Protection {
    /// Protects us as well as we may, and says so where we may not.
    pub fn take() -> Self {
        let inherited = own_score().unwrap_or_default();
        if inherited > KEEPER
            && let Err(error) = fs::write(OWN_SCORE, KEEPER.to_string())
        {
            say!(
                "{} keeper: cannot protect itself for when memory runs out ({error}): that takes CAP_SYS_RESOURCE, or \
                 OOMScoreAdjust={KEEPER} in the unit of systemd; apps are given up before it by their priority alone",
                clock::stamp()
            );
        }
        Self { inherited }
    }

    /// A worker's, if its order names none: nothing of ours.
    pub fn of_worker(self, ordered: Option<i32>) -> i32 {
        ordered.unwrap_or(self.inherited)
    }

    /// In a copy of ours that becomes a supervisor. Refused only where we could not protect ourselves either.
    pub fn of_supervisor(self) {
        let _ = fs::write(OWN_SCORE, self.inherited.min(SUPERVISOR).to_string());
    }
}

/// Sets our own. Raising it always works. Lowering it takes privileges; without them what was inherited is as low as it gets.
pub fn set_own_score(wanted: i32) -> Result<(), Errno> {
    let inherited = own_score().map_err(errno_of)?;
    match fs::write(OWN_SCORE, wanted.to_string()) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && wanted < inherited => Ok(()),
        other => other.map_err(errno_of),
    }
}

fn own_score() -> io::Result<i32> {
    Ok(fs::read_to_string(OWN_SCORE)?.trim().parse().unwrap_or_default())
}

fn errno_of(error: io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32))
}
