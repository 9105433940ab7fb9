//! Why an address cannot be had, and what can be done about it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use manifest::Address;
use nix::errno::Errno;

use super::owner::{Owner, Program, user_name};

/// Below this port only the privileged may bind, unless the kernel says otherwise.
const FIRST_FREE_PORT: u16 = 1024;
const UNPRIVILEGED_PORT_START: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
const LOCAL_PORT_RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// One sentence: the address, what is wrong, what to do.
pub fn why(address: &Address, errno: Errno, owner: Option<&Owner>) -> String {
    let told = match (errno, address) {
        (Errno::EADDRINUSE, _) => Some(taken(address, owner)),
        (Errno::EACCES, Address::Tcp(place) | Address::Udp(place)) => Some(low_port(place.port())),
        (Errno::EADDRNOTAVAIL, Address::Tcp(place) | Address::Udp(place)) => Some(not_of_this_machine(*place)),
        (Errno::EAFNOSUPPORT, _) => Some("this machine has no IPv6; write an IPv4 address, 0.0.0.0 for all".to_owned()),
        (Errno::EINVAL, Address::Tcp(SocketAddr::V6(place)) | Address::Udp(SocketAddr::V6(place)))
            if place.ip().is_unicast_link_local() =>
        {
            Some(format!(
                "a link-local address needs its interface's number, as in [{}%2]:{}",
                place.ip(),
                place.port()
            ))
        }
        (Errno::EINVAL, Address::Udp(_) | Address::Unix(_)) => {
            Some("the keeper that runs is too old for such an address; betti-ctl kill, then betti-ctl start".to_owned())
        }
        (_, Address::Unix(path)) => no_file(path, errno),
        _ => None,
    };
    let told = told.map(|told| format!(": {told}")).unwrap_or_default();
    format!("cannot listen on {address}: {}{told}", errno.desc().to_lowercase())
}

fn taken(address: &Address, owner: Option<&Owner>) -> String {
    let choose = if address.port().is_some() { "choose another port" } else { "choose another path" };
    match owner {
        Some(Owner::App { name, process: None }) => {
            format!("it is held for the app {name}; betti-ctl stop {name}, or {choose}")
        }
        Some(Owner::App { name, process: Some(program) }) => {
            format!("the app {name} has it ({}); betti-ctl stop {name}, or {choose}", shown(program))
        }
        Some(Owner::Process(program)) => format!("{} has it; stop that, or {choose}", told(program)),
        Some(Owner::Connection(program)) => {
            let range = fs::read_to_string(LOCAL_PORT_RANGE).unwrap_or_default();
            let range: Vec<&str> = range.split_whitespace().collect();
            let ports = format!("ports from {} are given to outgoing connections", range.join(" to "));
            format!("{} has a connection from there; {ports}, so choose another one", told(program))
        }
        Some(Owner::Unseen { user }) => {
            format!("a process of user {user} has it, and we may not see which; {}, or {choose}", look(address))
        }
        None => format!("somebody has it; {}, or {choose}", look(address)),
    }
}

fn told(program: &Program) -> String {
    format!("{} (pid {}, user {})", program.name, program.pid, program.user)
}

fn shown(program: &Program) -> String {
    format!("{}, pid {}", program.name, program.pid)
}

/// How root finds out.
fn look(address: &Address) -> String {
    match address {
        Address::Tcp(place) => format!("sudo ss -ltnp 'sport = :{}' shows it", place.port()),
        Address::Udp(place) => format!("sudo ss -lunp 'sport = :{}' shows it", place.port()),
        Address::Unix(path) => format!("sudo ss -lxp src '{}' shows it", path.display()),
    }
}

fn low_port(port: u16) -> String {
    let first = fs::read_to_string(UNPRIVILEGED_PORT_START).ok().and_then(|text| text.trim().parse().ok());
    let first = first.unwrap_or(FIRST_FREE_PORT);
    if port >= first {
        return "something on this machine forbids it to us".to_owned();
    }
    let program =
        std::env::current_exe().map_or_else(|_| "betti-supervisor".to_owned(), |exe| exe.display().to_string());
    format!(
        "ports below {first} are root's; sudo setcap cap_net_bind_service=+ep {program} (and start it anew), or sudo sysctl \
         net.ipv4.ip_unprivileged_port_start={port}, or choose a port above {}",
        first - 1
    )
}

fn not_of_this_machine(place: SocketAddr) -> String {
    let all = if place.is_ipv4() { "0.0.0.0" } else { "[::]" };
    format!("{} is no address of this machine (ip address lists them); {all} is all of them", place.ip())
}

fn no_file(path: &Path, errno: Errno) -> Option<String> {
    let folder = path.parent().unwrap_or(Path::new("/")).display();
    let us = user_name(nix::unistd::geteuid().as_raw());
    Some(match errno {
        Errno::ENOENT => format!("the folder {folder} does not exist; mkdir -p {folder}"),
        Errno::ENOTDIR => format!("{folder} is no folder; choose another path"),
        Errno::EEXIST => "there is a file that is no socket; remove it, or choose another path".to_owned(),
        Errno::EACCES | Errno::EPERM if path.symlink_metadata().is_ok() => {
            format!("there is a socket that user {us} may not use; remove it if nobody serves it")
        }
        Errno::EACCES | Errno::EPERM => {
            format!("user {us} may not make a file in {folder}; chown {us} {folder}, or choose another folder")
        }
        Errno::EROFS => format!("{folder} is read-only; choose another folder"),
        Errno::ENAMETOOLONG => "the path is too long for a socket; choose a shorter one".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        let file = format!("[[apps]]\nscript = \"a\"\nlisten = \"{text}\"");
        manifest::parse(Path::new("/hub/ecosystem.toml"), &file, None).unwrap().apps.remove(0).listen.remove(0)
    }

    #[test]
    fn who_has_an_address_is_named_with_what_can_be_done() {
        let program = || Program { name: "nginx".into(), pid: 812, user: "www-data".into() };
        for (text, owner, expected) in [
            (
                "127.0.0.1:80",
                Some(Owner::Process(program())),
                "cannot listen on 127.0.0.1:80: address already in use: nginx (pid 812, user www-data) has it; stop that, or choose another port",
            ),
            (
                "udp:0.0.0.0:53",
                Some(Owner::App { name: "dns".into(), process: Some(program()) }),
                "cannot listen on udp:0.0.0.0:53: address already in use: the app dns has it (nginx, pid 812); betti-ctl stop dns, or choose another port",
            ),
            (
                "unix:/run/x.sock",
                Some(Owner::App { name: "web".into(), process: None }),
                "cannot listen on unix:/run/x.sock: address already in use: it is held for the app web; betti-ctl stop web, or choose another path",
            ),
            (
                "[::1]:80",
                Some(Owner::Unseen { user: "root".into() }),
                "cannot listen on [::1]:80: address already in use: a process of user root has it, and we may not see which; \
                 sudo ss -ltnp 'sport = :80' shows it, or choose another port",
            ),
            (
                "unix:/run/x.sock",
                None,
                "cannot listen on unix:/run/x.sock: address already in use: somebody has it; sudo ss -lxp src '/run/x.sock' shows it, or choose another path",
            ),
        ] {
            assert_eq!(why(&address(text), Errno::EADDRINUSE, owner.as_ref()), expected);
        }
        let connection = why(&address("127.0.0.1:40000"), Errno::EADDRINUSE, Some(&Owner::Connection(program())));
        assert!(
            connection.contains("nginx (pid 812, user www-data) has a connection from there; ports from "),
            "{connection}"
        );
    }

    #[test]
    fn every_other_reason_says_what_to_do() {
        for (text, errno, expected) in [
            (
                "10.1.2.3:80",
                Errno::EADDRNOTAVAIL,
                "10.1.2.3 is no address of this machine (ip address lists them); 0.0.0.0 is all",
            ),
            (
                "[fd00::1]:80",
                Errno::EADDRNOTAVAIL,
                "fd00::1 is no address of this machine (ip address lists them); [::] is all",
            ),
            ("[::1]:80", Errno::EAFNOSUPPORT, "no IPv6; write an IPv4 address"),
            ("[fe80::1]:80", Errno::EINVAL, "as in [fe80::1%2]:80"),
            ("udp:127.0.0.1:80", Errno::EINVAL, "betti-ctl kill, then betti-ctl start"),
            ("127.0.0.1:80", Errno::ENFILE, "file table overflow"),
            ("unix:/no/x.sock", Errno::ENOENT, "the folder /no does not exist; mkdir -p /no"),
            ("unix:x/x.sock", Errno::ENOENT, "the folder /hub/x does not exist; mkdir -p /hub/x"),
            ("unix:/etc/passwd/x", Errno::ENOTDIR, "/etc/passwd is no folder"),
            ("unix:/etc/passwd", Errno::EEXIST, "there is a file that is no socket; remove it"),
            ("unix:/etc/passwd", Errno::EACCES, "remove it if nobody serves it"),
            ("unix:/no/x.sock", Errno::EACCES, "may not make a file in /no; chown "),
            ("unix:/no/x.sock", Errno::EROFS, "/no is read-only"),
            ("unix:/no/x.sock", Errno::ENOSPC, "no space left on device"),
        ] {
            let words = why(&address(text), errno, None);
            assert!(
                words.starts_with(&format!("cannot listen on {}: ", address(text))) && words.contains(expected),
                "{words}"
            );
        }
        let first = fs::read_to_string(UNPRIVILEGED_PORT_START).unwrap().trim().parse::<u16>().unwrap();
        if first > 1 {
            let words = why(&address("0.0.0.0:1"), Errno::EACCES, None);
            assert!(
                words.contains("sudo setcap cap_net_bind_service=+ep /") && words.contains("port_start=1, or"),
                "{words}"
            );
        }
        let words = why(&address("0.0.0.0:65535"), Errno::EACCES, None);
        assert!(words.contains("permission denied: something on this machine forbids it"), "{words}");
    }
}
