//! What supervisors have remembered: values by key, within a limit that holds for all of them together.

use std::collections::BTreeMap;

/// Bytes that supervisors may have remembered, keys and values.
pub const MOST_REMEMBERED: usize = 16 * 1024 * 1024;

/// Puts a value in the place of the one before. Answers whether there was room; if not, the one before is gone too: a successor
/// is better off without than with what is true no more.
pub fn remember(memory: &mut BTreeMap<String, String>, key: String, value: String) -> bool {
    memory.remove(&key);
    let others: usize = memory.iter().map(|(key, value)| key.len() + value.len()).sum();
    let has_room = others + key.len() + value.len() <= MOST_REMEMBERED;
    if has_room {
        memory.insert(key, value);
    }
    has_room
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replaced_takes_no_room_and_what_has_none_leaves_nothing_behind() {
        let mut memory = BTreeMap::new();
        let mut remember = |value: String| {
            let has_room = remember(&mut memory, "app/web".to_owned(), value);
            (has_room, memory.get("app/web").map(String::len))
        };
        let most = MOST_REMEMBERED - "app/web".len();
        assert_eq!(remember("a".repeat(most)), (true, Some(most)));
        assert_eq!(remember("b".repeat(most)), (true, Some(most)), "the one before makes room");
        assert_eq!(remember("c".repeat(most + 1)), (false, None));
        assert_eq!(remember("d".to_owned()), (true, Some(1)));
    }
}
