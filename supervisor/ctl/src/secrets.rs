//! Which variables are not for everybody's eyes: a screen may be shared, and an output may end in a bug report.

use protocol::control::Description;

/// In a name, any of these says that the value is secret.
const MARKS: [&str; 7] = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "KEY"];
/// What stands in a secret value's place.
const MASK: &str = "********";

/// Whether the name looks as if its value was secret.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    MARKS.iter().any(|mark| name.contains(mark))
}

/// The same descriptions, secret values masked.
pub fn masked(mut descriptions: Vec<Description>) -> Vec<Description> {
    for description in &mut descriptions {
        for (name, value) in &mut description.environment {
            mask(name, value);
        }
        for (name, running, new) in &mut description.divergent {
            running.iter_mut().chain(new).for_each(|value| mask(name, value));
        }
    }
    descriptions
}

fn mask(name: &str, value: &mut String) {
    // That a value is empty is worth knowing, and no secret.
    if is_secret(name) && !value.is_empty() {
        MASK.clone_into(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_whether_a_value_is_secret() {
        for secret in ["API_TOKEN", "SECRET", "DbPassword", "AWS_ACCESS_KEY_ID", "apikey", "SMTP_PASSWD"] {
            assert!(is_secret(secret), "{secret}");
        }
        for open in ["PATH", "HOME", "PORT", "BETTI_API_URL", "LANG"] {
            assert!(!is_secret(open), "{open}");
        }
    }
}
