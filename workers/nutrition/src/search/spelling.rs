//! What a word that nobody knows was meant to be.

/// Shorter words have too many neighbours to guess.
const SHORTEST_CORRECTED: usize = 4;
/// From this length on, two mistakes are forgiven.
const TWO_MISTAKES_FROM: usize = 7;

/// The known words that are nearest to a misspelled one; none if they are all too far. A first letter is seldom wrong.
pub fn nearest<'a>(misspelled: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let length = misspelled.chars().count();
    let mut forgiven = match length {
        0..SHORTEST_CORRECTED => return Vec::new(),
        SHORTEST_CORRECTED..TWO_MISTAKES_FROM => 1,
        TWO_MISTAKES_FROM.. => 2,
    };
    let mut nearest = Vec::new();
    for word in known.filter(|word| word.chars().next() == misspelled.chars().next()) {
        if word.len().abs_diff(misspelled.len()) > forgiven {
            continue;
        }
        let distance = strsim::osa_distance(misspelled, word);
        if distance < forgiven {
            forgiven = distance;
            nearest.clear();
        }
        if distance == forgiven {
            nearest.push(word);
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 8] = ["banana", "broccoli", "chicken", "oat", "beef", "beet", "spaghetti", "bean"];

    #[test]
    fn small_mistakes_are_forgiven() {
        for (misspelled, meant) in
            [("bananna", "banana"), ("brocolli", "broccoli"), ("chikcen", "chicken"), ("spagetti", "spaghetti")]
        {
            assert_eq!(nearest(misspelled, KNOWN.into_iter()), [meant]);
        }
        assert_eq!(nearest("beer", KNOWN.into_iter()), ["beef", "beet"], "nobody knows which");
    }

    #[test]
    fn other_words_are_not_taken_for_mistakes() {
        for word in ["goat", "zzzz", "oar", "chic", ""] {
            let found = nearest(word, KNOWN.into_iter());
            assert!(found.is_empty(), "{word} became {found:?}");
        }
    }
}
