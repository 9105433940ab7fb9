//! `GET /v1/watch?after=N`: the state as soon as it is another one than `N`, or after a while as it is.

use std::time::Duration;

use http::StatusCode;
use protocol::control::LONGEST_WATCH_MS;

use super::{Answer, Handle, answer::json_or_leaving, answer::refusal};
use crate::supervisor::Asked;

pub async fn answer(handle: &Handle, query: Option<&str>) -> Answer {
    let after = match after(query.unwrap_or_default()) {
        Ok(after) => after,
        Err(error) => return refusal(StatusCode::BAD_REQUEST, error),
    };
    let mut sequence = handle.sequence.clone();
    let news = sequence.wait_for(|sequence| after.is_none_or(|after| *sequence != after));
    let _ = tokio::time::timeout(Duration::from_millis(LONGEST_WATCH_MS), news).await;
    json_or_leaving(handle.ask(Asked::Watch).await.as_ref())
}

fn after(query: &str) -> Result<Option<u64>, String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("after="));
    value.map(|text| text.parse().map_err(|_| format!("after={text} is not a sequence number"))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_read_from_the_query() {
        assert_eq!(after("after=12"), Ok(Some(12)));
        assert_eq!(after("x=1&after=0"), Ok(Some(0)));
        assert_eq!(after(""), Ok(None));
        assert!(after("after=soon").is_err());
    }
}
