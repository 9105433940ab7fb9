//! What is usual for a resident, and the score of what was measured last.

use jiff::Timestamp;
use kit::database::DatabaseError;

use super::{
    Store,
    alerts::{newest, usual},
    residents::ResidentError,
};
use crate::{
    alerts::{
        baseline::Baseline,
        news2::{self, Measured, Score},
    },
    store::{limits, readings::Reading},
    vitals::Kind,
};

impl Store {
    /// What was usual before today, if enough days are known, and the newest reading.
    pub async fn baseline(
        &self,
        subject: i64,
        kind: Kind,
        now: Timestamp,
    ) -> Result<(Option<Baseline>, Option<Reading>), ResidentError> {
        let home = self.home_of(subject).await?;
        let asked = self.database.read(move |connection| {
            let newest = newest(connection, subject, kind, now)?;
            Ok::<_, DatabaseError>((usual(connection, subject, kind, home, now)?, newest))
        });
        Ok(asked.await?)
    }

    /// NEWS2 of what was measured last, on the resident's scale.
    pub async fn news2(&self, subject: i64, now: Timestamp) -> Result<Score, DatabaseError> {
        self.database
            .read(move |connection| {
                let scale = limits::of(connection, subject)?.0.choices.spo2_scale;
                let mut last = Vec::new();
                for kind in news2::PARTS {
                    last.extend(newest(connection, subject, kind, now)?);
                }
                let measured = |kind| {
                    let reading = last.iter().find(|reading| reading.kind == kind)?;
                    Some(Measured { value: reading.canonical_primary, at: reading.effective_at })
                };
                Ok(news2::score(measured, scale, now))
            })
            .await
    }
}
