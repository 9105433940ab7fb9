//! Rows as a table for spreadsheets (RFC 4180). Pure.

use serde_json::Value;

/// Text that begins with one of these is a formula to a spreadsheet, which would carry out what somebody wrote into a note.
const BEGINNINGS_OF_FORMULAS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The line above all others: the names of the columns, which every row of a table has.
pub fn head(row: &Value) -> String {
    line(columns(row).map(|(name, _)| quoted(name)))
}

/// The line of a row. Unknown is empty.
pub fn row(row: &Value) -> String {
    line(columns(row).map(|(_, value)| cell(value)))
}

fn columns(row: &Value) -> impl Iterator<Item = (&String, &Value)> {
    row.as_object().into_iter().flatten()
}

fn line(cells: impl Iterator<Item = String>) -> String {
    cells.collect::<Vec<_>>().join(",") + "\r\n"
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(BEGINNINGS_OF_FORMULAS) => quoted(&format!("'{text}")),
        Value::String(text) => quoted(text),
        other => quoted(&other.to_string()),
    }
}

fn quoted(text: &str) -> String {
    let needs_it = text.contains([',', '"', '\n', '\r']) || text.trim() != text;
    if needs_it { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_become_lines_that_every_spreadsheet_reads_and_none_obeys() {
        let rows = [
            json!({"id": 1, "note": "said \"well\", and\nslept", "value": -0.5}),
            json!({"id": 2, "note": "=cmd()", "value": null}),
            json!({"id": 3, "note": " x", "value": 7}),
        ];
        assert_eq!(head(&rows[0]), "id,note,value\r\n");
        let lines = rows.each_ref().map(row).concat();
        assert_eq!(lines, "1,\"said \"\"well\"\", and\nslept\",-0.5\r\n2,'=cmd(),\r\n3,\" x\",7\r\n");
    }
}
