//! The rules as a table of scenes, and what holds in every world as properties.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use serde_json::json;

use super::*;

// ---- scenes ----------------------------------------------------------------------------------------------------

fn join(client: u64, room: &str, user: &str) -> Event {
    Event::Asked(ClientId(client), Request::Join { room: room.into(), user: user.into() })
}

fn leave(client: u64) -> Event {
    Event::Asked(ClientId(client), Request::Leave)
}

fn close(client: u64) -> Event {
    Event::Closed(ClientId(client))
}

fn offer(client: u64, room: &str) -> Event {
    Event::Asked(ClientId(client), Request::Relay(signal(Some(room), None)))
}

fn offer_to(client: u64, room: &str, target: Value) -> Event {
    Event::Asked(ClientId(client), Request::Relay(signal(Some(room), Some(target))))
}

fn signal(room: Option<&str>, target: Option<Value>) -> Signal {
    Signal { room: room.map(Into::into), target, fields: vec![("type".into(), json!("offer"))] }
}

/// What was said, in short: `2:joined r bob [alice]`.
fn said(deliveries: &[Delivery]) -> Vec<String> {
    let words = |message: &Message| match message {
        Message::Joined { room, user, participants } => format!("joined {room} {user} [{}]", participants.join(",")),
        Message::UserJoined { user } => format!("+{user}"),
        Message::UserLeft { user } => format!("-{user}"),
        Message::Relayed { from, .. } => format!("offer from {from}"),
        Message::Refused(refusal) => format!("error {refusal}"),
    };
    deliveries.iter().map(|delivery| format!("{}:{}", delivery.to.0, words(&delivery.message))).collect()
}

/// Plays events on new rooms; after each, exactly this is said.
fn scene(targeting: Targeting, steps: impl IntoIterator<Item = (Event, &'static [&'static str])>) {
    let mut rooms = Rooms::new(targeting);
    for (number, (event, expected)) in steps.into_iter().enumerate() {
        let told = said(&rooms.handle(event.clone()));
        assert_eq!(told, expected, "step {number}, {event:?}");
    }
}

#[test]
fn two_meet_talk_and_part() {
    scene(
        Targeting::Ignored,
        [
            (join(1, "r", "alice"), &["1:joined r alice []"][..]),
            (offer(1, "r"), &[]),
            (join(2, "r", "bob"), &["2:joined r bob [alice]", "1:+bob"]),
            (offer(1, "r"), &["2:offer from alice"]),
            (offer(2, "r"), &["1:offer from bob"]),
            (leave(1), &["2:-alice"]),
            (leave(1), &[]),
            (offer(1, "r"), &["1:error Invalid room"]),
            (join(1, "r", "alice"), &["1:joined r alice [bob]", "2:+alice"]),
            (close(2), &["1:-bob"]),
        ],
    );
}

#[test]
fn a_third_is_refused_and_stays_where_it_was() {
    scene(
        Targeting::Ignored,
        [
            (join(1, "r", "alice"), &["1:joined r alice []"][..]),
            (join(2, "r", "bob"), &["2:joined r bob [alice]", "1:+bob"]),
            (join(3, "r", "carol"), &["3:error Room is full"]),
            (offer(3, "r"), &["3:error Invalid room"]),
            (join(3, "s", "carol"), &["3:joined s carol []"]),
            (join(3, "r", "carol"), &["3:error Room is full"]),
            (offer(3, "s"), &[]),
            (close(3), &[]),
        ],
    );
}

#[test]
fn signals_are_refused_outside_of_the_senders_room() {
    scene(
        Targeting::Ignored,
        [
            (offer(1, "r"), &["1:error Invalid room"][..]),
            (join(1, "r", "alice"), &["1:joined r alice []"]),
            (offer(1, "s"), &["1:error Invalid room"]),
            (Event::Asked(ClientId(1), Request::Relay(signal(None, None))), &["1:error Invalid room"]),
        ],
    );
}

#[test]
fn a_reload_takes_the_seat_over_and_the_old_connection_can_no_longer_lose_it() {
    scene(
        Targeting::Ignored,
        [
            (join(1, "r", "alice"), &["1:joined r alice []"][..]),
            (join(2, "r", "bob"), &["2:joined r bob [alice]", "1:+bob"]),
            // The page was loaded again before the old connection ended, in a full room.
            (join(5, "r", "alice"), &["5:joined r alice [bob]", "2:+alice"]),
            (offer(1, "r"), &["1:error Invalid room"]),
            (close(1), &[]),
            (offer(5, "r"), &["2:offer from alice"]),
            (offer(2, "r"), &["5:offer from bob"]),
            (close(5), &["2:-alice"]),
        ],
    );
}

#[test]
fn a_reload_in_a_room_of_ones_own_keeps_it() {
    scene(
        Targeting::Ignored,
        [
            (join(1, "r", "alice"), &["1:joined r alice []"][..]),
            (join(5, "r", "alice"), &["5:joined r alice []"]),
            (leave(1), &[]),
            (join(2, "r", "bob"), &["2:joined r bob [alice]", "5:+bob"]),
        ],
    );
}

#[test]
fn joining_a_second_room_leaves_the_first() {
    scene(
        Targeting::Ignored,
        [
            (join(1, "r", "alice"), &["1:joined r alice []"][..]),
            (join(2, "r", "bob"), &["2:joined r bob [alice]", "1:+bob"]),
            (join(1, "s", "alice"), &["2:-alice", "1:joined s alice []"]),
            (join(3, "r", "carol"), &["3:joined r carol [bob]", "2:+carol"]),
            (offer(1, "r"), &["1:error Invalid room"]),
        ],
    );
}

#[test]
fn joining_the_same_room_again_keeps_the_seat() {
    scene(
        Targeting::Ignored,
        [
            (join(1, "r", "alice"), &["1:joined r alice []"][..]),
            (join(2, "r", "bob"), &["2:joined r bob [alice]", "1:+bob"]),
            (join(1, "r", "alice"), &["1:joined r alice [bob]", "2:+alice"]),
            (join(1, "r", "anna"), &["2:-alice", "1:joined r anna [bob]", "2:+anna"]),
            (join(1, "r", "bob"), &["1:joined r bob []"]),
            (offer(2, "r"), &["2:error Invalid room"]),
        ],
    );
}

#[test]
fn a_target_is_a_field_like_any_other_in_the_main_variant() {
    scene(
        Targeting::Ignored,
        [
            (join(1, "r", "alice"), &["1:joined r alice []"][..]),
            (join(2, "r", "bob"), &["2:joined r bob [alice]", "1:+bob"]),
            (offer_to(1, "r", json!("nobody")), &["2:offer from alice"]),
        ],
    );
}

#[test]
fn a_target_is_honoured_behind_a_tunnel_but_never_oneself() {
    scene(
        Targeting::Honoured,
        [
            (join(1, "r", "alice"), &["1:joined r alice []"][..]),
            (join(2, "r", "bob"), &["2:joined r bob [alice]", "1:+bob"]),
            (offer_to(1, "r", json!("bob")), &["2:offer from alice"]),
            (offer_to(1, "r", json!("nobody")), &[]),
            (offer_to(1, "r", json!("alice")), &[]),
            (offer_to(1, "r", json!(7)), &[]),
            (offer(1, "r"), &["2:offer from alice"]),
        ],
    );
}

#[test]
fn there_are_so_many_rooms_and_no_more() {
    let mut rooms = Rooms::new(Targeting::Ignored);
    for number in 0..MOST_ROOMS as u64 {
        rooms.handle(join(number, &format!("room {number}"), "u"));
    }
    assert_eq!(said(&rooms.handle(join(999, "one more", "u"))), ["999:error Too many rooms"]);
    assert_eq!(said(&rooms.handle(join(999, "room 7", "v"))), ["999:joined room 7 v [u]", "7:+v"]);
    rooms.handle(close(3));
    assert_eq!(said(&rooms.handle(join(1000, "one more", "u"))), ["1000:joined one more u []"]);
}

// ---- in every world ----------------------------------------------------------------------------------------------

const ROOMS: [&str; 3] = ["r", "s", "t"];
const USERS: [&str; 4] = ["alice", "bob", "carol", "dave"];

fn any_event() -> impl Strategy<Value = Event> {
    let (client, room, user) = (0..6u64, prop::sample::select(&ROOMS[..]), prop::sample::select(&USERS[..]));
    prop_oneof![
        4 => (client.clone(), room.clone(), user.clone()).prop_map(|(client, room, user)| join(client, room, user)),
        4 => (client.clone(), room.clone()).prop_map(|(client, room)| offer(client, room)),
        2 => (client.clone(), room, user).prop_map(|(client, room, user)| offer_to(client, room, json!(user))),
        1 => client.clone().prop_map(leave),
        1 => client.prop_map(close),
    ]
}

fn targeting() -> impl Strategy<Value = Targeting> {
    prop_oneof![Just(Targeting::Ignored), Just(Targeting::Honoured)]
}

/// Who sits where, told from outside: the newest to join as a user in a room has that user's seat.
#[derive(Default)]
struct Model(HashMap<u64, (String, String)>);

impl Model {
    fn apply(&mut self, event: &Event, told: &[Delivery]) {
        match event {
            Event::Asked(ClientId(client), Request::Join { room, user }) => {
                if told.iter().any(|delivery| matches!(delivery.message, Message::Joined { .. })) {
                    self.0.retain(|_, place| *place != (room.clone(), user.clone()));
                    self.0.insert(*client, (room.clone(), user.clone()));
                }
            }
            Event::Asked(ClientId(client), Request::Leave) | Event::Closed(ClientId(client)) => {
                self.0.remove(client);
            }
            Event::Asked(_, Request::Relay(_)) => {}
        }
    }

    fn in_room(&self, room: &str) -> HashSet<u64> {
        self.0.iter().filter(|(_, place)| place.0 == room).map(|(client, _)| *client).collect()
    }

    fn room_of(&self, client: u64) -> Option<&str> {
        self.0.get(&client).map(|place| place.0.as_str())
    }
}

fn actor(event: &Event) -> u64 {
    match event {
        Event::Asked(client, _) | Event::Closed(client) => client.0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn never_more_than_two_seats_and_they_are_the_models(
        targeting in targeting(), events in prop::collection::vec(any_event(), 0..60),
    ) {
        let (mut rooms, mut model) = (Rooms::new(targeting), Model::default());
        for event in events {
            let told = rooms.handle(event.clone());
            model.apply(&event, &told);
            for (room, seats) in &rooms.rooms {
                prop_assert!((1..=SEATS).contains(&seats.len()), "{room} has {} seats", seats.len());
                let holders: HashSet<_> = seats.iter().map(|seat| seat.holder.0).collect();
                prop_assert_eq!(holders, model.in_room(room));
                let users: HashSet<_> = seats.iter().map(|seat| &seat.user).collect();
                prop_assert_eq!(users.len(), seats.len(), "one seat a user");
            }
            prop_assert_eq!(rooms.places.len(), model.0.len());
        }
    }

    #[test]
    fn nobody_outside_of_a_room_hears_what_is_said_in_it(
        targeting in targeting(), events in prop::collection::vec(any_event(), 0..60),
    ) {
        let (mut rooms, mut model) = (Rooms::new(targeting), Model::default());
        for event in events {
            let actor = actor(&event);
            let before = model.room_of(actor).map(str::to_owned);
            let told = rooms.handle(event.clone());
            model.apply(&event, &told);
            let after = model.room_of(actor).map(str::to_owned);
            for Delivery { to, message } in told {
                let in_the_same = |room: &Option<String>| room.is_some() && model.room_of(to.0) == room.as_deref();
                match message {
                    Message::Joined { .. } | Message::Refused(_) => prop_assert_eq!(to.0, actor),
                    Message::UserJoined { .. } => prop_assert!(to.0 != actor && in_the_same(&after)),
                    Message::UserLeft { .. } => prop_assert!(to.0 != actor && in_the_same(&before)),
                    Message::Relayed { .. } => prop_assert!(to.0 != actor && in_the_same(&before)),
                }
            }
        }
    }

    #[test]
    fn the_hub_says_who_said_it(
        targeting in targeting(), events in prop::collection::vec(any_event(), 0..60),
    ) {
        let (mut rooms, mut model) = (Rooms::new(targeting), Model::default());
        for event in events {
            let user = model.0.get(&actor(&event)).map(|place| place.1.clone());
            let told = rooms.handle(event.clone());
            model.apply(&event, &told);
            for delivery in told {
                if let Message::Relayed { from, .. } = delivery.message {
                    prop_assert_eq!(Some(from), user.clone());
                }
            }
        }
    }

    #[test]
    fn a_connection_without_a_seat_leaves_without_a_trace(
        events in prop::collection::vec(any_event(), 0..60), client in 0..6u64,
    ) {
        let (mut rooms, mut model) = (Rooms::new(Targeting::Ignored), Model::default());
        for event in events {
            let told = rooms.handle(event.clone());
            model.apply(&event, &told);
        }
        if model.room_of(client).is_none() {
            let before = format!("{:?}", rooms.places);
            prop_assert_eq!(rooms.handle(close(client)), vec![]);
            prop_assert_eq!(format!("{:?}", rooms.places), before);
        }
    }

    #[test]
    fn rooms_that_everybody_left_are_forgotten(events in prop::collection::vec(any_event(), 0..60)) {
        let mut rooms = Rooms::new(Targeting::Ignored);
        for event in events {
            rooms.handle(event);
        }
        for client in 0..6 {
            rooms.handle(close(client));
        }
        prop_assert_eq!(rooms.count(), 0);
        prop_assert!(rooms.places.is_empty());
    }
}
