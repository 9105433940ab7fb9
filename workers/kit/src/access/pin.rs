//! The PIN of a resident, asked for on screens that anybody can touch: chosen well, kept as Argon2id, and hard to guess.

mod rules;
mod tries;
mod unlock;

use argon2::{Algorithm, Argon2, Params, Version};
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq;

pub use self::{
    rules::{LONGEST, Pin, SHORTEST, Unfit},
    tries::{LONGEST_PAUSE, MOST_WRONG, MOST_WRONG_OF_RESIDENT, SHORTEST_PAUSE},
    unlock::{PinChange, SET_WITHIN, Unlocking},
};
use super::secret::NoRandomness;

/// What looking at a PIN costs, in KiB of memory: what OWASP advises for two passes, and what a Raspberry Pi has for a moment.
const MEMORY_KIB: u32 = 19 * 1024;
/// How often that memory is gone over: a fifth of a second on a Raspberry Pi 4.
const PASSES: u32 = 2;
/// Threads; a Pi has others to do.
const LANES: u32 = 1;
/// What makes it, as it stands beside each that is kept.
const HASHED_BY: &str = "argon2id";
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// The PIN cannot be made into what is kept of it.
#[derive(Debug, thiserror::Error)]
enum HashError {
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The costs that are kept are none, or there is not so much memory.
    #[error("Argon2id: {0}")]
    Argon2(argon2::Error),
    /// A newer version made it.
    #[error("it is kept as {0}, which this version does not know: set it anew, or use the newer version")]
    Unknown(String),
}

/// What is kept of a PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    hashed_by: String,
    salt: Vec<u8>,
    hash: Vec<u8>,
    memory_kib: u32,
    passes: u32,
}

impl Kept {
    /// Takes its time.
    fn of(pin: &Pin) -> Result<Self, HashError> {
        let mut salt = vec![0; SALT_BYTES];
        SystemRandom::new().fill(&mut salt).map_err(|_| NoRandomness)?;
        let hash = hash(pin.reveal(), &salt, MEMORY_KIB, PASSES)?;
        Ok(Self { hashed_by: HASHED_BY.into(), salt, hash, memory_kib: MEMORY_KIB, passes: PASSES })
    }

    /// Takes its time, the same for right and wrong.
    fn is(&self, typed: &str) -> Result<bool, HashError> {
        if self.hashed_by != HASHED_BY {
            return Err(HashError::Unknown(self.hashed_by.clone()));
        }
        let hash = hash(typed, &self.salt, self.memory_kib, self.passes)?;
        Ok(hash.ct_eq(&self.hash).into())
    }
}

fn hash(pin: &str, salt: &[u8], memory_kib: u32, passes: u32) -> Result<Vec<u8>, HashError> {
    let costs = Params::new(memory_kib, passes, LANES, Some(HASH_BYTES)).map_err(HashError::Argon2)?;
    let mut hash = vec![0; HASH_BYTES];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, costs);
    argon2.hash_password_into(pin.as_bytes(), salt, &mut hash).map_err(HashError::Argon2)?;
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_pin_knows_it_again_and_is_never_the_same() {
        let pin = Pin::new("2580").unwrap();
        let (kept, again) = (Kept::of(&pin).unwrap(), Kept::of(&pin).unwrap());
        assert!(kept.is("2580").unwrap() && !kept.is("2581").unwrap() && !kept.is("").unwrap());
        assert_ne!((&kept.salt, &kept.hash), (&again.salt, &again.hash));
        assert_eq!(kept.hash.len(), HASH_BYTES);
    }

    #[test]
    fn what_another_function_made_is_neither_right_nor_wrong() {
        let kept = Kept { hashed_by: "argon3".into(), ..Kept::of(&Pin::new("2580").unwrap()).unwrap() };
        let error = kept.is("2580").unwrap_err().to_string();
        assert!(error.contains("argon3") && error.contains("set it anew"), "{error}");
    }

    #[test]
    fn no_other_function_of_the_family_makes_the_same_of_it() {
        let made = hash("2580", b"somesaltsomesalt", 256, 2).unwrap();
        let costs = Params::new(256, 2, LANES, Some(HASH_BYTES)).unwrap();
        for other in [Algorithm::Argon2d, Algorithm::Argon2i] {
            let mut bytes = vec![0; HASH_BYTES];
            let argon2 = Argon2::new(other, Version::V0x13, costs.clone());
            argon2.hash_password_into(b"2580", b"somesaltsomesalt", &mut bytes).unwrap();
            assert_ne!(made, bytes, "{other:?}");
        }
    }
}
