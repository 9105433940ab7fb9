//! What is copied, where to, when, and how much is kept: by environment, as `ecosystem.toml` gives it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use jiff::{civil::Time, tz::TimeZone};
use kit::{Home, home::NotAZone};

use crate::{
    contents::ECOSYSTEM,
    make::Order,
    rotation::{Budget, NoBudget},
};

/// Where copies go; relative to the folder of `ecosystem.toml`.
const TO: &str = "BETTI_BACKUP_TO";
const DEFAULT_TO: &str = "backups";
/// At which time of the home's day: `03:10`.
const AT: &str = "BETTI_BACKUP_AT";
/// Not on the hour, when everything else happens.
const DEFAULT_AT: Time = Time::constant(3, 10, 0, 0);
/// Which copies are kept: `3 last, 7 daily, 4 weekly, 12 monthly`.
const KEEP: &str = "BETTI_BACKUP_KEEP";
/// Where data are when nothing is said, beside `ecosystem.toml`.
const DEFAULT_DATA: &str = "data";

/// All of it.
#[derive(Clone, Debug)]
pub struct Settings {
    pub data: PathBuf,
    pub config: PathBuf,
    pub to: PathBuf,
    pub at: Time,
    pub budget: Budget,
    pub zone: TimeZone,
}

/// Why a setting means nothing.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("{AT}={0:?} is no time of day: write it like 03:10")]
    At(String),
    #[error("{KEEP}: {0}")]
    Keep(#[from] NoBudget),
    #[error(transparent)]
    Zone(#[from] NotAZone),
    #[error("the current folder: {0}")]
    Here(#[from] std::io::Error),
}

impl Settings {
    /// By these variables; the file is the one that is named, or the one in this folder.
    pub fn read(config: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, SettingsError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).map(|value| value.to_string_lossy().into_owned());
        let config = std::path::absolute(config.unwrap_or(Path::new(ECOSYSTEM)))?;
        let home = config.parent().unwrap_or(Path::new("/")).to_owned();
        let below_home = |name: &str, default: &str| home.join(set(name).unwrap_or_else(|| default.into()));
        let at = |text: String| text.parse().map_err(|_| SettingsError::At(text));
        Ok(Self {
            data: below_home(protocol::worker::DATA_DIR, DEFAULT_DATA),
            to: below_home(TO, DEFAULT_TO),
            at: text(AT).map_or(Ok(DEFAULT_AT), at)?,
            budget: text(KEEP).map_or(Ok(Budget::default()), |text| text.parse())?,
            zone: Home::from_environment()?.zone().clone(),
            config,
        })
    }

    /// A copy where nightly ones go.
    pub fn nightly(&self) -> Order<'_> {
        self.copy_to(&self.to, true)
    }

    /// A copy to another place.
    pub fn copy_to<'a>(&'a self, to: &'a Path, nightly: bool) -> Order<'a> {
        let Self { data, config, zone, budget, .. } = self;
        Order { data, config, to, nightly, zone, budget: *budget }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let variable = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        Settings::read(Some(Path::new("/srv/home/ecosystem.toml")), variable)
    }

    #[test]
    fn what_is_not_said_has_a_default_beside_the_file() {
        let settings = read(&[]).unwrap();
        assert_eq!((settings.data, settings.to), ("/srv/home/data".into(), "/srv/home/backups".into()));
        assert_eq!((settings.at, settings.budget), (DEFAULT_AT, Budget::default()));
        let settings =
            read(&[("BETTI_DATA_DIR", "/var/lib/betti"), (TO, "/media/usb"), (AT, "23:30"), (KEEP, "3 daily")]);
        let settings = settings.unwrap();
        assert_eq!((settings.data, settings.to), ("/var/lib/betti".into(), "/media/usb".into()));
        assert_eq!((settings.at.hour(), settings.budget.daily, settings.budget.monthly), (23, 3, 0));
        assert!(read(&[(AT, "noon")]).is_err() && read(&[(KEEP, "some")]).is_err());
    }
}
