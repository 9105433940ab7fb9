//! One event as it is sent.

use serde::Serialize;
use serde_json::{Value, json};
use warp::ws::Message;

use crate::{Rule, clock, outbox::Kept};

/// The type of what is told instead of events that cannot be told any more.
const RESYNC: &str = "resync";

/// An event in its final form, shared by all who are told.
pub(super) struct Frame {
    pub seq: i64,
    /// Who may be told.
    pub rule: Rule,
    /// Its JSON text. Clones share it.
    pub message: Message,
}

#[derive(Serialize)]
struct Shape<'a> {
    seq: i64,
    ts: &'a str,
    r#type: &'a str,
    resident: &'a Value,
    data: &'a Value,
}

impl Frame {
    pub fn of(event: &Kept, rule: Rule) -> Self {
        Self::new(
            rule,
            &Shape {
                seq: event.home_seq,
                ts: &event.recorded_at,
                r#type: &event.kind,
                resident: &event.payload["subject"],
                data: &event.payload,
            },
        )
    }

    /// What came after `since` cannot be told: fetch anew what you show, and go on from `newest`.
    pub fn resync(since: i64, oldest: Option<i64>, newest: i64) -> Self {
        let reason = if since > newest { "ahead" } else { "gone" };
        let data = json!({"reason": reason, "since": since, "oldest": oldest, "newest": newest});
        let (ts, resident) = (clock::iso_now(), &Value::Null);
        Self::new(Rule::Public, &Shape { seq: newest, ts: &ts, r#type: RESYNC, resident, data: &data })
    }

    fn new(rule: Rule, shape: &Shape<'_>) -> Self {
        // What was read as JSON can be written as JSON.
        let text = serde_json::to_string(shape).unwrap_or_default();
        Self { seq: shape.seq, rule, message: Message::text(text) }
    }

    /// Its JSON text.
    pub fn text(&self) -> &str {
        self.message.to_str().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_written_whole_with_its_place_first() {
        let event = Kept {
            home_seq: 7,
            kind: "cup.poured".into(),
            payload: json!({"subject": 2, "tea": "assam"}),
            recorded_at: "2031-01-31T12:00:00.000Z".into(),
        };
        let frame = Frame::of(&event, Rule::Service);
        let expected = r#"{"seq":7,"ts":"2031-01-31T12:00:00.000Z","type":"cup.poured","resident":2,"data":{"subject":2,"tea":"assam"}}"#;
        assert_eq!((frame.seq, frame.text()), (7, expected));
        let nobodys = Frame::of(&Kept { payload: json!({}), ..event }, Rule::Service);
        assert!(nobodys.text().contains(r#""resident":null"#), "{}", nobodys.text());
    }

    #[test]
    fn a_resync_says_why_and_from_where_it_goes_on() {
        let data = |frame: Frame| serde_json::from_str::<Value>(frame.text()).unwrap();
        let gone = data(Frame::resync(3, Some(10), 20));
        assert_eq!(
            (&gone["type"], &gone["seq"], &gone["data"]["reason"]),
            (&json!("resync"), &json!(20), &json!("gone"))
        );
        assert_eq!(data(Frame::resync(30, Some(10), 20))["data"]["reason"], "ahead");
    }
}
