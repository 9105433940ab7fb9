//! Who can be told of a resident's alerts, and the ladder that says when.

use jiff::Timestamp;
use kit::{
    clock,
    database::{Change, DatabaseError},
    outbox::Event as News,
};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Store,
    alerts::{Evidence, Watch, of_resident},
    history,
    residents::ResidentError,
};
use crate::alerts::{
    ladder::{Ladder, LadderError, Step},
    state::Event,
};

/// Others can be told of a resident's alerts.
pub const PEOPLE_CHANGED: &str = "people.changed";
/// A resident's alerts go to others, or in another order.
pub const LADDER_CHANGED: &str = "ladder.changed";

/// How many people can be told.
const MOST_PEOPLE: usize = 50;
/// How long a name, a relation, a number or an address may be, in characters.
const LONGEST_TEXT: usize = 200;

const OF_RESIDENT: &str = "SELECT * FROM people WHERE subject = ? AND status = 'active' ORDER BY compat_id";
const NAME: &str = "SELECT name FROM people WHERE id = ?";
const ADD: &str =
    "INSERT INTO people (id, subject, name, relation, phone, email, recorded_at) VALUES (?, ?, ?, ?, ?, ?, ?)";
const CHANGE: &str =
    "UPDATE people SET name = ?, relation = ?, phone = ?, email = ?, version = version + 1 WHERE compat_id = ?";
const RETIRE: &str = "UPDATE people SET status = 'retired', version = version + 1 WHERE compat_id = ?";
const LADDER: &str = "SELECT document, version FROM ladders WHERE subject = ?";
const LADDER_NUMBER: &str = "SELECT compat_id FROM ladders WHERE subject = ?";
const CHANGE_LADDER: &str = "INSERT INTO ladders (id, subject, document, recorded_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (subject) DO UPDATE SET document = excluded.document, version = version + 1 RETURNING version";

/// Somebody who can be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    pub compat_id: i64,
    pub id: String,
    pub said: Said,
    pub version: i64,
}

/// What is said of somebody.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Said {
    pub name: String,
    #[serde(default)]
    pub relation: Option<String>,
    #[serde(default)]
    pub phone: Option<String>,
    #[serde(default)]
    pub email: Option<String>,
}

/// Somebody as a client writes them; without an id they are known by their name, or new.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Written {
    #[serde(default)]
    pub id: Option<String>,
    #[serde(flatten)]
    pub said: Said,
}

/// Why people or the ladder stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    #[error("there can be {MOST_PEOPLE} people")]
    TooMany,
    #[error("people: every text is 1 to {LONGEST_TEXT} characters long")]
    Text,
    #[error("there is no person {0:?}. Leave the id out for somebody new")]
    Unknown(String),
    #[error("{0} is on the ladder: take them off it first")]
    OnTheLadder(String),
    #[error(transparent)]
    Ladder(#[from] LadderError),
    #[error(transparent)]
    Resident(#[from] ResidentError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for PeopleError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl Person {
    /// As events and clients have it.
    pub fn whole(&self) -> Value {
        json!({
            "id": self.id,
            "compat_id": self.compat_id,
            "name": self.said.name,
            "relation": self.said.relation,
            "phone": self.said.phone,
            "email": self.said.email,
            "version": self.version,
        })
    }
}

impl Said {
    fn check(&self) -> Result<(), PeopleError> {
        let texts = [&self.relation, &self.phone, &self.email].into_iter().flatten();
        let is_fine = |text: &String| (1..=LONGEST_TEXT).contains(&text.trim().chars().count());
        if texts.chain([&self.name]).all(is_fine) { Ok(()) } else { Err(PeopleError::Text) }
    }
}

/// A ladder as events and clients have it.
pub fn whole(subject: i64, ladder: &Ladder, version: i64) -> Value {
    let mut whole = json!(ladder);
    whole["subject"] = subject.into();
    whole["version"] = version.into();
    whole
}

impl Store {
    /// Who can be told of a resident's alerts.
    pub async fn people(&self, subject: i64) -> Result<Vec<Person>, DatabaseError> {
        self.database.read(move |connection| Ok(of(connection, subject)?)).await
    }

    /// These people, and nobody else. Whoever is not among them any more is retired, unless they are on the ladder.
    pub async fn change_people(
        &self,
        subject: i64,
        people: Vec<Written>,
        now: Timestamp,
    ) -> Result<Vec<Person>, PeopleError> {
        if people.len() > MOST_PEOPLE {
            return Err(PeopleError::TooMany);
        }
        people.iter().try_for_each(|person| person.said.check())?;
        self.home_of(subject).await?;
        self.database
            .write(move |transaction| {
                let before = of(transaction, subject)?;
                let ladder = ladder_of(transaction, subject)?.0;
                let people = recognised(people, &before);
                retire(transaction, &before, &people, &ladder, now)?;
                for person in people {
                    keep(transaction, subject, &before, person, now)?;
                }
                let after = of(transaction, subject)?;
                if after == before {
                    return Ok(Change::none(after));
                }
                let whole: Vec<_> = after.iter().map(Person::whole).collect();
                let news = News::new(PEOPLE_CHANGED, json!({"subject": subject, "people": whole}));
                Ok(Change::new(after, news))
            })
            .await
    }

    /// A resident's ladder and its version; 0 while there is none.
    pub async fn ladder(&self, subject: i64) -> Result<(Ladder, i64), DatabaseError> {
        self.database.read(move |connection| Ok(ladder_of(connection, subject)?)).await
    }

    /// Another ladder. Alerts that are open go on on it, after as many steps as were taken. `who` of a step is a person's id
    /// or name.
    pub async fn change_ladder(
        &self,
        subject: i64,
        mut ladder: Ladder,
        now: Timestamp,
    ) -> Result<(Ladder, i64), PeopleError> {
        let home = self.home_of(subject).await?;
        self.database
            .write(move |transaction| {
                let people = of(transaction, subject)?;
                for step in ladder.steps.iter_mut().chain(&mut ladder.no_data) {
                    by_name(step, &people);
                }
                ladder.check(|who| people.iter().any(|person| person.id == who))?;
                let (before, version) = ladder_of(transaction, subject)?;
                if before == ladder {
                    return Ok(Change::none((ladder, version)));
                }
                let version = keep_ladder(transaction, subject, &ladder, now)?;
                let mut watch = Watch::begin(transaction, subject, home, now)?;
                for condition in of_resident(transaction, subject)? {
                    watch.happens(condition, Event::Time, Evidence::default())?;
                }
                let mut news = vec![News::new(LADDER_CHANGED, whole(subject, &ladder, version))];
                news.extend(watch.news());
                Ok(Change::several((ladder, version), news))
            })
            .await
    }
}

/// A document that this version cannot read is no ladder.
pub fn ladder_of(connection: &Connection, subject: i64) -> rusqlite::Result<(Ladder, i64)> {
    let row = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get(1)?));
    let Some((text, version)) = connection.prepare_cached(LADDER)?.query_row([subject], row).optional()? else {
        return Ok((Ladder::default(), 0));
    };
    let ladder = serde_json::from_str(&text).unwrap_or_else(|error| {
        tracing::error!(subject, "the ladder cannot be understood, and nobody is on it: {error}");
        Ladder::default()
    });
    Ok((ladder, version))
}

/// What somebody is called, also if they are retired.
pub fn name_of(connection: &Connection, id: &str) -> rusqlite::Result<Option<String>> {
    connection.prepare_cached(NAME)?.query_row([id], |row| row.get(0)).optional()
}

/// Whoever has the name of somebody who is known is them: the same request again makes nobody new. Of two who have the same
/// name it is the one of whom the same is said, else the first who is not taken yet.
fn recognised(mut people: Vec<Written>, known: &[Person]) -> Vec<Written> {
    let mut taken: Vec<_> = people.iter().filter_map(|written| written.id.clone()).collect();
    let is_same: [fn(&Said, &Said) -> bool; 2] = [|a, b| a == b, |a, b| a.name == b.name];
    for is_same in is_same {
        for written in people.iter_mut().filter(|written| written.id.is_none()) {
            let mut free = known.iter().filter(|person| !taken.contains(&person.id));
            if let Some(person) = free.find(|person| is_same(&person.said, &written.said)) {
                written.id = Some(person.id.clone());
                taken.push(person.id.clone());
            }
        }
    }
    people
}

fn by_name(step: &mut Step, people: &[Person]) {
    let mut named = people.iter().filter(|person| person.said.name == step.who);
    // Two of the same name are nobody: the one who writes has to say which.
    if let (Some(person), None) = (named.next(), named.next()) {
        step.who.clone_from(&person.id);
    }
}

fn retire(
    transaction: &Transaction<'_>,
    before: &[Person],
    people: &[Written],
    ladder: &Ladder,
    now: Timestamp,
) -> Result<(), PeopleError> {
    for person in before.iter().filter(|person| people.iter().all(|written| written.id.as_ref() != Some(&person.id))) {
        if ladder.steps.iter().chain(&ladder.no_data).any(|step| step.who == person.id) {
            return Err(PeopleError::OnTheLadder(person.said.name.clone()));
        }
        history::keep(transaction, "people", person.compat_id, now)?;
        transaction.prepare_cached(RETIRE)?.execute([person.compat_id])?;
    }
    Ok(())
}

fn keep(
    transaction: &Transaction<'_>,
    subject: i64,
    before: &[Person],
    written: Written,
    now: Timestamp,
) -> Result<(), PeopleError> {
    let Said { name, relation, phone, email } = &written.said;
    let Some(id) = written.id else {
        let values = params![Uuid::now_v7().to_string(), subject, name, relation, phone, email, clock::iso(now)];
        transaction.prepare_cached(ADD)?.execute(values)?;
        return Ok(());
    };
    let known = before.iter().find(|person| person.id == id).ok_or(PeopleError::Unknown(id))?;
    if known.said != written.said {
        history::keep(transaction, "people", known.compat_id, now)?;
        transaction.prepare_cached(CHANGE)?.execute(params![name, relation, phone, email, known.compat_id])?;
    }
    Ok(())
}

fn keep_ladder(transaction: &Transaction<'_>, subject: i64, ladder: &Ladder, now: Timestamp) -> rusqlite::Result<i64> {
    let known: Option<i64> =
        transaction.prepare_cached(LADDER_NUMBER)?.query_row([subject], |row| row.get(0)).optional()?;
    if let Some(compat_id) = known {
        history::keep(transaction, "ladders", compat_id, now)?;
    }
    let values = params![Uuid::now_v7().to_string(), subject, json!(ladder).to_string(), clock::iso(now)];
    transaction.prepare_cached(CHANGE_LADDER)?.query_row(values, |row| row.get(0))
}

fn of(connection: &Connection, subject: i64) -> rusqlite::Result<Vec<Person>> {
    connection.prepare_cached(OF_RESIDENT)?.query_map([subject], person)?.collect()
}

fn person(row: &Row<'_>) -> rusqlite::Result<Person> {
    Ok(Person {
        compat_id: row.get("compat_id")?,
        id: row.get("id")?,
        said: Said {
            name: row.get("name")?,
            relation: row.get("relation")?,
            phone: row.get("phone")?,
            email: row.get("email")?,
        },
        version: row.get("version")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn two_of_the_same_name_are_known_by_what_is_said_of_them_else_by_their_order() {
        let said = |name: &str, phone: Option<&str>| Said {
            name: name.into(),
            relation: None,
            phone: phone.map(Into::into),
            email: None,
        };
        let person = |number: i64, said| Person { compat_id: number, id: number.to_string(), said, version: 1 };
        let known = [person(1, said("Anna", None)), person(2, said("Anna", Some("112"))), person(3, said("Ben", None))];
        let ids = |people: &[(&str, Option<&str>)]| {
            let people = people.iter().map(|(name, phone)| Written { id: None, said: said(name, *phone) }).collect();
            recognised(people, &known).into_iter().map(|person| person.id.unwrap_or_default()).collect::<Vec<_>>()
        };
        assert_eq!(ids(&[("Anna", Some("112")), ("Anna", None), ("Ben", Some("0"))]), ["2", "1", "3"]);
        assert_eq!(ids(&[("Anna", Some("7")), ("Anna", Some("8")), ("Anna", Some("9"))]), ["1", "2", ""]);
        let taken = vec![
            Written { id: Some("1".into()), said: said("Anne", None) },
            Written { id: None, said: said("Anna", None) },
        ];
        assert_eq!(recognised(taken, &known)[1].id.as_deref(), Some("2"));
    }

    #[test]
    fn people_and_ladders_are_found_at_once() {
        let (_folder, connection) = empty();
        for sql in [NAME, CHANGE, RETIRE, LADDER, LADDER_NUMBER] {
            assert_indexed(&connection, sql);
        }
        // The few people of one resident, sorted.
        crate::store::plans::assert_indexed_but(&connection, OF_RESIDENT, &["FOR ORDER BY"]);
    }
}
