use serde_json::json;

use super::*;

fn object(value: Value) -> Fields {
    let Value::Object(map) = value else { panic!("an object") };
    map.into_iter().collect()
}

#[test]
fn every_frame_is_read_as_clients_mean_it() {
    let join = |room: &str, user: &str| Ok(Some(Request::Join { room: room.into(), user: user.into() }));
    let table: Vec<(&str, Result<Option<Request>, Refusal>)> = vec![
        (r#"{"type":"join-room","roomId":"r","userId":"u"}"#, join("r", "u")),
        (r#"{"userId":"ü","roomId":"r","type":"join-room","more":[]}"#, join("r", "ü")),
        (r#"{"type":"leave-room"}"#, Ok(Some(Request::Leave))),
        (r#"{"type":"join-room"}"#, Err(Refusal::RoomAndUserRequired)),
        (r#"{"type":"join-room","roomId":"r"}"#, Err(Refusal::RoomAndUserRequired)),
        (r#"{"type":"join-room","userId":"u"}"#, Err(Refusal::RoomAndUserRequired)),
        (r#"{"type":"join-room","roomId":"","userId":"u"}"#, Err(Refusal::RoomAndUserRequired)),
        (r#"{"type":"join-room","roomId":"r","userId":""}"#, Err(Refusal::RoomAndUserRequired)),
        (r#"{"type":"join-room","roomId":null,"userId":7}"#, Err(Refusal::RoomAndUserRequired)),
        ("invalid json", Err(Refusal::InvalidFormat)),
        ("", Err(Refusal::InvalidFormat)),
        ("null", Err(Refusal::InvalidFormat)),
        (r#"{"type":"offer""#, Err(Refusal::InvalidFormat)),
        (r#"{"type":"offer"} {}"#, Err(Refusal::InvalidFormat)),
        (r#"{"type":"chat","text":"hi"}"#, Ok(None)),
        ("{}", Ok(None)),
        (r#"{"type":5}"#, Ok(None)),
        ("[1,2]", Ok(None)),
        ("5", Ok(None)),
        ("-5", Ok(None)),
        ("1.5", Ok(None)),
        ("true", Ok(None)),
        (r#""join-room""#, Ok(None)),
    ];
    for (frame, meaning) in table {
        assert_eq!(parse(frame.as_bytes()), meaning, "{frame}");
    }
}

#[test]
fn a_binary_frame_counts_as_text_even_if_it_is_none() {
    assert_eq!(parse(b"{\"type\":\"leave-room\",\"x\":\"\xff\"}"), Ok(Some(Request::Leave)));
    assert_eq!(parse(b"\xff\xfe"), Err(Refusal::InvalidFormat));
}

#[test]
fn a_signal_names_its_room_and_perhaps_a_user() {
    let signal = |frame: Value| match parse(frame.to_string().as_bytes()) {
        Ok(Some(Request::Relay(signal))) => signal,
        other => panic!("{frame} is {other:?}"),
    };
    for kind in ["offer", "answer", "ice-candidate"] {
        let frame = json!({ "type": kind, "roomId": "r", "targetUserId": "bob", "offer": { "sdp": "v=0" } });
        let read = signal(frame.clone());
        assert_eq!(read.room.as_deref(), Some("r"));
        assert_eq!(read.target, Some(json!("bob")));
        assert_eq!(read.fields, object(frame));
    }
    assert_eq!(signal(json!({ "type": "offer" })).room, None);
    assert_eq!(signal(json!({ "type": "offer", "roomId": 7 })).room, None);
    for nobody in [json!(null), json!(""), json!(false), json!(0)] {
        assert_eq!(signal(json!({ "type": "offer", "targetUserId": nobody })).target, None, "{nobody}");
    }
    assert_eq!(signal(json!({ "type": "offer", "targetUserId": 7 })).target, Some(json!(7)));
}

#[test]
fn messages_are_written_as_clients_know_them() {
    let joined = Message::Joined { room: "r".into(), user: "u".into(), participants: vec!["v".into()] };
    let table = [
        (joined, r#"{"type":"joined-room","roomId":"r","userId":"u","participants":["v"]}"#),
        (Message::UserJoined { user: "u".into() }, r#"{"type":"user-joined","userId":"u"}"#),
        (Message::UserLeft { user: "u\"".into() }, r#"{"type":"user-left","userId":"u\""}"#),
        (Message::Refused(Refusal::RoomIsFull), r#"{"type":"error","message":"Room is full"}"#),
        (Message::Refused(Refusal::InvalidRoom), r#"{"type":"error","message":"Invalid room"}"#),
        (Message::Refused(Refusal::InvalidFormat), r#"{"type":"error","message":"Invalid message format"}"#),
        (
            Message::Refused(Refusal::RoomAndUserRequired),
            r#"{"type":"error","message":"Room ID and User ID required"}"#,
        ),
    ];
    for (message, text) in table {
        assert_eq!(print(&message), text);
    }
}

#[test]
fn a_signal_is_passed_on_in_the_order_of_its_fields_with_its_sender() {
    let frame = r#"{"type":"offer","zebra":1,"roomId":"r","apple":[1,null],"zebra":2}"#;
    let Ok(Some(Request::Relay(signal))) = parse(frame.as_bytes()) else { panic!("a signal") };
    let text = print(&Message::Relayed { fields: signal.fields, from: "alice".into() });
    assert_eq!(text, r#"{"type":"offer","zebra":2,"roomId":"r","apple":[1,null],"fromUserId":"alice"}"#);
}

#[test]
fn a_sender_cannot_name_itself() {
    let fields = object(json!({ "type": "offer", "fromUserId": "mallory" }));
    let text = print(&Message::Relayed { fields, from: "alice".into() });
    assert_eq!(text, r#"{"type":"offer","fromUserId":"alice"}"#);
}

#[test]
fn ids_and_fields_have_limits() {
    let join = |id: String| parse(json!({ "type": "join-room", "roomId": id, "userId": "u" }).to_string().as_bytes());
    assert!(join("r".repeat(LONGEST_ID)).is_ok());
    assert_eq!(join("r".repeat(LONGEST_ID + 1)), Err(Refusal::NameTooLong));

    let fields = |count: usize| {
        let fields: Vec<_> = (0..count).map(|number| format!("\"f{number}\":0")).collect();
        parse(format!("{{{}}}", fields.join(",")).as_bytes())
    };
    assert_eq!(fields(MOST_FIELDS), Ok(None));
    assert_eq!(fields(MOST_FIELDS + 1), Err(Refusal::InvalidFormat));
}

proptest::proptest! {
    #[test]
    fn no_frame_makes_it_panic(frame in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
        let _ = parse(&frame);
    }

    #[test]
    fn whatever_is_relayed_has_one_sender_and_it_is_the_true_one(
        names in proptest::collection::vec("type|fromUserId|fromuserid|offer|[a-z]{1,3}", 0..8),
        from in ".{1,8}",
    ) {
        let fields = names.into_iter().map(|name| (name, json!("mallory"))).collect();
        let text = print(&Message::Relayed { fields, from: from.clone() });
        proptest::prop_assert_eq!(text.matches("\"fromUserId\":").count(), 1);
        let read: Value = serde_json::from_str(&text).unwrap();
        proptest::prop_assert_eq!(&read["fromUserId"], &json!(from));
    }
}
