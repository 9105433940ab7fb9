use std::time::Duration;

/// How a run's first process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// It returned this code.
    Code(i32),
    /// A signal ended it.
    Signal {
        /// The signal's number.
        signal: i32,
        /// Whether the kernel wrote a core file.
        core_dumped: bool,
    },
    /// The kernel ended it for want of memory.
    OutOfMemory,
    /// It never ran: the errno of the step that failed.
    NotSpawned(i32),
}

impl Exit {
    /// Whether it ended well: with code 0. A death by signal is no code at all, and never 0.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Code(0))
    }
}

/// What a run may suffer from without ending by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ailment {
    /// It failed its health check.
    Health,
    /// Its watchdog was not fed in time.
    Watchdog,
    /// It used more memory than it may.
    Memory,
}

/// Why a run counts as failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// It ended although it was to run; with code 0 too.
    Exited(Exit),
    /// It did not say that it was ready.
    NotReady {
        /// The time that it was given.
        within: Duration,
    },
    /// It lived, but not as it should.
    Unhealthy(Ailment),
    /// Nothing of it is left, and nobody said how it ended.
    Vanished,
}
