/// Which app: its place in the file, from 0. PM2's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId(pub u32);

/// One run of an app on this hub. Numbers are never reused, unlike pids, so what is heard about an earlier run can be
/// told from what is heard about this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Invocation(pub u64);

impl Invocation {
    /// The run that is handed out after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
