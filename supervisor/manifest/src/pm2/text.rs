//! Values as TOML, each on one line.

use super::node::Node;

/// The value, or nothing if TOML has nothing like it.
pub(super) fn value(node: &Node) -> Option<String> {
    match node {
        Node::Null => None,
        Node::Boolean(boolean) => Some(boolean.to_string()),
        Node::Integer(number) => Some(number.to_string()),
        // With a point even when it is large: TOML knows a number with decimals by it.
        Node::Float(number) if number.is_finite() => Some(format!("{number:?}")),
        Node::Float(number) => Some(quoted(&number.to_string())),
        Node::Text(text) => Some(quoted(text)),
        Node::List(values) => {
            let values: Vec<String> = values.iter().filter_map(value).collect();
            Some(format!("[{}]", values.join(", ")))
        }
        Node::Table(entries) => {
            let entry = |(key, node): &(String, Node)| Some(format!("{} = {}", self::key(key), value(node)?));
            let entries: Vec<String> = entries.iter().filter_map(entry).collect();
            match entries.is_empty() {
                true => Some("{}".to_owned()),
                false => Some(format!("{{ {} }}", entries.join(", "))),
            }
        }
    }
}

/// A key, bare where it can be.
pub(super) fn key(key: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match !key.is_empty() && key.bytes().all(is_bare) {
        true => key.to_owned(),
        false => quoted(key),
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_back_as_they_were() {
        let rows = [
            (Node::Text("a\"b\\c\n\r\t\u{1}\u{7f}ä\u{1f600}".into()), "a\"b\\c\n\r\t\u{1}\u{7f}ä\u{1f600}".into()),
            (Node::Integer(-7), toml::Value::Integer(-7)),
            (Node::Float(1e21), toml::Value::Float(1e21)),
            (Node::Float(0.5), toml::Value::Float(0.5)),
            (Node::Boolean(true), true.into()),
            (Node::List(vec![Node::Integer(1), Node::Null]), vec![1].into()),
        ];
        for (node, expected) in rows {
            let text = format!("{} = {}", key("a b"), value(&node).expect("a value"));
            let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(table["a b"], expected);
        }
    }
}
