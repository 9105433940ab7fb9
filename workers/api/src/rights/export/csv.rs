//! Rows as a table for spreadsheets (RFC 4180). Pure.

use std::collections::BTreeSet;

use serde_json::Value;

/// Text that begins with one of these is a formula to a spreadsheet, which would carry out what somebody wrote into a note.
const BEGINNINGS_OF_FORMULAS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A head of all columns, and a line for each row. Unknown is empty.
pub fn table(rows: &[Value]) -> String {
    let columns = columns(rows);
    let mut text = line(columns.iter().map(|column| quoted(column)));
    for row in rows {
        text += &line(columns.iter().map(|column| cell(&row[column.as_str()])));
    }
    text
}

/// In the order of the first row, then what only others have.
fn columns(rows: &[Value]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let names = rows.iter().filter_map(Value::as_object).flat_map(|row| row.keys());
    names.filter(|name| seen.insert(name.as_str())).cloned().collect()
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
            json!({"id": 1, "note": "said \"well\", and\nslept", "value": -0.5, "no": null}),
            json!({"id": 2, "note": "=cmd()", "value": 7, "more": " x"}),
        ];
        let lines = "id,no,note,value,more\r\n1,,\"said \"\"well\"\", and\nslept\",-0.5,\r\n2,,'=cmd(),7,\" x\"\r\n";
        assert_eq!(table(&rows), lines);
        assert_eq!(table(&[]), "\r\n");
    }
}
