//! Residents who came or moved. Existing clients are told nothing of it.

use kit::database::DatabaseError;
use serde_json::Value;

use crate::store::Store;

/// Another process of this worker may have kept it, and days are computed here too.
pub async fn moved(store: &Store) -> Result<Option<Value>, DatabaseError> {
    store.learn_homes().await.map(|()| None)
}
