//! Which user the hub is to run as.

use std::io::{BufRead, IsTerminal, Write};

use nix::unistd::{Uid, User, geteuid};

use crate::exit::Failure;
use crate::printer::Printer;

/// The user that was named, or is named now.
///
/// # Errors
/// If nobody is named, or there is no such user.
pub fn find(named: Option<&str>, printer: &Printer) -> Result<User, Failure> {
    let name = match named {
        Some(name) => name.to_owned(),
        None if std::io::stdin().is_terminal() && !printer.is_json() => ask(&likely()?)?,
        None => return Err(Failure::misuse("say which user everything is to run as: --user NAME")),
    };
    known(name.trim())
}

fn known(name: &str) -> Result<User, Failure> {
    if name.is_empty() {
        return Err(Failure::misuse("say which user everything is to run as: --user NAME"));
    }
    match User::from_name(name) {
        Ok(Some(user)) => Ok(user),
        Ok(None) => Err(Failure::failed(format!(
            "there is no user {name:?}. It is made by: sudo useradd --system --user-group --shell /usr/sbin/nologin {name}"
        ))),
        Err(why) => Err(Failure::failed(format!("the user {name:?} cannot be looked up: {why}"))),
    }
}

/// Whoever called sudo, else whoever we are.
fn likely() -> Result<String, Failure> {
    let sudo = std::env::var("SUDO_USER").ok().filter(|name| !name.is_empty());
    let us = || User::from_uid(Uid::from_raw(geteuid().as_raw())).ok().flatten().map(|user| user.name);
    sudo.or_else(us).ok_or_else(|| Failure::misuse("say which user everything is to run as: --user NAME"))
}

fn ask(likely: &str) -> Result<String, Failure> {
    let unheard = |why: std::io::Error| Failure::failed(format!("nothing can be asked here: {why}"));
    let mut error = std::io::stderr().lock();
    write!(error, "Which user is everything to run as? [{likely}] ").and_then(|()| error.flush()).map_err(unheard)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(unheard)?;
    Ok(match answer.trim() {
        "" => likely.to_owned(),
        name => name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn only_a_user_that_there_is_will_do() {
        assert_eq!(known("root").map(|user| user.name).map_err(|failure| failure.exit), Ok("root".into()));
        assert_eq!(known("nosuchuser").map(|_| ()).map_err(|failure| failure.exit), Err(Exit::Failed));
        assert_eq!(known("").map(|_| ()).map_err(|failure| failure.exit), Err(Exit::Misuse));
    }
}
