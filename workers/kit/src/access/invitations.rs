//! How a device is let in: by a one-time code, or with a token that the command line prints.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::json;

use super::{
    Access, AccessError,
    devices::{self, NewDevice},
    secret::{Code, HASHED_BY, Token},
};
use crate::{
    clock,
    database::Change,
    outbox::Event,
    role::Role,
    rule::{Area, FIRST_RESIDENT, Level},
};

/// How long a one-time code is valid.
pub const CODE_VALID_FOR: SignedDuration = SignedDuration::from_mins(5);
/// Codes that are over are kept for so long, then forgotten.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// What a new device will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its role.
    pub role: Role,
    /// What it is called, unless it says so itself.
    pub name: Option<String>,
    /// Whose it is, or for whom.
    pub resident: i64,
    /// Whether it is a screen that anybody can touch; only the resident has such.
    pub is_kiosk: bool,
    /// What it is granted of that resident.
    pub grants: Vec<(Area, Level)>,
}

impl Invitation {
    /// As devices of this role usually are.
    #[must_use]
    pub fn of(role: Role) -> Self {
        Self { role, name: None, resident: FIRST_RESIDENT, is_kiosk: false, grants: role.first_grants().to_vec() }
    }

    /// # Errors
    /// If a role is to be granted or to be what it cannot.
    fn check(&self) -> Result<(), AccessError> {
        if self.is_kiosk && self.role != Role::Resident {
            return Err(AccessError::NoKiosk);
        }
        self.name.as_deref().map_or(Ok(()), devices::check_name)?;
        let beyond = self.grants.iter().find(|(area, level)| !self.role.reaches(*area, *level));
        beyond.map_or(Ok(()), |(area, level)| Err(AccessError::OutOfReach(self.role, *area, *level)))
    }
}

/// A device that was just let in. Its credential is shown this once.
#[derive(Clone, Debug)]
pub struct Paired {
    /// Its credential.
    pub token: Token,
    /// Its id.
    pub device: String,
    /// What it is called.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Whose it is, or for whom.
    pub resident: i64,
    /// Whether it is a screen that anybody can touch.
    pub is_kiosk: bool,
}

impl Access {
    /// Makes a one-time code, and says until when it is valid. `by` is the device that invites; `None` is the command line.
    ///
    /// # Errors
    /// If what is invited cannot be, or it cannot be kept.
    pub async fn invite(
        &self,
        invitation: Invitation,
        by: Option<String>,
        now: Timestamp,
    ) -> Result<(Code, Timestamp), AccessError> {
        invitation.check()?;
        let (code, expires) = (Code::random()?, now.saturating_add(CODE_VALID_FOR).unwrap_or(now));
        let hash = code.hash().0;
        let change = move |transaction: &Transaction<'_>| {
            let over = clock::iso(now.saturating_sub(KEPT_FOR).unwrap_or(now));
            transaction.execute("DELETE FROM codes WHERE expires_at < ?", [over])?;
            let sql =
                "INSERT INTO codes (code_hash, name, role, resident, grants, made_at, made_by, expires_at, is_kiosk, hashed_by)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
            let Invitation { role, name, resident, is_kiosk, grants } = &invitation;
            let written: Vec<_> = grants.iter().map(|(area, level)| (area.name(), level.name())).collect();
            let (made, expires) = (clock::iso(now), clock::iso(expires));
            let values = params![
                hash,
                name,
                role.name(),
                resident,
                json!(written).to_string(),
                made,
                by,
                expires,
                is_kiosk,
                HASHED_BY
            ];
            transaction.execute(sql, values)?;
            let event = json!({"role": role.name(), "name": name, "subject": resident, "grants": written, "kiosk": is_kiosk, "by": by});
            Ok::<_, AccessError>(Change::new((), Event::new("access.invited", event)))
        };
        self.0.database.write(change).await?;
        Ok((code, expires))
    }

    /// Lets in whoever has this code, once.
    ///
    /// # Errors
    /// [`AccessError::WrongCode`], or that it cannot be kept.
    pub async fn pair(&self, code: &Code, name: Option<String>, now: Timestamp) -> Result<Paired, AccessError> {
        name.as_deref().map_or(Ok(()), devices::check_name)?;
        let (hash, token) = (code.hash().0, Token::random()?);
        let change = move |transaction: &Transaction<'_>| {
            let (invitation, by) = redeemable(transaction, hash, now)?.ok_or(AccessError::WrongCode)?;
            let invitation = Invitation { name: name.or(invitation.name), ..invitation };
            let (paired, event) = devices::add(transaction, NewDevice { invitation, by, token, now })?;
            let sql = "UPDATE codes SET device = ? WHERE code_hash = ?";
            transaction.execute(sql, params![paired.device, hash])?;
            Ok::<_, AccessError>(Change::new(paired, event))
        };
        self.0.database.write(change).await
    }

    /// Lets a program in, without a code: for whoever may use the command line on the hub.
    ///
    /// # Errors
    /// If what is invited cannot be, or it cannot be kept.
    pub async fn add_program(&self, invitation: Invitation, now: Timestamp) -> Result<Paired, AccessError> {
        invitation.check()?;
        let token = Token::random()?;
        let change = move |transaction: &Transaction<'_>| {
            let (paired, event) = devices::add(transaction, NewDevice { invitation, by: None, token, now })?;
            Ok::<_, AccessError>(Change::new(paired, event))
        };
        self.0.database.write(change).await
    }
}

/// What a code gives, if it is valid and nobody has used it, and whoever made it is still let in.
fn redeemable(
    transaction: &Transaction<'_>,
    hash: [u8; 32],
    now: Timestamp,
) -> Result<Option<(Invitation, Option<String>)>, AccessError> {
    let sql = "SELECT role, name, resident, grants, made_by, is_kiosk FROM codes
        WHERE code_hash = ?1 AND hashed_by = ?3 AND device IS NULL AND made_at <= ?2 AND expires_at > ?2
        AND (made_by IS NULL OR made_by IN (SELECT id FROM devices WHERE revoked_at IS NULL))";
    let found = transaction.query_row(sql, params![hash, clock::iso(now), HASHED_BY], |row| {
        let (role, grants): (String, String) = (row.get(0)?, row.get(3)?);
        Ok((role, row.get(1)?, row.get(2)?, grants, row.get(4)?, row.get(5)?))
    });
    let Some((role, name, resident, grants, by, is_kiosk)) = found.optional()? else { return Ok(None) };
    let Some(role) = Role::named(&role) else { return Ok(None) };
    let written: Vec<(String, String)> = serde_json::from_str(&grants).unwrap_or_default();
    let grants = written.iter().filter_map(|(area, level)| Some((Area::named(area)?, Level::named(level)?))).collect();
    Ok(Some((Invitation { role, name, resident, is_kiosk, grants }, by)))
}
