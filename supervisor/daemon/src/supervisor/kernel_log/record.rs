//! What a record of the kernel's log says of a process that the kernel ended for want of memory. Pure.
//!
//! ```text
//!   3,1042,7063247407,-;Memory cgroup out of memory: Killed process 63214 (uwsgi) total-vm:3149468kB, …
//!   6,1041,7063247398,-;oom-kill:constraint=CONSTRAINT_MEMCG,…,task_memcg=/docker/1,task=uwsgi,pid=63214,uid=0
//! ```
//!
//! The first is written of everyone that is ended, after it was told to; the second (since Linux 5.0) before that, but no more
//! than ten times in five seconds. `Kill process 12 (name) score 9 or sacrifice child` (before 5.0) names one who may be spared.
//!
//! A process chooses its own name, so nothing is looked for behind the place where a name can begin.

use std::time::Duration;

const ENDED: &str = "Killed process ";
/// Where more is said, of which shortage.
const BEFORE_ENDED: [&str; 2] = ["Out of memory", "Memory cgroup out of memory"];
const CHOSEN: &str = "oom-kill:";
/// Programs write to the log as well, and cannot claim to be the kernel: that is facility 0, and levels have three bits.
const NOT_THE_KERNEL: u64 = 8;

/// A process that the kernel ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Killed {
    pub pid: i32,
    /// As it called itself, with everything unprintable escaped.
    pub name: String,
    /// When the record was made: since boot, without the time asleep.
    pub awake: Duration,
}

/// Who was ended, if that is what a record of `/dev/kmsg` is about.
pub fn killed_in(record: &str) -> Option<Killed> {
    let (head, text) = record.split_once(';')?;
    let text = text.lines().next()?; // what follows names devices
    let mut numbers = head.split(',').map(str::parse::<u64>);
    let (kind, _, at) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
    if kind >= NOT_THE_KERNEL {
        return None;
    }
    let (pid, name) = ended(text).or_else(|| chosen(text))?;
    Some(Killed {
        pid: pid.parse().ok().filter(|pid| *pid > 0)?,
        name: name.to_owned(),
        awake: Duration::from_micros(at),
    })
}

/// `Out of memory: Killed process 12 (name) total-vm:…`; before 5.0 without the words at the front.
fn ended(text: &str) -> Option<(&str, &str)> {
    let (why, rest) = text.split_once(ENDED)?;
    if !BEFORE_ENDED.iter().any(|words| why.starts_with(words)) && !why.is_empty() {
        return None;
    }
    let (pid, rest) = rest.split_once(" (")?;
    let name = rest.rsplit_once(") total-vm:").or_else(|| rest.rsplit_once("), UID "))?.0;
    Some((pid, name))
}

/// The name comes before the number, and may say anything; behind the number is another one, and nothing else.
fn chosen(text: &str) -> Option<(&str, &str)> {
    let (rest, _uid) = text.strip_prefix(CHOSEN)?.rsplit_once(",uid=")?;
    let (rest, pid) = rest.rsplit_once(",pid=")?;
    let name = rest.split_once(",task=").map_or("", |(_, name)| name);
    Some((pid, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(record: &str) -> Option<(i32, String)> {
        killed_in(record).map(|killed| (killed.pid, killed.name))
    }

    /// As kernels wrote them: 3.10, 4.15, 4.19, 5.4, 5.10, 6.1, 6.6 and 6.18.
    const WRITTEN: &str = include_str!("kernel_log.txt");

    #[test]
    fn every_kernels_words_are_understood() {
        let mut expected = Vec::new();
        let mut found = Vec::new();
        for line in WRITTEN.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (who, record) = line.split_once('\t').unwrap();
            expected.push((record, who.to_owned()));
            found.push((record, of(record).map_or("nobody".to_owned(), |(pid, name)| format!("{pid} {name}"))));
        }
        assert_eq!(found, expected);
        assert!(expected.len() > 20 && expected.iter().any(|(_, who)| who == "nobody"));
    }

    #[test]
    fn the_time_is_that_of_the_record() {
        let killed = killed_in("3,1,152702942,-;Killed process 7 (a) total-vm:1kB, anon-rss:1kB").unwrap();
        assert_eq!(killed.awake, Duration::from_micros(152_702_942));
        let further = "3,1,5,-,caller=T7;Out of memory: Killed process 7 (a) total-vm:1kB\n SUBSYSTEM=x\n DEVICE=+y\n";
        assert_eq!(of(further), Some((7, "a".into())));
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_is_written_is_too_strange(record: String, name in "[ -~]{0,15}") {
            let _ = killed_in(&record);
            // Whatever a process calls itself, it is its own number that is read.
            let head = "3,1,5,-;";
            let ended = format!("{head}Out of memory: Killed process 7 ({name}) total-vm:1kB, anon-rss:1kB");
            let chosen = format!("{head}oom-kill:constraint=CONSTRAINT_NONE,task_memcg=/,task={name},pid=7,uid=0");
            let spared = format!("{head}Out of memory: Kill process 8 ({name}) score 9 or sacrifice child");
            proptest::prop_assert_eq!(of(&ended).map(|(pid, _)| pid), Some(7));
            proptest::prop_assert_eq!(of(&chosen).map(|(pid, _)| pid), Some(7));
            proptest::prop_assert_eq!(of(&spared), None);
        }
    }
}
