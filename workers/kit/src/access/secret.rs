//! Credentials and one-time codes: made of randomness, kept as hashes only.

use std::{fmt, net::IpAddr};

use data_encoding::BASE64URL_NOPAD;
use http::HeaderValue;
use ring::{
    digest::{SHA256, digest},
    rand::{SecureRandom, SystemRandom},
};
use subtle::ConstantTimeEq;

/// What every credential begins with, so that scanners for lost secrets know one when they see it.
pub const PREFIX: &str = "betti_";
/// How much randomness a credential has, in bytes.
const RANDOM_BYTES: usize = 32;
/// How many symbols a one-time code has; each is one of 32, so nobody guesses one while it is valid.
const CODE_SYMBOLS: usize = 8;
/// Digits and letters that are not mistaken for each other when they are read out or copied (Crockford's).
const SYMBOLS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The machine gives no randomness; nothing can be made without.
#[derive(Debug, thiserror::Error)]
#[error("this machine gives no random numbers")]
pub struct NoRandomness;

/// What makes hashes of credentials and codes, as it stands beside each that is kept. One that was made by anything else is of a newer version,
/// and nobody's here.
pub(super) const HASHED_BY: &str = "sha256";

/// SHA-256 of a credential or code: what is kept of it.
#[derive(Clone, Copy)]
pub struct Hash(pub(super) [u8; 32]);

impl Hash {
    fn of(text: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Self(hash)
    }

    /// Takes the same time wherever they differ.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// A credential in clear. It is shown once, and never logged.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A new one.
    ///
    /// # Errors
    /// If the machine gives no randomness.
    pub fn random() -> Result<Self, NoRandomness> {
        Ok(Self(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&random::<RANDOM_BYTES>()?))))
    }

    /// What somebody shows; `None` if it can be no credential of ours.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let random = BASE64URL_NOPAD.decode(text.strip_prefix(PREFIX)?.as_bytes()).ok()?;
        (random.len() == RANDOM_BYTES).then(|| Self(text.to_owned()))
    }

    /// As it is sent.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// As a worker sends it to this host; `None` if that is not this machine, which it must not leave.
    #[must_use]
    pub fn bearer_at(&self, host: &str) -> Option<HeaderValue> {
        let host = host.trim_matches(['[', ']']);
        let is_here = host.eq_ignore_ascii_case("localhost")
            || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0)).ok().filter(|_| is_here)?;
        value.set_sensitive(true);
        Some(value)
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

/// A one-time code in clear: `K7QP-3M9X`.
#[derive(Clone)]
pub struct Code(String);

impl Code {
    /// A new one.
    ///
    /// # Errors
    /// If the machine gives no randomness.
    pub fn random() -> Result<Self, NoRandomness> {
        let random = random::<CODE_SYMBOLS>()?;
        // 256 is a multiple of 32, so every symbol is as likely as any other.
        Ok(Self(random.iter().map(|byte| char::from(SYMBOLS[usize::from(byte % 32)])).collect()))
    }

    /// What somebody typed: in any case, with or without hyphens and spaces, and with letters that look like digits.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut symbols = String::with_capacity(CODE_SYMBOLS);
        for typed in text.chars().filter(|typed| !matches!(typed, '-' | '–' | ' ' | '\u{a0}')) {
            let symbol = match typed.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                symbol if symbol.is_ascii() && SYMBOLS.contains(&(symbol as u8)) => symbol,
                _ => return None,
            };
            if symbols.len() == CODE_SYMBOLS {
                return None;
            }
            symbols.push(symbol);
        }
        (symbols.len() == CODE_SYMBOLS).then_some(Self(symbols))
    }

    /// As people read it.
    #[must_use]
    pub fn reveal(&self) -> String {
        let (first, second) = self.0.split_at(CODE_SYMBOLS / 2);
        format!("{first}-{second}")
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(&self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Code(…)")
    }
}

fn random<const BYTES: usize>() -> Result<[u8; BYTES], NoRandomness> {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_read_back_and_nothing_like_it_is() {
        let token = Token::random().unwrap();
        assert_eq!(token.reveal().len(), PREFIX.len() + 43);
        assert!(Token::read(token.reveal()).unwrap().hash().is(&token.hash()));
        assert!(!Token::random().unwrap().hash().is(&token.hash()));
        let short = &token.reveal()[..token.reveal().len() - 4];
        for text in ["", "betti_", short, &token.reveal()[1..], &format!("{} ", token.reveal()), &"x".repeat(10_000)] {
            assert!(Token::read(text).is_none(), "{text}");
        }
        assert_eq!(format!("{token:?}"), "Token(…)", "it is in no log");
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = Code::read("K7QP-3M9X").unwrap();
        for typed in ["k7qp3m9x", " K7QP 3M9X ", "k7qp–3m9x"] {
            assert!(Code::read(typed).unwrap().hash().is(&code.hash()), "{typed}");
        }
        assert_eq!(Code::read("oOlI-0011").unwrap().reveal(), "0011-0011");
        for typed in ["", "K7QP-3M9", "K7QP-3M9XX", "K7QP-3M9U", "K7QP-3M9é"] {
            assert!(Code::read(typed).is_none(), "{typed}");
        }
        let made = Code::random().unwrap();
        assert!(Code::read(&made.reveal()).unwrap().hash().is(&made.hash()));
    }
}
