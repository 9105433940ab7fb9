//! Which file of a log comes before another one, and which after it, while they are put aside, compressed and removed.
//!
//! Files are put aside from the oldest to the newest, each followed by its index. So as long as a file keeps its number, its
//! neighbours are those between which there is nothing; and names are looked at from the newest on, the way files move: none
//! is missed. No look at all of the names is needed that would have to be a true picture of one instant: of a log that is
//! put aside many times a second there is none.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::rc::Rc;

use super::generation::{Generation, Identity};
use super::place::{self, Place};

/// How often to look again when files were put aside while we looked.
pub const TRIES: usize = 64;
/// How often a file that is there somewhere is looked for under its log's names.
const LOOKS: usize = 16;

/// The file that comes after another one.
pub struct Newer {
    /// That file.
    pub generation: Rc<Generation>,
    /// The one before it was removed as the oldest, so that others between them may have been, too.
    pub may_follow_others: bool,
}

/// Where a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spot {
    /// It has this number.
    Itself(u32),
    /// It was compressed, and its index has this number.
    Index(u32),
    /// It was removed with its index, as the oldest.
    Removed,
    /// It has a name that is none of this log's, or somebody else removed it.
    Elsewhere,
}

impl Generation {
    /// The file that was put aside before it.
    ///
    /// # Errors
    /// If that one cannot be read.
    pub fn older(&self) -> io::Result<Option<Rc<Self>>> {
        for _ in 0..TRIES {
            let Some(ours) = self.number() else { return Ok(None) };
            let Some(place) = place::all(&self.log)?.into_iter().find(|place| place.number > ours) else {
                return Ok(None);
            };
            let older = Self::open(&self.log, place)?;
            let is_next = || (ours + 1..place.number).all(|number| !place::is_there(&self.log, number));
            if older.is_some() && is_next() && self.number() == Some(ours) {
                return Ok(older);
            }
        }
        Ok(None)
    }

    /// The file that was begun when this one was put aside, if something is in it; as long as nothing is, this one's writer
    /// may not have noticed.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn newer(&self) -> io::Result<Option<Newer>> {
        if Identity::at(&self.log) == Some(self.identity) {
            return Ok(None);
        }
        for _ in 0..TRIES {
            let spot = self.spot();
            let found = match spot {
                Spot::Itself(number) | Spot::Index(number) => self.first_below(number)?,
                Spot::Removed | Spot::Elsewhere => self.first_after_us(spot)?,
            };
            let Some((place, generation)) = found else {
                if self.spot() == spot {
                    return Ok(None);
                }
                continue;
            };
            // If ours moved on meanwhile, so may have what we opened before we did.
            if self.spot() == spot {
                let has_begun = place.number > 0 || generation.length().is_ok_and(|length| length > Some(0));
                let may_follow_others = spot == Spot::Removed && place.number > 0;
                return Ok(has_begun.then_some(Newer { generation, may_follow_others }));
            }
        }
        Ok(None)
    }

    /// The number under which it is put aside now; `None` if it is there no more.
    pub fn number(&self) -> Option<u32> {
        match self.spot() {
            Spot::Itself(number) => Some(number),
            // An index follows its file: while it has not, the number before is nobody's.
            Spot::Index(number) if place::is_there(&self.log, number) => Some(number),
            Spot::Index(number) => Some(number + 1),
            Spot::Removed | Spot::Elsewhere => None,
        }
    }

    fn spot(&self) -> Spot {
        for _ in 0..LOOKS {
            let numbers = numbers(&place::all(&self.log).unwrap_or_default());
            let at = |number: u32, compressed: bool| Identity::at(&Place { number, compressed }.path(&self.log));
            let is_ours = |number: &u32| [false, true].into_iter().any(|how| at(*number, how) == Some(self.identity));
            if let Some(number) = numbers.iter().copied().find(is_ours) {
                return Spot::Itself(number);
            }
            let index = self.index().and_then(|index| index.metadata().ok());
            let Some(index) = index.filter(|_| self.is_removed()) else { continue };
            if index.nlink() == 0 {
                return Spot::Removed;
            }
            // If somebody else removed the file, the index that was left is another's by now, which is not compressed.
            let has_index =
                |number: &u32| Identity::at(&place::index(&self.log, *number)) == Some(Identity::of(&index));
            let is_compressed = |number: &u32| *number > 0 && at(*number, false).is_none();
            if let Some(number) = numbers.into_iter().filter(is_compressed).find(has_index) {
                return Spot::Index(number);
            }
        }
        Spot::Elsewhere
    }

    fn is_removed(&self) -> bool {
        self.file.metadata().is_ok_and(|found| found.nlink() == 0)
    }

    /// The nearest file with a lower number.
    fn first_below(&self, number: u32) -> io::Result<Option<(Place, Rc<Self>)>> {
        let places = place::all(&self.log)?;
        let Some(place) = places.into_iter().rev().find(|place| place.number < number) else { return Ok(None) };
        let opened = Self::open(&self.log, place)?;
        // What was there when we looked may have moved up meanwhile.
        let is_next = (place.number + 1..number).all(|between| !place::is_there(&self.log, between));
        Ok(opened.filter(|_| is_next).map(|generation| (place, generation)))
    }

    /// The oldest file that was begun after this one, which has no number any more.
    fn first_after_us(&self, spot: Spot) -> io::Result<Option<(Place, Rc<Self>)>> {
        let Some((place, _)) = self.oldest_after_us(spot)? else { return Ok(None) };
        let Some(generation) = Self::open(&self.log, place)? else { return Ok(None) };
        let found = modified(&generation.file.metadata()?);
        let is_oldest = self.oldest_after_us(spot)?.is_none_or(|(_, oldest)| oldest >= found);
        Ok(is_oldest.then_some((place, generation)))
    }

    /// The one that is being written was begun later, and one that was put aside if it was still written to later: the kernel's
    /// time stands still for some milliseconds, but what is older than a file that was removed as the oldest is there no more.
    /// Of another one, what has its very time may be its copy.
    fn oldest_after_us(&self, spot: Spot) -> io::Result<Option<(Place, (i64, i64))>> {
        let ours = modified(&self.file.metadata()?);
        let is_later = |at: (i64, i64)| at > ours || spot == Spot::Removed && at == ours;
        let places = place::all(&self.log)?.into_iter().rev();
        let mut dated = places
            .filter_map(|place| Some((place, std::fs::metadata(place.path(&self.log)).ok().as_ref().map(modified)?)));
        Ok(dated.find(|(place, at)| place.number == 0 || is_later(*at)))
    }
}

fn modified(found: &Metadata) -> (i64, i64) {
    (found.mtime(), found.mtime_nsec())
}

/// Those of the files, and the next of each, to which it may move.
fn numbers(places: &[Place]) -> Vec<u32> {
    let mut numbers: Vec<u32> =
        places.iter().flat_map(|place| [place.number, place.number.saturating_add(1)]).collect();
    numbers.dedup();
    numbers
}
