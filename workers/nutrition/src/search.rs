//! Finding the food that somebody means. "Apple" is an apple, not apple pie.
//!
//! A food is ranked by how it fits, then by how plain it is, then by its place in the catalogue, where the plainest of a
//! group comes first:
//!
//! ```text
//!   its name: "apple" → Apple              its category: "fruit" → Apple, Banana, …
//!   what people call it: "oj" → Orange     a word of its name: "orange" → Orange Juice
//!   its head noun: "rice" → Brown Rice     the beginning of one: "strawb" → Strawberries
//! ```
//!
//! If nothing fits, spelling is corrected; then foods are shown that fit in part.

mod spelling;
mod words;

use crate::catalogue::Food;
use words::{Word, words};

/// How many foods are found when nobody says.
pub const USUAL_LIMIT: usize = 20;
/// How many are found at most.
pub const LARGEST_LIMIT: usize = 200;
/// Words of a query that are looked at; nobody writes more.
const MOST_WORDS: usize = 12;

/// Words that say how much, not what. They count if there are no others.
const MEASURES: [&str; 18] = [
    "a", "an", "and", "bowl", "cup", "glass", "in", "my", "of", "or", "piece", "plate", "portion", "serving", "slice",
    "some", "the", "with",
];
/// Words of a name that say that a food is not plain any more.
const NOT_PLAIN: [&str; 26] = [
    "breaded",
    "cake",
    "candy",
    "canned",
    "chip",
    "chips",
    "cocktail",
    "dressing",
    "dried",
    "fried",
    "instant",
    "jelly",
    "juice",
    "nuggets",
    "pickled",
    "pie",
    "pudding",
    "sauce",
    "scalloped",
    "smoked",
    "soda",
    "soup",
    "sticks",
    "sweetened",
    "syrup",
    "wine",
];
/// Categories of what is not plain.
const NOT_PLAIN_CATEGORIES: [&str; 3] = ["Meals", "Snacks", "Sweets"];

// How well a food fits; less is better. What is not plain is set back far enough to come after a plain food that fits a
// step less well: roasted chicken thighs before fried chicken.
const IS_NAME: u32 = 0;
const IS_ALIAS: u32 = 10;
const IS_HEAD_NOUN: u32 = 20;
const IS_CATEGORY: u32 = 25;
const HAS_WORDS: u32 = 30;
const HAS_BEGINNINGS: u32 = 40;
const IS_INSIDE: u32 = 60;
const SET_BACK: u32 = 15;

/// A catalogue that can be searched.
#[derive(Debug)]
pub struct Search {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    food: Food,
    name: Vec<Word>,
    /// The name up to its first comma.
    first_part: Vec<Word>,
    aliases: Vec<Vec<Word>>,
    category: Vec<Word>,
}

impl Search {
    pub fn new(foods: Vec<Food>) -> Self {
        Self { entries: foods.into_iter().map(Entry::new).collect() }
    }

    /// The food of this name, in any case.
    pub fn named(&self, name: &str) -> Option<&Food> {
        let name = name.trim().to_lowercase();
        self.entries.iter().map(|entry| &entry.food).find(|food| food.name.to_lowercase() == name)
    }

    /// What is most likely meant, first.
    pub fn find(&self, query: &str, limit: usize) -> Vec<&Food> {
        let asked = without_measures(words(query));
        let mut found = self.ranked(|entry| entry.fit(&asked));
        if found.is_empty() {
            found = self.ranked(|entry| entry.contains(query).then_some(IS_INSIDE));
        }
        let corrected = if found.is_empty() { self.corrected(&asked) } else { Vec::new() };
        if found.is_empty() && corrected != asked {
            found = self.ranked(|entry| entry.fit(&corrected));
        }
        if found.is_empty() {
            found = self.ranked(|entry| entry.fit_in_part(&corrected));
        }
        found.truncate(limit);
        found
    }

    fn ranked(&self, rank: impl Fn(&Entry) -> Option<u32>) -> Vec<&Food> {
        let mut ranked: Vec<_> = self.entries.iter().filter_map(|entry| Some((rank(entry)?, &entry.food))).collect();
        // Stable, so that what is equal keeps the order of the catalogue.
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.into_iter().map(|(_, food)| food).collect()
    }

    /// The query with every word that nobody knows replaced by the one that is nearest to it.
    fn corrected(&self, asked: &[Word]) -> Vec<Word> {
        let correct = |word: &Word| {
            if self.known().any(|known| known.stem == word.stem) {
                return word.clone();
            }
            let nearest = spelling::nearest(&word.written, self.known().map(|known| known.written.as_str()));
            nearest.first().map_or_else(|| word.clone(), |meant| Word::new(meant))
        };
        asked.iter().map(correct).collect()
    }

    fn known(&self) -> impl Iterator<Item = &Word> {
        self.entries.iter().flat_map(Entry::all_words)
    }
}

impl Entry {
    fn new(food: Food) -> Self {
        let first_part = food.name.split(',').next().unwrap_or_default();
        Self {
            name: words(&food.name),
            first_part: words(first_part),
            aliases: food.aliases.iter().map(|alias| words(alias)).collect(),
            category: words(&food.category),
            food,
        }
    }

    fn all_words(&self) -> impl Iterator<Item = &Word> {
        self.name.iter().chain(self.aliases.iter().flatten()).chain(&self.category)
    }

    /// How well the whole query fits, if it does.
    fn fit(&self, asked: &[Word]) -> Option<u32> {
        let last = asked.last()?;
        let has = |word: &Word| self.name.iter().chain(self.aliases.iter().flatten()).any(|own| own.stem == word.stem);
        let begins = |word: &Word| self.all_words().any(|own| own.written.starts_with(&word.written));
        let has_all = asked.iter().all(has);
        let fit = if same(asked, &self.name) || same(asked, &self.first_part) {
            IS_NAME
        } else if self.aliases.iter().any(|alias| same(asked, alias)) {
            IS_ALIAS
        } else if has_all && self.first_part.last().is_some_and(|head| head.stem == last.stem) {
            IS_HEAD_NOUN
        } else if asked.iter().all(|word| self.category.iter().any(|own| own.stem == word.stem)) {
            IS_CATEGORY
        } else if has_all {
            HAS_WORDS
        } else if asked.iter().all(|word| has(word) || begins(word)) {
            HAS_BEGINNINGS
        } else {
            return None;
        };
        Some(if self.is_plain(asked) { fit } else { fit + SET_BACK })
    }

    /// How well it fits the words that it has at all; every word that it lacks sets it back behind all that have it.
    fn fit_in_part(&self, asked: &[Word]) -> Option<u32> {
        let fitting: Vec<_> = asked.iter().filter(|word| self.all_words().any(|own| own.stem == word.stem)).collect();
        let missing = u32::try_from(asked.len() - fitting.len()).ok()?;
        let fit = self.fit(&fitting.into_iter().cloned().collect::<Vec<_>>())?;
        Some(fit + missing * 2 * IS_INSIDE)
    }

    /// Whether the query stands somewhere in the name or category, as existing clients expect.
    fn contains(&self, query: &str) -> bool {
        let query = query.trim().to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&query);
        !query.is_empty() && (has(&self.food.name) || has(&self.food.category))
    }

    /// A word that was asked for is no blemish.
    fn is_plain(&self, asked: &[Word]) -> bool {
        let spoils = |word: &Word| {
            NOT_PLAIN.contains(&word.written.as_str()) && !asked.iter().any(|asked| asked.stem == word.stem)
        };
        !NOT_PLAIN_CATEGORIES.contains(&self.food.category.as_str()) && !self.name.iter().any(spoils)
    }
}

fn without_measures(words: Vec<Word>) -> Vec<Word> {
    let says_what =
        |word: &&Word| !MEASURES.contains(&word.stem.as_str()) && !MEASURES.contains(&word.written.as_str());
    let left: Vec<_> = words.iter().filter(says_what).take(MOST_WORDS).cloned().collect();
    if left.is_empty() { words.into_iter().take(MOST_WORDS).collect() } else { left }
}

fn same(asked: &[Word], own: &[Word]) -> bool {
    asked.len() == own.len() && asked.iter().zip(own).all(|(asked, own)| asked.stem == own.stem)
}

#[cfg(test)]
mod tests;
