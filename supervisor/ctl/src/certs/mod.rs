//! Certificates of the hub's own making.
//!
//! ```text
//!   authority  ca.pem, ca-key.pem      made once; devices trust it. It can speak for names of this house only
//!      └─ leaf  cert.pem, key.pem      made again before it ends, or when the hub is called otherwise
//! ```
//!
//! A pair that this authority did not sign is somebody's own: it is looked at and never touched.

mod authority;
mod chain;
mod files;
mod leaf;
mod names;

use std::path::{Path, PathBuf};

use certificates::{Standing, Validity};

pub use self::authority::Authority;
use self::files::Files;
pub use self::names::Names;
use crate::exit::Failure;

/// What is wanted.
pub struct Wish {
    /// Names that were asked for.
    pub names: Vec<String>,
    /// Another leaf, although the present one would do.
    pub renew: bool,
    /// Another authority, which every device has to trust anew.
    pub new_authority: bool,
    /// In seconds since 1970.
    pub now: i64,
}

/// What there is now.
pub struct Outcome {
    /// Where.
    pub folder: PathBuf,
    /// Whether an authority was made.
    pub authority_is_new: bool,
    /// Whether a leaf was made.
    pub certificate_is_new: bool,
    /// The authority; `None` if the pair is somebody's own.
    pub authority: Option<Authority>,
    /// Names and addresses that the certificate is for.
    pub names: Vec<String>,
    /// Names of this machine that the authority may not speak for.
    pub left_out: Vec<String>,
    /// How long the certificate is good.
    pub validity: Validity,
}

/// Makes what is missing, and what has to be made again.
///
/// # Errors
/// If that cannot be done, or would touch what is somebody's own.
pub fn make(folder: &Path, found: &Names, wish: &Wish) -> Result<Outcome, Failure> {
    let files = Files::of(folder)?;
    let (present, stored) = (files.leaf()?, files.authority()?);
    let is_ours = |leaf: &[u8]| stored.as_ref().is_some_and(|stored| chain::is_signed_by(leaf, &stored.certificate));
    if let Some(own) = present.as_ref().filter(|leaf| !is_ours(leaf)) {
        return somebodys_own(&files, own, wish);
    }
    let kept = match wish.new_authority {
        false => stored,
        true => None,
    };
    let authority_is_new = kept.is_none();
    let authority = match kept {
        Some(authority) => authority,
        None => Authority::new(found, &wish.names, wish.now)?,
    };
    let before = present.as_deref().map(chain::dns_names).unwrap_or_default();
    let wanted = found.with(&wish.names).with(&before);
    let good = present.filter(|leaf| {
        !authority_is_new
            && !wish.renew
            && files.key_fits(leaf)
            && Validity::of_certificate(leaf).is_some_and(|validity| validity.at(wish.now) == Standing::Good)
    });
    let made = match good {
        Some(leaf) => leaf::keep_or_make(leaf, &wanted, &authority, &files, wish)?,
        None => leaf::make(&wanted, &authority, &files, wish)?,
    };
    if authority_is_new {
        files.write_authority(&authority)?;
    }
    if let Some(new) = &made.new {
        files.write_leaf(new)?;
    }
    Ok(Outcome {
        folder: folder.to_owned(),
        authority_is_new,
        certificate_is_new: made.new.is_some(),
        authority: Some(authority),
        names: made.names,
        left_out: made.left_out,
        validity: made.validity,
    })
}

/// Nothing is done about it; that it cannot be used, or not any more, is said.
fn somebodys_own(files: &Files, leaf: &[u8], wish: &Wish) -> Result<Outcome, Failure> {
    let path = files.certificate();
    let instead = "to have the hub make one instead, move cert.pem and key.pem away first";
    if wish.renew || wish.new_authority || !wish.names.is_empty() {
        let why = format!("{} is your own and is not touched: {instead}", path.display());
        return Err(Failure::failed(why));
    }
    let fits = files.key_fits(leaf);
    match Validity::of_certificate(leaf) {
        Some(validity) if fits && validity.at(wish.now) != Standing::Ended => Ok(Outcome {
            folder: files.folder().to_owned(),
            authority_is_new: false,
            certificate_is_new: false,
            authority: None,
            names: chain::dns_names(leaf),
            left_out: Vec::new(),
            validity,
        }),
        found => {
            let why = match found {
                Some(_) if fits => "has ended",
                Some(_) => "and key.pem do not fit together",
                None => "holds no certificate",
            };
            Err(Failure::failed(format!("{} {why}. It is your own and is not touched: {instead}", path.display())))
        }
    }
}
