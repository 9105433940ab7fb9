//! The chain over all entries: whoever changes, adds or takes one out in the middle has to make all that follow anew.

use data_encoding::HEXLOWER;
use ring::digest::{Context, SHA256};
use serde_json::json;

use super::entry::Entry;

/// A link of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link(pub [u8; 32]);

impl Link {
    /// Before the first entry.
    pub const FIRST: Self = Self([0; 32]);

    /// The link of an entry that comes after this one.
    #[must_use]
    pub fn next(self, entry: &Entry) -> Self {
        let content = json!([
            entry.seq,
            entry.first_at,
            entry.last_at,
            entry.times,
            entry.what.name(),
            entry.device,
            entry.role,
            entry.address,
            entry.area,
            entry.resident,
            entry.routes,
            entry.thing,
            entry.status,
            entry.continues,
        ]);
        let mut context = Context::new(&SHA256);
        context.update(&self.0);
        context.update(content.to_string().as_bytes());
        let mut link = [0; 32];
        link.copy_from_slice(context.finish().as_ref());
        Self(link)
    }

    /// As people can write it down.
    #[must_use]
    pub fn text(self) -> String {
        HEXLOWER.encode(&self.0)
    }
}
