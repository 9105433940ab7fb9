//! The archive: a tar file, compressed by gzip, encrypted by age. `age -d -i key.txt COPY | tar xz` reads it as well.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::Path,
};

use age::{Decryptor, Encryptor, Identity, Recipient, stream::StreamReader, x25519};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use tar::{Archive, Builder, EntryType, Header};

use crate::{
    contents::{Contents, FORMAT, LIST, Listed, Source},
    digest::Counted,
    whole,
};

/// How much is read or written at once, in bytes: a stick likes large pieces.
const CHUNK: usize = 256 * 1024;
/// The longest list of files that is read, in bytes.
const LONGEST_LIST: u64 = 64 * 1024 * 1024;

/// Why an archive was not written or is not whole.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("{name}: {error}")]
    File { name: String, error: io::Error },
    #[error("it cannot be written: {0}")]
    Write(io::Error),
    #[error("it cannot be encrypted: {0}")]
    Encrypt(#[from] age::EncryptError),
    #[error("this is another key's copy: the key that you gave does not open it")]
    WrongKey,
    #[error("it is no copy of Betti's, or damaged at its beginning: {0}")]
    NotOne(age::DecryptError),
    #[error("it is damaged or cut off: {0}")]
    Damaged(io::Error),
    #[error("it is damaged or cut off: {0}")]
    NotWhole(String),
    #[error("it was made by a newer version of Betti ({0}): restore it with that one")]
    Newer(String),
}

/// Writes an archive: every source, then the list. Returns the list and the archive's digest and length.
pub fn write(
    to: &File,
    recipients: &[x25519::Recipient],
    sources: &[Source],
    mut contents: Contents,
) -> Result<(Contents, String, u64), ArchiveError> {
    let recipients = recipients.iter().map(|recipient| recipient as &dyn Recipient);
    let counted = Counted::new(BufWriter::with_capacity(CHUNK, to));
    let encrypted = Encryptor::with_recipients(recipients)?.wrap_output(counted).map_err(ArchiveError::Write)?;
    let mut archive = Builder::new(GzEncoder::new(encrypted, Compression::default()));
    for source in sources {
        contents.files.push(append(&mut archive, source)?);
    }
    let list = serde_json::to_vec(&contents).map_err(|error| ArchiveError::Write(error.into()))?;
    archive.append_data(&mut header(list.len() as u64), LIST, list.as_slice()).map_err(ArchiveError::Write)?;
    let finish = || {
        let (buffer, digest, length) = archive.into_inner()?.finish()?.finish()?.finish();
        buffer.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((digest, length))
    };
    let (digest, length) = finish().map_err(ArchiveError::Write)?;
    Ok((contents, digest, length))
}

fn append(archive: &mut Builder<impl Write>, source: &Source) -> Result<Listed, ArchiveError> {
    let failed = |error| ArchiveError::File { name: source.name.clone(), error };
    let file = File::open(&source.path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    // What is added to it from now on is not in this copy; what is taken away from it would be noticed as a wrong length.
    let mut counted = Counted::new(BufReader::with_capacity(CHUNK, file.take(size)));
    archive.append_data(&mut header(size), &source.name, &mut counted).map_err(|error| {
        // Reading and writing fail alike there; which it was matters to who reads the reason.
        if error.raw_os_error().is_some() { ArchiveError::Write(error) } else { failed(error) }
    })?;
    let (_, sha256, length) = counted.finish();
    if length != size {
        return Err(failed(io::Error::other("it became shorter while it was copied")));
    }
    Ok(Listed { name: source.name.clone(), size, sha256 })
}

fn header(size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(size);
    header.set_mode(whole::FILE_MODE);
    header
}

/// Reads an archive to its end, handing each file to `take`, and compares all of it with its list.
pub fn read(
    from: impl Read,
    identity: &x25519::Identity,
    mut take: impl FnMut(&str, &mut dyn Read) -> Result<(), ArchiveError>,
) -> Result<Contents, ArchiveError> {
    let mut archive = Archive::new(GzDecoder::new(decrypted(from, identity)?));
    let (mut seen, mut contents) = (Vec::new(), None);
    for entry in archive.entries().map_err(ArchiveError::Damaged)? {
        let mut entry = entry.map_err(ArchiveError::Damaged)?;
        let name = entry.path().map_err(ArchiveError::Damaged)?.to_string_lossy().into_owned();
        if name == LIST {
            contents = Some(list(&mut entry)?);
            continue;
        }
        let mut counted = Counted::new(&mut entry);
        take(&name, &mut counted)?;
        io::copy(&mut counted, &mut io::sink()).map_err(ArchiveError::Damaged)?;
        let (_, sha256, size) = counted.finish();
        seen.push(Listed { name, size, sha256 });
    }
    // To the very end: only there age can tell that nothing was cut off.
    let mut compressed = archive.into_inner();
    io::copy(&mut compressed, &mut io::sink()).map_err(ArchiveError::Damaged)?;
    io::copy(&mut compressed.into_inner(), &mut io::sink()).map_err(ArchiveError::Damaged)?;
    let contents: Contents = contents.ok_or_else(|| ArchiveError::NotWhole("its list is missing".into()))?;
    match contents.files.iter().zip(&seen).find(|(listed, found)| listed != found) {
        Some((listed, _)) => Err(ArchiveError::NotWhole(format!("{} is not as it was copied", listed.name))),
        None if contents.files.len() != seen.len() => Err(ArchiveError::NotWhole("files are missing".into())),
        None => Ok(contents),
    }
}

fn decrypted<R: Read>(from: R, identity: &x25519::Identity) -> Result<StreamReader<BufReader<R>>, ArchiveError> {
    let decryptor = Decryptor::new(BufReader::with_capacity(CHUNK, from)).map_err(ArchiveError::NotOne)?;
    decryptor.decrypt(std::iter::once(identity as &dyn Identity)).map_err(|error| match error {
        age::DecryptError::NoMatchingKeys => ArchiveError::WrongKey,
        other => ArchiveError::NotOne(other),
    })
}

fn list(entry: &mut impl Read) -> Result<Contents, ArchiveError> {
    let mut text = Vec::new();
    entry.take(LONGEST_LIST).read_to_end(&mut text).map_err(ArchiveError::Damaged)?;
    let list: serde_json::Value = serde_json::from_slice(&text).map_err(|error| ArchiveError::Damaged(error.into()))?;
    if list["format"].as_u64() != Some(FORMAT.into()) {
        return Err(ArchiveError::Newer(list["version"].as_str().unwrap_or("unknown").to_owned()));
    }
    serde_json::from_value(list).map_err(|error| ArchiveError::Damaged(error.into()))
}

/// Writes a file of an archive below a folder, on the disk when this returns.
pub fn put(path: &Path, name: &str, from: &mut dyn Read) -> Result<(), ArchiveError> {
    let failed = |error| ArchiveError::File { name: name.to_owned(), error };
    if let Some(folder) = path.parent() {
        whole::folder(folder).map_err(failed)?;
    }
    let mut file = whole::begin(path).map_err(failed)?;
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = from.read(&mut chunk).map_err(ArchiveError::Damaged)?;
        if count == 0 {
            break;
        }
        file.write_all(&chunk[..count]).map_err(failed)?;
    }
    file.sync_all().map_err(failed)
}
