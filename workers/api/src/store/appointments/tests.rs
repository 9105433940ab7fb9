use super::{
    ask::{AS_WRITTEN, BY_COMPAT_ID, BY_ID, PROVIDERS, SCHEDULED, SERIES, SINGLE},
    *,
};
use crate::store::plans::{assert_indexed, assert_indexed_but, empty};

#[test]
fn every_question_finds_its_rows_by_an_index() {
    let (_folder, connection) = empty();
    let edits = [edits::OF_VISIT, edits::NUMBERS, edits::FROM_DATE, edits::HAND_OVER];
    let rows = [BY_COMPAT_ID, BY_ID, SINGLE, SERIES, SCHEDULED, AS_WRITTEN, PROVIDERS, ANSWERED];
    for sql in rows.into_iter().chain(edits) {
        assert_indexed(&connection, sql);
    }
    // Both parts find few rows, which are sorted so that none is there twice.
    assert_indexed_but(&connection, edits::IN_WINDOW, &["USE TEMP B-TREE FOR ORDER BY"]);
}

#[test]
fn what_happened_is_called_by_what_it_has_become() {
    use Status::{Cancelled, Completed, EnteredInError, NoShow, Scheduled};
    for (before, after, kind) in [
        (Scheduled, Scheduled, APPOINTMENT_CHANGED),
        (Completed, Completed, APPOINTMENT_CHANGED),
        (Completed, Scheduled, APPOINTMENT_CHANGED),
        (Scheduled, Completed, APPOINTMENT_COMPLETED),
        (Cancelled, Completed, APPOINTMENT_COMPLETED),
        (Scheduled, Cancelled, APPOINTMENT_CANCELLED),
        (Completed, NoShow, APPOINTMENT_CANCELLED),
        (Cancelled, EnteredInError, APPOINTMENT_CANCELLED),
    ] {
        assert_eq!(what_happened(before, after), kind, "{before:?} {after:?}");
    }
}
