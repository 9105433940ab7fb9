//! The key that copies are encrypted to. The hub has its public half only: whoever finds a stick, or takes the hub and the stick
//! along, cannot read the copies. The other half is shown once, for the family to keep on paper or among their passwords.

use std::{
    io::{self, BufRead, Read, Write},
    os::fd::AsFd,
    path::Path,
    str::FromStr,
};

use age::{
    secrecy::ExposeSecret,
    x25519::{Identity, Recipient},
};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

use crate::whole;

/// Where the public half is, in the hub's own folder.
const FILE: &str = "recipient.txt";
/// What every key begins with.
const BEGINNING: &str = "AGE-SECRET-KEY-1";
/// The longest file that is looked into for a key, in bytes.
const LONGEST_FILE: u64 = 64 * 1024;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("{path}: {error}")]
    File { path: String, error: io::Error },
    #[error("{0} is no public key of age (age1…): remove the file, and `betti-ctl backup --new-key` makes another")]
    Recipient(String),
    #[error("there is no key in what was given: it is a word that begins with {BEGINNING}")]
    None,
    #[error(
        "that key is not complete, or has a typing mistake: compare it with the paper, letter by letter (there is no O, B, I or 1 \
         in it after the first 1)"
    )]
    Mistyped,
    #[error("the key is needed: type it when asked, or name its file with --key-file PATH (- is standard input)")]
    NotAsked,
}

/// The public half, if there is one already.
pub fn recipient(folder: &Path) -> Result<Option<Recipient>, KeyError> {
    let path = folder.join(FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => parse_recipient(&text).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(KeyError::File { path: path.display().to_string(), error }),
    }
}

/// A public half as it is written.
pub fn parse_recipient(text: &str) -> Result<Recipient, KeyError> {
    Recipient::from_str(text.trim()).map_err(|_| KeyError::Recipient(text.trim().to_owned()))
}

/// Makes a key, keeps its public half and hands out the other one, which is nowhere else from then on.
pub fn make(folder: &Path) -> Result<(Recipient, String), KeyError> {
    let identity = Identity::generate();
    let recipient = identity.to_public();
    keep(folder, &recipient)?;
    Ok((recipient, identity.to_string().expose_secret().to_owned()))
}

/// Encrypts to this key from now on.
pub fn keep(folder: &Path, recipient: &Recipient) -> Result<(), KeyError> {
    let path = folder.join(FILE);
    whole::write(&path, format!("{recipient}\n").as_bytes())
        .map_err(|error| KeyError::File { path: path.display().to_string(), error })
}

/// The key out of a file, `-` for standard input, or typed without being shown.
pub fn given(file: Option<&Path>) -> Result<Identity, KeyError> {
    match file {
        Some(path) if path.as_os_str() == "-" => read(&mut io::stdin().lock(), "standard input"),
        Some(path) => {
            let name = path.display().to_string();
            let mut opened = std::fs::File::open(path).map_err(|error| KeyError::File { path: name.clone(), error })?;
            read(&mut opened, &name)
        }
        None => typed(),
    }
}

/// Whether somebody can be asked.
pub fn can_be_asked() -> bool {
    use std::io::IsTerminal;
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

fn read(from: &mut impl Read, name: &str) -> Result<Identity, KeyError> {
    let mut text = String::new();
    let failed = |error| KeyError::File { path: name.to_owned(), error };
    from.take(LONGEST_FILE).read_to_string(&mut text).map_err(failed)?;
    parse(&text)
}

fn typed() -> Result<Identity, KeyError> {
    if !can_be_asked() {
        return Err(KeyError::NotAsked);
    }
    let failed = |error: io::Error| KeyError::File { path: "the terminal".into(), error };
    let terminal = io::stdin();
    let before = tcgetattr(terminal.as_fd()).map_err(|errno| failed(errno.into()))?;
    let mut silent = before.clone();
    silent.local_flags.remove(LocalFlags::ECHO);
    let _ = write!(io::stderr(), "The key of the copies ({BEGINNING}…; it is not shown while you type): ");
    tcsetattr(terminal.as_fd(), SetArg::TCSAFLUSH, &silent).map_err(|errno| failed(errno.into()))?;
    let mut line = String::new();
    let read = terminal.lock().read_line(&mut line);
    let _ = tcsetattr(terminal.as_fd(), SetArg::TCSAFLUSH, &before);
    let _ = writeln!(io::stderr());
    read.map_err(failed)?;
    parse(&line)
}

/// The key in a text: as age writes it, or as people type it, in groups and in small letters.
pub fn parse(text: &str) -> Result<Identity, KeyError> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let letters = lines.flat_map(str::chars).filter(|letter| !letter.is_whitespace());
    let text: String = letters.flat_map(char::to_uppercase).collect();
    // Dashes between groups are welcome, but the beginning has its own.
    let text = text.replace('-', "");
    let beginning = BEGINNING.replace('-', "");
    let rest = text.strip_prefix(&beginning).ok_or(KeyError::None)?;
    Identity::from_str(&format!("{BEGINNING}{rest}")).map_err(|_| KeyError::Mistyped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_taken_as_people_type_it() {
        let folder = tempfile::tempdir().unwrap();
        let (recipient, secret) = make(folder.path()).unwrap();
        assert_eq!(super::recipient(folder.path()).unwrap(), Some(recipient.clone()));
        let rest = secret.strip_prefix(BEGINNING).unwrap();
        let groups: Vec<_> =
            rest.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group).to_lowercase()).collect();
        for typed in [
            secret.clone(),
            format!("  {}\r\n", secret.to_lowercase()),
            format!("age-secret-key-1 {}", groups.join(" ")),
            format!("{BEGINNING}{}", groups.join("-")),
            format!("# created: 2031-01-31\n# public key: {recipient}\n{secret}\n"),
        ] {
            assert_eq!(parse(&typed).unwrap().to_public(), recipient, "{typed}");
        }
    }

    #[test]
    fn a_slip_is_noticed() {
        let (_, secret) = make(tempfile::tempdir().unwrap().path()).unwrap();
        let last = if secret.ends_with('Q') { "P" } else { "Q" };
        let slipped = format!("{}{last}", &secret[..secret.len() - 1]);
        assert!(matches!(parse(&slipped), Err(KeyError::Mistyped)));
        assert!(matches!(parse(&secret[..secret.len() - 1]), Err(KeyError::Mistyped)));
        for none in ["", "hello", "age1qqq"] {
            assert!(matches!(parse(none), Err(KeyError::None)), "{none}");
        }
    }
}
