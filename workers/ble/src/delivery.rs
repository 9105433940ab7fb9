//! Taking readings to betti-backend, one after the other, until it has them.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use kit::database::DatabaseError;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::api::{Answer, Api, PostError};
use crate::store::{Store, Waiting};

const PATH: &str = "/api/vitals";
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// As much of the API's words as is kept as a reason.
const LONGEST_REASON: usize = 300;

/// Who rings when there is something to do.
#[derive(Clone, Default)]
pub struct Bells {
    /// A reading was kept.
    pub kept: Arc<Notify>,
    /// The API has answered somebody: it is worth trying again before the pause is over.
    pub api_answers: Arc<Notify>,
}

/// What an answer means for the reading.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Delivered,
    /// The same again would be refused again.
    Refused(String),
    /// It may succeed later.
    Later(String),
}

/// Delivers until told to stop.
pub async fn deliver(store: Store, api: Api, bells: Bells, stop: CancellationToken) {
    let mut failures = 0;
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => return,
            () = turn(&store, &api, &bells, &mut failures) => {}
        }
    }
}

/// One reading, or one wait.
async fn turn(store: &Store, api: &Api, bells: &Bells, failures: &mut u32) {
    match attempt(store, api).await {
        Ok(Step::NothingWaits) => {
            // Both are looked at again after the next one was asked for: nothing rung in between is missed.
            bells.kept.notified().await;
        }
        Ok(Step::Settled) => {
            if std::mem::take(failures) > 0 {
                tracing::info!("readings are delivered again");
            }
        }
        Ok(Step::Later(why)) => pause(failures, &why, bells).await,
        Err(error) => pause(failures, &error.to_string(), bells).await,
    }
}

enum Step {
    NothingWaits,
    Settled,
    Later(String),
}

async fn attempt(store: &Store, api: &Api) -> Result<Step, DatabaseError> {
    let Some(Waiting { id, key, body }) = store.next().await? else { return Ok(Step::NothingWaits) };
    match verdict(api.post(PATH, Some(&key), body).await) {
        Verdict::Delivered => {
            store.delivered(id).await?;
            tracing::info!(key, "delivered");
        }
        Verdict::Refused(reason) => {
            tracing::error!(key, reason, "betti-backend refuses a reading: it is kept, and not sent again");
            store.refused(id, reason).await?;
        }
        Verdict::Later(why) => return Ok(Step::Later(why)),
    }
    Ok(Step::Settled)
}

fn verdict(answer: Result<Answer, PostError>) -> Verdict {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Verdict::Later(error.to_string()),
    };
    let words = format!("{}: {}", answer.status, shortened(&answer.text));
    match answer.status {
        status if status.is_success() => Verdict::Delivered,
        // It has this key already.
        StatusCode::CONFLICT => Verdict::Delivered,
        // Not about the reading: who we are, where the API is, or when we ask.
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND
        | StatusCode::METHOD_NOT_ALLOWED
        | StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_EARLY
        | StatusCode::TOO_MANY_REQUESTS => Verdict::Later(words),
        status if status.is_client_error() => Verdict::Refused(words),
        _ => Verdict::Later(words),
    }
}

fn shortened(text: &str) -> &str {
    let text = text.trim();
    text.char_indices().nth(LONGEST_REASON).map_or(text, |(end, _)| &text[..end])
}

async fn pause(failures: &mut u32, why: &str, bells: &Bells) {
    if *failures == 0 {
        tracing::warn!(why, "readings wait: betti-backend does not take them");
    }
    // Jitter: hubs that lost the same API do not come back to it in the same instant.
    let delay = pause_after(*failures, RandomState::new().build_hasher().finish());
    *failures = failures.saturating_add(1);
    tokio::select! {
        () = tokio::time::sleep(delay) => {}
        () = bells.api_answers.notified() => {}
    }
}

/// Doubles from one second to a minute; of that, half to all, as the random number says.
fn pause_after(failures: u32, random: u64) -> Duration {
    let full = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST_PAUSE);
    #[expect(clippy::cast_precision_loss, reason = "any fraction will do")]
    let fraction = random as f64 / u64::MAX as f64;
    full.mul_f64(0.5 + fraction / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, text: &str) -> Verdict {
        verdict(Ok(Answer { status: StatusCode::from_u16(status).unwrap(), text: text.into() }))
    }

    #[test]
    fn done_is_what_the_api_took_now_or_had_before() {
        assert_eq!(of(200, ""), Verdict::Delivered);
        assert_eq!(of(201, "{}"), Verdict::Delivered);
        assert_eq!(of(409, "seen"), Verdict::Delivered);
    }

    #[test]
    fn what_is_wrong_with_the_reading_is_refused_with_the_apis_words() {
        assert_eq!(of(400, " Invalid vital type\n"), Verdict::Refused("400 Bad Request: Invalid vital type".into()));
        assert!(matches!(of(422, ""), Verdict::Refused(_)));
    }

    #[test]
    fn what_is_wrong_with_the_api_or_with_us_is_tried_again() {
        for status in [401, 403, 404, 408, 429, 500, 502, 503, 302] {
            assert!(matches!(of(status, ""), Verdict::Later(_)), "{status}");
        }
        assert!(matches!(verdict(Err(PostError::TimedOut(FIRST_PAUSE))), Verdict::Later(_)));
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_are_shortened_by_at_most_half() {
        assert_eq!(pause_after(0, u64::MAX), Duration::from_secs(1));
        assert_eq!(pause_after(3, u64::MAX), Duration::from_secs(8));
        assert_eq!(pause_after(9, u64::MAX), Duration::from_secs(60));
        assert_eq!(pause_after(u32::MAX, 0), Duration::from_secs(30));
    }

    #[test]
    fn a_reason_is_cut_between_characters() {
        assert_eq!(shortened(&"ü".repeat(400)).chars().count(), 300);
    }
}
