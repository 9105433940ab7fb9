//! Splits arguments that are written as one text, the way a shell would, without expanding anything.

/// A quote that is never closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenQuote;

/// `--name "two words" it\'s` is three arguments.
pub(crate) fn split(text: &str) -> Result<Vec<String>, OpenQuote> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' => word.get_or_insert_default().push_str(&single_quoted(&mut characters)?),
            '"' => word.get_or_insert_default().push_str(&double_quoted(&mut characters)?),
            '\\' => word.get_or_insert_default().push(characters.next().ok_or(OpenQuote)?),
            space if space.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

fn single_quoted(characters: &mut std::str::Chars<'_>) -> Result<String, OpenQuote> {
    let (inside, after) = characters.as_str().split_once('\'').ok_or(OpenQuote)?;
    *characters = after.chars();
    Ok(inside.to_owned())
}

fn double_quoted(characters: &mut std::str::Chars<'_>) -> Result<String, OpenQuote> {
    let mut inside = String::new();
    loop {
        match characters.next().ok_or(OpenQuote)? {
            '"' => return Ok(inside),
            '\\' => match characters.next().ok_or(OpenQuote)? {
                escaped @ ('"' | '\\') => inside.push(escaped),
                other => inside.extend(['\\', other]),
            },
            other => inside.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_split_as_a_shell_splits_it() {
        let rows: [(&str, &[&str]); 7] = [
            ("", &[]),
            ("  a   b ", &["a", "b"]),
            ("--name 'two words'", &["--name", "two words"]),
            (r#"--name="two words""#, &["--name=two words"]),
            (r"it\'s a\ b", &["it's", "a b"]),
            (r#""a\"b\n" ''"#, &[r#"a"b\n"#, ""]),
            ("$HOME *", &["$HOME", "*"]),
        ];
        for (text, words) in rows {
            assert_eq!(split(text), Ok(words.iter().map(ToString::to_string).collect()), "{text:?}");
        }
        for open in ["'a", "\"a", "a\\", "\"a\\"] {
            assert_eq!(split(open), Err(OpenQuote), "{open:?}");
        }
    }
}
