//! Words as they are compared: any case, any accent, one or many.

/// A word as it was written, and what is left of it when number does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub written: String,
    pub stem: String,
}

impl Word {
    pub fn new(written: &str) -> Self {
        Self { written: written.to_owned(), stem: stem(written) }
    }
}

/// The words of a text, in lower case and without accents.
pub fn words(text: &str) -> Vec<Word> {
    let folded: String = text.chars().flat_map(char::to_lowercase).map(without_accent).filter(|c| *c != '\'').collect();
    folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(Word::new).collect()
}

/// The accents that occur in the names of foods.
fn without_accent(letter: char) -> char {
    match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'ç' => 'c',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ñ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        '’' => '\'',
        other => other,
    }
}

/// The same for one and many: "berry" and "berries", "cookie" and "cookies", "potato" and "potatoes".
///
/// Not the singular itself: "cookie" becomes "cooky", which nobody sees.
fn stem(word: &str) -> String {
    let without = |ending: &str| word.strip_suffix(ending).filter(|rest| rest.len() >= 2);
    if let Some(rest) = without("ies").or_else(|| without("ie")) {
        return format!("{rest}y");
    }
    if let Some(rest) = without("oes") {
        return format!("{rest}o");
    }
    for ending in ["ches", "shes", "xes", "sses", "zes"] {
        if word.ends_with(ending) {
            return word[..word.len() - "es".len()].to_owned();
        }
    }
    let is_one = ["ss", "us", "is"].iter().any(|ending| word.ends_with(ending));
    match without("s") {
        Some(rest) if !is_one => rest.to_owned(),
        Some(_) | None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_many_are_the_same_word() {
        for (one, many) in [
            ("apple", "apples"),
            ("strawberry", "strawberries"),
            ("cookie", "cookies"),
            ("pie", "pies"),
            ("potato", "potatoes"),
            ("tomato", "tomatos"),
            ("peach", "peaches"),
            ("radish", "radishes"),
            ("olive", "olives"),
            ("pea", "peas"),
            ("egg", "eggs"),
        ] {
            assert_eq!(stem(one), stem(many));
        }
        for word in ["asparagus", "hummus", "swiss", "gas", "s"] {
            assert!(word.starts_with(&stem(word)), "{word}");
        }
        assert_eq!(stem("hummus"), "hummus");
        assert_ne!(stem("pea"), stem("pear"));
    }

    #[test]
    fn case_accents_and_punctuation_do_not_count() {
        let written = |text| words(text).into_iter().map(|word| word.written).collect::<Vec<_>>();
        assert_eq!(written("CRÈME Brûlée, half-fat (Campbell’s)"), ["creme", "brulee", "half", "fat", "campbells"]);
        assert_eq!(written(" ,; "), Vec::<String>::new());
    }
}
