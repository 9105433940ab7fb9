//! Trends, from what the days and hours come to: those tables are kept by triggers, see migration 3.

use kit::database::DatabaseError;
use rusqlite::{Connection, Row, params};

use super::Store;
use crate::vitals::{
    Kind,
    trend::{Bucket, Days, Resolution, Sums},
};

const DAYS: &str = "SELECT *, NULL AS hour FROM reading_days
    WHERE subject = ? AND kind = ? AND local_date >= ? AND local_date <= ? ORDER BY local_date";
const HOURS: &str = "SELECT * FROM reading_hours
    WHERE subject = ? AND kind = ? AND local_date >= ? AND local_date <= ? ORDER BY local_date, hour";

impl Store {
    /// What a resident's readings of one kind come to, in its canonical unit, in the order of time.
    pub async fn trend(
        &self,
        subject: i64,
        kind: Kind,
        days: Days,
        by: Resolution,
    ) -> Result<Vec<Bucket>, DatabaseError> {
        self.database.read(move |connection| Ok(buckets(connection, subject, kind, days, by)?)).await
    }
}

fn buckets(
    connection: &Connection,
    subject: i64,
    kind: Kind,
    days: Days,
    by: Resolution,
) -> rusqlite::Result<Vec<Bucket>> {
    let sql = match by {
        Resolution::Day => DAYS,
        Resolution::Hour => HOURS,
    };
    let values = params![subject, kind.name(), days.first.to_string(), days.last.to_string()];
    connection.prepare_cached(sql)?.query_map(values, bucket)?.collect()
}

fn bucket(row: &Row<'_>) -> rusqlite::Result<Bucket> {
    let second_count = row.get("second_count")?;
    Ok(Bucket {
        date: row.get("local_date")?,
        hour: row.get("hour")?,
        primary: sums(row, row.get("count")?, ["least", "most", "sum"])?,
        secondary: several(row, second_count, ["second_least", "second_most", "second_sum"])?,
        arterial: several(row, second_count, ["arterial_least", "arterial_most", "arterial_sum"])?,
    })
}

fn several(row: &Row<'_>, count: i64, columns: [&str; 3]) -> rusqlite::Result<Option<Sums>> {
    if count == 0 { Ok(None) } else { sums(row, count, columns).map(Some) }
}

fn sums(row: &Row<'_>, count: i64, [least, most, sum]: [&str; 3]) -> rusqlite::Result<Sums> {
    Ok(Sums { count, least: row.get(least)?, most: row.get(most)?, sum: row.get(sum)? })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use kit::{clock, database::Database};
    use proptest::prelude::*;

    use super::*;
    use crate::store::{
        MIGRATIONS,
        plans::{assert_indexed, empty, plan},
    };

    const INSERT: &str = "INSERT INTO readings (id, subject, kind, entered_primary, entered_unit, canonical_primary,
            canonical_secondary, canonical_unit, word, effective_at, effective_at_entered, zone, local_date, source,
            source_kind, recorded_at)
        VALUES (?1, ?2, ?3, ?4, '', ?4, ?5, '', 'normal', ?6, '', 'UTC', ?7, 'manual', 'manual', '')";
    const CHANGE: &str = "UPDATE readings SET canonical_primary = ?1, canonical_secondary = ?2, effective_at = ?3,
        local_date = ?4, status = ?5 WHERE compat_id = ?6";

    #[test]
    fn a_trend_is_found_at_once_and_so_is_what_a_reading_changes_in_its_day() {
        let (_folder, connection) = empty();
        for sql in [DAYS, HOURS, INSERT, CHANGE, "DELETE FROM readings WHERE compat_id = ?"] {
            assert_indexed(&connection, sql);
        }
        for sql in [CHANGE, "DELETE FROM readings WHERE compat_id = ?"] {
            let plan = plan(&connection, sql).join(" ");
            for found_by in ["local_date=?)", "hour=?)", "effective_at>? AND effective_at<?)"] {
                assert!(plan.contains(found_by), "the triggers' part is looked at too: {plan}");
            }
        }
    }

    /// A reading as the test remembers it.
    #[derive(Clone, Debug)]
    struct Taken {
        subject: i64,
        kind: Kind,
        value: f64,
        second: Option<f64>,
        at: Timestamp,
        /// Of the resident's zone, five and a half hours ahead.
        date: String,
        counts: bool,
    }

    fn taken() -> impl Strategy<Value = Taken> {
        let kind = prop::sample::select(vec![Kind::BloodPressure, Kind::HeartRate]);
        let second = prop::option::of(20_u32..200);
        // Three days, so that buckets are shared and are emptied again.
        let seconds = 1_925_812_800_i64..1_925_812_800 + 3 * 86_400;
        (1_i64..3, kind, 1_u32..300, second, seconds, prop::bool::weighted(0.8)).prop_map(
            |(subject, kind, value, second, seconds, counts)| {
                let at = Timestamp::from_second(seconds).unwrap();
                let date = (at + jiff::SignedDuration::from_mins(330)).to_string()[..10].to_owned();
                let second = second.filter(|_| kind == Kind::BloodPressure).map(f64::from);
                Taken { subject, kind, value: f64::from(value), second, at, date, counts }
            },
        )
    }

    #[derive(Clone, Debug)]
    enum Step {
        Take(Taken),
        /// The one at this place becomes the other, of the same resident and kind.
        Change(usize, Taken),
        Erase(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => taken().prop_map(Step::Take),
            3 => (any::<usize>(), taken()).prop_map(|(place, taken)| Step::Change(place, taken)),
            1 => any::<usize>().prop_map(Step::Erase),
        ]
    }

    fn insert(connection: &Connection, place: usize, taken: &Taken) {
        let Taken { subject, kind, value, second, at, date, .. } = taken;
        let values = params![place.to_string(), subject, kind.name(), value, second, clock::iso(*at), date];
        connection.execute(INSERT, values).unwrap();
    }

    fn carry_out(connection: &Connection, model: &mut BTreeMap<i64, Taken>, step: Step, place: usize) {
        let numbers: Vec<_> = model.keys().copied().collect();
        match step {
            Step::Take(taken) => {
                insert(connection, place, &taken);
                model.insert(connection.last_insert_rowid(), Taken { counts: true, ..taken });
            }
            Step::Change(at, to) if !numbers.is_empty() => {
                let number = numbers[at % numbers.len()];
                let known = model.get_mut(&number).unwrap();
                let status = if to.counts { "amended" } else { "entered-in-error" };
                let second = to.second.filter(|_| known.kind == Kind::BloodPressure);
                let values = params![to.value, second, clock::iso(to.at), to.date, status, number];
                connection.execute(CHANGE, values).unwrap();
                *known = Taken { subject: known.subject, kind: known.kind, second, ..to };
            }
            Step::Erase(at) if !numbers.is_empty() => {
                let number = numbers[at % numbers.len()];
                connection.execute("DELETE FROM readings WHERE compat_id = ?", [number]).unwrap();
                model.remove(&number);
            }
            Step::Change(..) | Step::Erase(_) => {}
        }
    }

    /// What the buckets must be, counted from nothing.
    fn counted(model: &BTreeMap<i64, Taken>, subject: i64, kind: Kind, by: Resolution) -> Vec<Bucket> {
        let mut buckets: BTreeMap<(String, Option<String>), Vec<&Taken>> = BTreeMap::new();
        for taken in model.values().filter(|taken| taken.counts && (taken.subject, taken.kind) == (subject, kind)) {
            let hour = (by == Resolution::Hour).then(|| clock::iso(taken.at)[..13].to_owned());
            buckets.entry((taken.date.clone(), hour)).or_default().push(taken);
        }
        let bucket = |((date, hour), readings): (_, Vec<&Taken>)| {
            let seconds: Vec<_> = readings.iter().filter_map(|taken| taken.second).collect();
            let arterial = |taken: &&Taken| Some((taken.value + 2.0 * taken.second?) / 3.0);
            Bucket {
                date,
                hour,
                primary: sums_of(&readings.iter().map(|taken| taken.value).collect::<Vec<_>>()).unwrap(),
                secondary: sums_of(&seconds),
                arterial: sums_of(&readings.iter().filter_map(arterial).collect::<Vec<_>>()),
            }
        };
        buckets.into_iter().map(bucket).collect()
    }

    fn sums_of(values: &[f64]) -> Option<Sums> {
        let least = values.iter().copied().reduce(f64::min)?;
        let most = values.iter().copied().reduce(f64::max)?;
        Some(Sums { count: values.len() as i64, least, most, sum: values.iter().sum() })
    }

    /// Sums of thirds depend on the order in which they were added up.
    fn rounded(buckets: Vec<Bucket>) -> Vec<Bucket> {
        let round = |sums: Sums| Sums { sum: (sums.sum * 1e6).round() / 1e6, ..sums };
        buckets.into_iter().map(|bucket| Bucket { arterial: bucket.arterial.map(round), ..bucket }).collect()
    }

    fn assert_counted(connection: &Connection, model: &BTreeMap<i64, Taken>) {
        let days = Days { first: "2031-01-01".parse().unwrap(), last: "2031-12-31".parse().unwrap() };
        for (subject, kind) in [(1, Kind::BloodPressure), (1, Kind::HeartRate), (2, Kind::BloodPressure)] {
            for by in [Resolution::Day, Resolution::Hour] {
                let found = buckets(connection, subject, kind, days, by).unwrap();
                assert_eq!(rounded(found), rounded(counted(model, subject, kind, by)), "{subject} {kind:?} {by:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        #[test]
        fn days_and_hours_are_what_counting_from_nothing_comes_to(steps in prop::collection::vec(step(), 1..60)) {
            let connection = Connection::open_in_memory().unwrap();
            MIGRATIONS.iter().for_each(|migration| connection.execute_batch(migration).unwrap());
            let mut model = BTreeMap::new();
            for (place, step) in steps.into_iter().enumerate() {
                carry_out(&connection, &mut model, step, place);
            }
            assert_counted(&connection, &model);
        }
    }

    #[test]
    fn readings_from_before_there_were_trends_are_counted_too() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("api.db");
        drop(Database::open(&file, &MIGRATIONS[..2]).unwrap());
        let connection = Connection::open(&file).unwrap();
        let mut model = BTreeMap::new();
        for place in 0..40_u32 {
            let at = Timestamp::from_second(1_925_812_800 + 3_000 * i64::from(place)).unwrap();
            let date = clock::iso(at)[..10].to_owned();
            let second = (place % 3 > 0).then_some(f64::from(60 + place));
            let (kind, value) = (Kind::BloodPressure, f64::from(100 + place));
            let taken = Taken { subject: 1, kind, value, second, at, date, counts: place % 5 > 0 };
            insert(&connection, place as usize, &taken);
            if !taken.counts {
                let sql = "UPDATE readings SET status = 'entered-in-error' WHERE compat_id = last_insert_rowid()";
                connection.execute(sql, []).unwrap();
            }
            model.insert(connection.last_insert_rowid(), taken);
        }
        drop(Database::open(&file, MIGRATIONS).unwrap());
        assert_counted(&connection, &model);
    }
}
