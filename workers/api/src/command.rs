//! The command line: lets in devices and programs, and does what residents may ask for, also while the hub runs.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use kit::{
    Access, Area,
    access::{CODE_VALID_FOR, Device, Invitation, secret::Code},
    audit::Operator,
    role::Role,
    rule::Level,
};
use qrcode::{QrCode, render::unicode::Dense1x2};

mod pin;

use crate::{
    address::{Address, GATEWAY_PORT, ONLY_HERE},
    audit, rights,
};

const NONE_PAIRED: &str = "No device is paired yet, so nobody sees anything: betti-api pair --role resident shows how";

/// Vitals, devices and the live stream
#[derive(Parser)]
#[command(name = "betti-api", version)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Show how to pair a phone, tablet or browser: an address, a QR code and a one-time code
    Pair {
        #[command(flatten)]
        who: Who,
        /// Where the device reaches the hub [default: $BETTI_PUBLIC_URL, else this machine's address]
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// The gateway's port there
        #[arg(long, value_name = "PORT", default_value_t = GATEWAY_PORT)]
        port: u16,
        /// Only while nobody is paired who could let others in; says so in one line where nobody looks
        #[arg(long)]
        if_first: bool,
    },
    /// Print one token for a program, and nothing else
    Token {
        #[command(flatten)]
        who: Who,
    },
    /// Set the PIN of a resident, for the tablet on the wall: asked for on the terminal, or the first line of what is piped in
    Pin(pin::Asked),
    /// Show who looked at or changed what, or check that nobody changed that
    Audit(audit::Asked),
    #[command(flatten)]
    Rights(rights::Asked),
}

#[derive(Args)]
pub struct Who {
    /// What it may do
    #[arg(long, value_enum)]
    role: RoleName,
    /// What to call it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Whose it is, or for whom: a resident's number
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    resident: i64,
    /// A carer who speaks for the resident: gives and withdraws what others may see
    #[arg(long)]
    proxy: bool,
    /// The tablet on the wall, which anybody can touch: what changes treatment needs the PIN there
    #[arg(long)]
    kiosk: bool,
    /// Where the hub keeps its data [default: $BETTI_DATA_DIR, else data]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    Resident,
    Carer,
    Clinician,
    Device,
    Service,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Resident => Self::Resident,
            RoleName::Carer => Self::Carer,
            RoleName::Clinician => Self::Clinician,
            RoleName::Device => Self::Device,
            RoleName::Service => Self::Service,
        }
    }
}

impl Command {
    pub fn run(self) -> ExitCode {
        let done = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("no runtime")
            .and_then(|runtime| runtime.block_on(self.carry_out()));
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("betti-api: {error:#}");
                ExitCode::FAILURE
            }
        }
    }

    async fn carry_out(self) -> anyhow::Result<()> {
        match self {
            Self::Rights(asked) => {
                let words = tokio::task::spawn_blocking(|| rights::answer(asked)).await??;
                // A reader that went away is no reason to fail: it is done.
                let _ = writeln!(io::stdout(), "{words}");
                Ok(())
            }
            Self::Pin(asked) => asked.answer().await,
            Self::Audit(asked) => asked.answer(io::stdout()).await,
            Self::Token { who } => {
                let (access, folder, invitation) = who.open()?;
                let (operator, resident) = (Operator::open(&folder)?, invitation.resident);
                let paired = access.add_program(invitation, Timestamp::now()).await?;
                operator.changed("betti-api token", resident);
                writeln!(io::stdout(), "{}", paired.token.reveal()).context("the token could not be printed")
            }
            Self::Pair { who, url, port, if_first } => {
                let (access, folder, invitation) = who.open()?;
                if if_first && access.devices().await?.iter().any(lets_others_in) {
                    return Ok(());
                }
                if if_first && !io::stdout().is_terminal() {
                    // A code would stay in a log.
                    return writeln!(io::stdout(), "{NONE_PAIRED}").context("it could not be printed");
                }
                let said = url.map(|url| Address { url, is_only_here: false });
                let Address { url, is_only_here } = said.unwrap_or_else(|| Address::of_this_hub(port));
                // Not before: each start of the hub asks whether anybody is paired.
                let (operator, resident) = (Operator::open(&folder)?, invitation.resident);
                let (code, _) = access.invite(invitation, None, Timestamp::now()).await?;
                operator.changed("betti-api pair", resident);
                let text = how_to_pair(url.trim_end_matches('/'), &code, io::stdout().is_terminal())?;
                let note = if is_only_here { format!("\n{ONLY_HERE}\n") } else { String::new() };
                write!(io::stdout(), "{text}{note}").context("the code could not be printed")
            }
        }
    }
}

impl Who {
    fn open(self) -> anyhow::Result<(Access, PathBuf, Invitation)> {
        let role = Role::from(self.role);
        let (name, resident, is_kiosk) = (self.name, self.resident, self.kiosk);
        anyhow::ensure!(
            !is_kiosk || role == Role::Resident,
            "--kiosk is for --role resident: the tablet on the wall is theirs"
        );
        let mut invitation = Invitation { name, resident, is_kiosk, ..Invitation::of(role) };
        if self.proxy {
            anyhow::ensure!(role == Role::Carer, "--proxy is for --role carer: a resident speaks for themselves");
            invitation.grants.retain(|(area, _)| *area != Area::Sharing);
            invitation.grants.push((Area::Sharing, Level::Write));
        }
        let folder = match self.data {
            None => kit::data_dir().context("no folder for data")?,
            Some(folder) => folder,
        };
        Ok((Access::open(&folder)?, folder, invitation))
    }
}

/// Whether it is a device of a person who can invite others.
fn lets_others_in(device: &Device) -> bool {
    let role = [Role::Resident, Role::Carer].into_iter().any(|role| role.name() == device.role);
    role && device.revoked_at.is_none()
}

fn how_to_pair(url: &str, code: &Code, is_terminal: bool) -> anyhow::Result<String> {
    // The code stands behind the #, so that it is in no server's log.
    let link = format!("{url}/pair#{}", code.reveal());
    let picture = QrCode::new(&link).context("the address is too long for a QR code")?;
    // Drawn light on dark, which is what most terminals are.
    let picture = picture.render::<Dense1x2>().dark_color(Dense1x2::Dark).light_color(Dense1x2::Light).build();
    let picture = match is_terminal {
        // Whatever the terminal's colours are.
        true => picture.lines().map(|line| format!("\x1b[97;40m{line}\x1b[0m\n")).collect(),
        false => format!("{picture}\n"),
    };
    let minutes = CODE_VALID_FOR.as_secs() / 60;
    Ok(format!(
        "Open this on the device, or scan the picture:\n\n  {link}\n\n{picture}\nOr open {url}/pair and type this code:\n\n  \
         {}\n\nIt is valid once, for {minutes} minutes.\n",
        code.reveal()
    ))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
        let asked = |line: &str| Arguments::try_parse_from(line.split(' ')).map(|arguments| arguments.command);
        assert!(matches!(asked("betti-api"), Ok(None)));
        for line in [
            "export --resident 2 --to x.zip",
            "erase --resident 2 --confirm 2",
            "token --role service",
            "audit --since 2031-01-31",
            "audit --check",
            "pair --role resident --kiosk",
            "pin --resident 2",
        ] {
            assert!(matches!(asked(&format!("betti-api {line}")), Ok(Some(_))), "{line}");
        }
        for misuse in [
            "erase",
            "erase --resident anna",
            "export --resident 1",
            "token",
            "pair --role king",
            "pin --resident 2 2580",
            "audit --since never",
            "audit --check --resident 1",
        ] {
            let error = asked(&format!("betti-api {misuse}")).err().expect(misuse);
            assert_eq!(error.exit_code(), 2, "{misuse}");
        }
    }

    #[test]
    fn a_pipe_gets_no_escapes_and_a_terminal_its_colours() {
        let code = Code::read("K7QP-3M9X").unwrap();
        let piped = how_to_pair("http://192.168.1.5:5173", &code, false).unwrap();
        assert!(
            piped.contains("http://192.168.1.5:5173/pair#K7QP-3M9X\n") && piped.contains("  K7QP-3M9X\n"),
            "{piped}"
        );
        assert!(piped.contains('█') && !piped.contains('\x1b'), "{piped}");
        assert!(how_to_pair("http://hub", &code, true).unwrap().contains("\x1b[97;40m"));
    }
}
