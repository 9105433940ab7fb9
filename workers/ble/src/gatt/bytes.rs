//! Reading a value from its front, field by field.

use super::Refused;

/// What is left of a value.
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub fn new(value: &'a [u8]) -> Self {
        Self(value)
    }

    pub fn left(&self) -> usize {
        self.0.len()
    }

    pub fn u8(&mut self, field: &'static str) -> Result<u8, Refused> {
        self.take::<1>(field).map(|[byte]| byte)
    }

    pub fn u16(&mut self, field: &'static str) -> Result<u16, Refused> {
        self.take(field).map(u16::from_le_bytes)
    }

    pub fn take<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Refused> {
        let truncated = Refused::Truncated { field, needed: N, left: self.0.len() };
        let (taken, rest) = self.0.split_first_chunk().ok_or(truncated)?;
        self.0 = rest;
        Ok(*taken)
    }
}
