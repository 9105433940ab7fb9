//! Records what a program and everybody whom it starts do to a folder, with `strace`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Operation;

/// Those that exist everywhere, and after a `?` those that do not.
const CALLS: &str = "trace=openat,?open,?creat,write,pwrite64,writev,splice,?rename,renameat,renameat2,fsync,fdatasync,\
                     ftruncate,?unlink,unlinkat,?link,linkat";
/// No single call writes more.
const LONGEST_TEXT: &str = "1048576";

/// Whether this machine has `strace`, and lets it look.
#[must_use]
pub fn is_there() -> bool {
    let tried = Command::new("strace").args(["-f", "-e", "trace=none", "-o", "/dev/null", "true"]).output();
    let there = tried.is_ok_and(|output| output.status.success());
    if !there {
        eprintln!(
            "strace is not there or may not look (Debian's package strace has it): what was recorded is replayed"
        );
    }
    there
}

/// The same command, recorded to `trace`.
#[must_use]
pub fn recorded(command: &Command, trace: &Path) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-xx", "-qq", "-e", "signal=none", "-s", LONGEST_TEXT, "-e", CALLS, "-o"]);
    strace.arg(trace).arg(command.get_program()).args(command.get_args());
    strace.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        strace.current_dir(folder);
    }
    strace
}

/// What of a recording was done to regular files below a folder, but for those that are left out.
///
/// # Panics
/// If it says something that is not understood.
#[must_use]
pub fn operations(trace: &str, folder: &Path, leave_out: impl Fn(&Path) -> bool) -> Vec<Operation> {
    let inside = |path: PathBuf| {
        let path = path.strip_prefix(folder).ok()?.to_path_buf();
        (!leave_out(&path)).then_some(path)
    };
    whole_calls(trace).iter().filter_map(|call| operation(call, inside)).collect()
}

/// Calls that others interrupted are put together where they ended.
fn whole_calls(trace: &str) -> Vec<String> {
    let mut begun = BTreeMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let Some((pid, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(start) = rest.strip_suffix(" <unfinished ...>") {
            begun.insert(pid, start.to_owned());
        } else if let Some((_, end)) = rest.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
            calls.push(begun.remove(pid).unwrap_or_default() + end);
        } else {
            calls.push(rest.to_owned());
        }
    }
    calls
}

fn operation(call: &str, inside: impl Fn(PathBuf) -> Option<PathBuf>) -> Option<Operation> {
    let (call, result) = call.rsplit_once(" = ")?;
    let (name, arguments) = call.trim_end().strip_suffix(')')?.split_once('(')?;
    let value: i64 = result.split(['<', ' ']).next()?.parse().ok().filter(|value| *value >= 0)?;
    let arguments = split(arguments);
    let argument = |at: usize| arguments.get(at).copied().unwrap_or_default();
    let opened = |at: usize| inside(described(argument(at))?);
    let named = |at: usize| inside(plain(argument(at))?);
    let below = |at: usize| inside(described(argument(at))?.join(plain(argument(at + 1))?));
    let length = usize::try_from(value).ok()?;
    match name {
        "openat" | "open" | "creat" => {
            let flags = argument(if name == "openat" { 2 } else { 1 });
            let writes = name == "creat" || flags.contains("O_WRONLY") || flags.contains("O_RDWR");
            let path = inside(described(result)?).filter(|_| writes)?;
            Some(Operation::Open { path, truncate: name == "creat" || flags.contains("O_TRUNC") })
        }
        "write" | "pwrite64" | "writev" => {
            let path = opened(0)?;
            let at = (name == "pwrite64").then(|| argument(3).parse().ok()).flatten();
            let bytes: Vec<u8> = quoted(argument(1)).into_iter().flatten().take(length).collect();
            Some(Operation::Write { path, at, bytes })
        }
        "splice" => Some(Operation::Move { path: opened(2)?, length }),
        "ftruncate" => Some(Operation::Resize { path: opened(0)?, length: argument(1).parse().ok()? }),
        "fsync" | "fdatasync" => Some(Operation::Sync { path: opened(0)? }),
        "rename" => Some(Operation::Rename { from: named(0)?, to: named(1)? }),
        "renameat" | "renameat2" => Some(Operation::Rename { from: below(0)?, to: below(2)? }),
        "link" => Some(Operation::Link { from: named(0)?, to: named(1)? }),
        "linkat" => Some(Operation::Link { from: below(0)?, to: below(2)? }),
        "unlink" => Some(Operation::Unlink { path: named(0)? }),
        "unlinkat" => Some(Operation::Unlink { path: below(0)? }),
        _ => panic!("{name} is not understood"),
    }
}

/// Everything that could be mistaken is escaped, so a comma between brackets is the only one that does not separate.
fn split(arguments: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_u32, 0, Vec::new());
    for (at, character) in arguments.char_indices() {
        match character {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(arguments[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(arguments[start..].trim());
    parts
}

/// What a descriptor leads to: `3<\x2f\x61>`.
fn described(descriptor: &str) -> Option<PathBuf> {
    let (_, path) = descriptor.split_once('<')?;
    Some(path_of(path.split_once('>')?.0))
}

fn plain(argument: &str) -> Option<PathBuf> {
    let bytes = quoted(argument).into_iter().next()?;
    Some(PathBuf::from(String::from_utf8(bytes).ok()?))
}

fn path_of(escaped: &str) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(OsStr::from_bytes(&unescaped(escaped)))
}

/// Every text between quotation marks.
fn quoted(argument: &str) -> Vec<Vec<u8>> {
    argument.split('"').skip(1).step_by(2).map(unescaped).collect()
}

fn unescaped(text: &str) -> Vec<u8> {
    text.split("\\x").skip(1).filter_map(|digits| u8::from_str_radix(digits.get(..2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> String {
        text.bytes().map(|byte| format!("\\x{byte:02x}")).collect()
    }

    #[test]
    fn calls_are_understood_also_if_others_come_between_their_beginning_and_their_end() {
        let (folder, file, other) = (hex("/f"), hex("/f/a b, c"), hex("/f/x"));
        let cwd = hex("/");
        let trace = format!(
            "7  openat(AT_FDCWD<{cwd}>, \"{file}\", O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600) = 3<{file}>\n\
             7  write(3<{file}>, \"{}\", 3 <unfinished ...>\n\
             8  openat(AT_FDCWD<{cwd}>, \"{other}\", O_RDONLY) = 4<{other}>\n\
             7  <... write resumed>)      = 3\n\
             8  splice(5<{}>, NULL, 4<{other}>, NULL, 65536, SPLICE_F_NONBLOCK) = 12\n\
             8  splice(5<{}>, NULL, 4<{other}>, NULL, 65536, SPLICE_F_NONBLOCK) = -1 EAGAIN (Resource unavailable)\n\
             7  writev(3<{file}>, [{{iov_base=\"{}\", iov_len=1}}, {{iov_base=\"{}\", iov_len=2}}], 2) = 2\n\
             7  fsync(3<{file}>) = 0\n\
             7  rename(\"{file}\", \"{other}\") = 0\n\
             7  fsync(9<{folder}>) = 0\n\
             7  renameat2(AT_FDCWD<{folder}>, \"{}\", AT_FDCWD<{folder}>, \"{}\", RENAME_NOREPLACE) = 0\n\
             7  write(1<{}>, \"{}\", 1) = 1\n\
             7  +++ exited with 0 +++\n",
            hex("one"),
            hex("pipe:[1]"),
            hex("pipe:[1]"),
            hex("a"),
            hex("bc"),
            hex("p"),
            hex("q"),
            hex("/elsewhere"),
            hex("x"),
        );
        let (ab, x) = (PathBuf::from("a b, c"), PathBuf::from("x"));
        let expected = [
            Operation::Open { path: ab.clone(), truncate: false },
            Operation::Write { path: ab.clone(), at: None, bytes: "one".into() },
            Operation::Move { path: x.clone(), length: 12 },
            Operation::Write { path: ab.clone(), at: None, bytes: "ab".into() },
            Operation::Sync { path: ab.clone() },
            Operation::Rename { from: ab, to: x },
            Operation::Sync { path: PathBuf::new() },
            Operation::Rename { from: "p".into(), to: "q".into() },
        ];
        assert_eq!(operations(&trace, Path::new("/f"), |_| false), expected);
    }
}
