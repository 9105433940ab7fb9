//! SHA-256 of what passes through.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use sha2::{Digest, Sha256};

/// How much is read at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// Something that is read or written, with the digest and length of what has passed.
pub struct Counted<T> {
    inner: T,
    hasher: Sha256,
    length: u64,
}

impl<T> Counted<T> {
    pub fn new(inner: T) -> Self {
        Self { inner, hasher: Sha256::new(), length: 0 }
    }

    /// What it was around, the digest in hexadecimal, and the length in bytes.
    pub fn finish(self) -> (T, String, u64) {
        let digest = self.hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        (self.inner, digest, self.length)
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.pass(&buffer[..count]);
        Ok(count)
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.pass(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The digest of a file.
pub fn of_file(path: &Path) -> io::Result<String> {
    let mut file = Counted::new(io::BufReader::with_capacity(CHUNK, File::open(path)?));
    io::copy(&mut file, &mut io::sink())?;
    Ok(file.finish().1)
}
