//! The PIN of the tablet on the wall: set, typed there, and locked again.

use std::sync::Arc;

use http::{Method, StatusCode, header::RETRY_AFTER};
use jiff::{SignedDuration, Timestamp};
use kit::{
    Area, Call, Problem, Routes, Rule,
    access::{
        kiosk::{Lock, Needs, UNLOCKED_FOR},
        pin::{LONGEST, Pin, PinChange, Unlocking},
    },
    clock,
    field::FieldError,
    reply,
    rule::Caller,
};
use serde_json::{Value, json};
use warp::reply::Response;

use super::super::{Hub, residents::asked_about, with};

const WRONG: &str = "This PIN is not right.";
const NO_KIOSK: &str = "This device is not the tablet on the wall: it needs no PIN.";
const TOO_LATE: &str = "No PIN is set, and this tablet was paired too long ago to set the first one. Another device of the \
    resident can, or betti-api pin on the hub.";

/// Each decides about a kiosk itself.
pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    routes
        .post("/api/v1/access/unlock", Rule::Known, with(hub, unlock))
        .everyday()
        .post("/api/v1/access/lock", Rule::Known, with(hub, lock))
        .everyday()
        .on(Method::PUT, "/api/v1/access/pin", Rule::Write(Area::Sharing), with(hub, set))
        .everyday()
}

/// Whether there is a PIN, and of a kiosk for how long it is unlocked, or may set the first one.
pub async fn show(hub: &Hub, caller: &Caller, shown: &mut Value) -> Result<(), Problem> {
    let now = Timestamp::now();
    let has_pin = hub.access.has_pin(caller.resident).await?;
    shown["pin"] = json!(if has_pin { "set" } else { "unset" });
    match hub.access.kiosk(caller, now).await? {
        Some(Lock::Unlocked { until }) => {
            shown["unlocked_until"] = json!(clock::iso(until));
            shown["unlocked_for_seconds"] = json!(whole_seconds(until.duration_since(now)));
        }
        Some(Lock::Locked | Lock::NoPin) => shown["unlocked_until"] = Value::Null,
        None => {}
    }
    if caller.is_kiosk && !has_pin {
        let left = hub.access.first_pin_within(caller, now).await?;
        shown["first_pin_within_seconds"] = left.map(whole_seconds).into();
    }
    Ok(())
}

async fn unlock(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let kiosk = kiosk(&call)?;
    let typed = typed(&call.json::<Value>()?, "pin")?.ok_or(FieldError::Missing("pin"))?;
    match hub.access.unlock(kiosk, &typed, Timestamp::now()).await? {
        Unlocking::Unlocked(until) => {
            let shown = json!({"unlocked_until": clock::iso(until), "unlocked_for_seconds": UNLOCKED_FOR.as_secs()});
            Ok(reply::data(StatusCode::OK, &shown))
        }
        Unlocking::NoPin => Err(Needs::PinToBeSet.into()),
        Unlocking::Wrong => Err(wrong()),
        Unlocking::LockedOut(left) => Err(locked_out(left)),
    }
}

async fn lock(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    hub.access.lock(kiosk(&call)?.device.clone()).await?;
    Ok(reply::message(StatusCode::OK, "Locked."))
}

async fn set(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (resident, body) = (asked_about(&call)?, call.json::<Value>()?);
    let caller = call.identity.caller().ok_or_else(|| Problem::internal("whoever speaks for somebody is known"))?;
    let (new, present) = (typed(&body, "pin")?.ok_or(FieldError::Missing("pin"))?, typed(&body, "present")?);
    let new = Pin::new(&new).map_err(kit::access::AccessError::from)?;
    match hub.access.set_pin(resident, &new, Some((caller, present)), Timestamp::now()).await? {
        PinChange::Set => Ok(reply::message(StatusCode::OK, "The PIN is set.")),
        PinChange::NeedsPresent => Err(Problem::bad_request("present is missing: the PIN as it is now")),
        PinChange::TooLate => Err(Problem::new(StatusCode::FORBIDDEN, TOO_LATE).with_field("pin", "unset")),
        PinChange::Wrong => Err(wrong()),
        PinChange::LockedOut(left) => Err(locked_out(left)),
    }
}

fn kiosk(call: &Call) -> Result<&Caller, Problem> {
    let caller = call.identity.caller().filter(|caller| caller.is_kiosk);
    let caller = caller.ok_or_else(|| Problem::new(StatusCode::CONFLICT, NO_KIOSK))?;
    call.about(caller.resident)?;
    Ok(caller)
}

/// Digits as text; what is longer than any PIN is not looked at.
fn typed(body: &Value, name: &'static str) -> Result<Option<String>, Problem> {
    match &body[name] {
        Value::Null => Ok(None),
        Value::String(text) if text.len() <= LONGEST => Ok(Some(text.clone())),
        Value::String(_) => Err(Problem::bad_request(format!("{name} has more than {LONGEST} digits"))),
        _ => Err(Problem::bad_request(format!("{name} must be text, such as \"2580\": a number loses its zeros"))),
    }
}

/// 403 and not 401: it is known who this is.
fn wrong() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, WRONG).with_field("needs", "pin").with_field("pin", "set")
}

fn locked_out(left: SignedDuration) -> Problem {
    let seconds = whole_seconds(left);
    let text = format!(
        "Too many wrong PINs. None is looked at for {} min.",
        seconds.div_euclid(60) + i64::from(seconds % 60 > 0)
    );
    Problem::new(StatusCode::TOO_MANY_REQUESTS, text).with_header(RETRY_AFTER, seconds.into())
}

/// Rounded up, and at least one.
fn whole_seconds(left: SignedDuration) -> i64 {
    (left.as_secs() + i64::from(left.subsec_nanos() > 0)).max(1)
}
