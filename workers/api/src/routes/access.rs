//! Who may call this hub: pairing, invitations, devices, and what each was granted.

use std::sync::Arc;

use http::{Method, StatusCode, header::SET_COOKIE};
use jiff::Timestamp;
use kit::{
    Area, Call, Identity, Problem, Routes, Rule,
    access::{CODE_VALID_FOR, Device, Invitation, Paired, credential, secret::Code},
    clock, field,
    field::FieldError,
    origin, reply,
    role::Role,
    rule::{Deed, Grant, Level},
};
use serde_json::{Value, json};
use warp::reply::Response;

use super::{Hub, residents::asked_about, with};
use crate::address::{Address, ONLY_HERE};

mod pin;

pub(super) const NOT_YOURS: &str = "Only the resident, who speaks for them, or who let this device in may do that.";

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let (see, share) = (Rule::Read(Area::Sharing), Rule::Write(Area::Sharing));
    pin::add(routes, hub)
        .post("/api/v1/access/pair", Rule::Public, with(hub, pair))
        .post("/api/v1/access/invitations", Rule::Household, with(hub, invite))
        .get("/api/v1/access/me", Rule::Known, with(hub, me))
        .on(Method::DELETE, "/api/v1/access/me", Rule::Known, with(hub, leave))
        .get("/api/v1/access/devices", Rule::Household, with(hub, devices))
        .on(Method::DELETE, "/api/v1/access/devices", share, with(hub, revoke_others))
        .on(Method::DELETE, "/api/v1/access/devices/{device}", Rule::Household, with(hub, revoke))
        .get("/api/v1/access/report", see, with(hub, report))
        .on(Method::PUT, "/api/v1/access/grants/{device}/{area}", share, with(hub, give))
        .on(Method::DELETE, "/api/v1/access/grants/{device}/{area}", share, with(hub, withdraw))
}

async fn pair(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    // Nobody is known yet, so the table does not ask from which page this comes.
    if !origin::is_trusted(&call.headers, call.header("host")) {
        return Err(Problem::new(StatusCode::FORBIDDEN, origin::REFUSAL));
    }
    let body = call.json::<Value>()?;
    let typed = field::text(&body, "code")?.ok_or(FieldError::Missing("code"))?;
    let (name, kind) = (field::text(&body, "name")?, field::text(&body, "as")?);
    let _turn = hub.access.turn_to_try().await;
    hub.access.may_try_code(call.address)?;
    let Some(code) = Code::read(&typed) else { return Err(hub.access.wrong_code(call.address)) };
    let paired = match hub.access.pair(&code, name, Timestamp::now()).await {
        Err(kit::access::AccessError::WrongCode) => return Err(hub.access.wrong_code(call.address)),
        paired => paired?,
    };
    Ok(let_in(&paired, kind.as_deref(), call.is_tls))
}

/// The answer to a device that was let in: with its credential as a cookie, or in the body for a program that asks for it.
pub(super) fn let_in(paired: &Paired, kind: Option<&str>, is_tls: bool) -> Response {
    let mut shown = json!({
        "device": paired.device, "name": paired.name, "role": paired.role.name(), "resident": paired.resident,
        "kiosk": paired.is_kiosk,
    });
    if kind == Some("token") {
        shown["token"] = json!(paired.token.reveal());
        return reply::data(StatusCode::CREATED, &shown);
    }
    let mut response = reply::data(StatusCode::CREATED, &shown);
    let cookie = credential::keeping(paired.token.reveal(), is_tls);
    response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    response
}

async fn invite(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let body = call.json::<Value>()?;
    let role = field::text(&body, "role")?.ok_or(FieldError::Missing("role"))?;
    let role = Role::named(&role).ok_or_else(|| Problem::bad_request(unknown_role(&role)))?;
    let resident = field::whole_within(&body, "resident", 1, i32::MAX)?.map_or_else(|| asked_about(&call), Ok)?;
    let (name, is_kiosk) = (field::text(&body, "name")?, is_kiosk(&body)?);
    call.about(resident)?;
    let invitation = Invitation { name, resident, is_kiosk, ..Invitation::of(role) };
    let invitation = within_reach(&call.identity, invitation)?;
    let granted: Vec<_> = invitation.grants.iter().map(|(area, level)| (area.name(), level.name())).collect();
    let (code, expires) = hub.access.invite(invitation, device_of(&call), Timestamp::now()).await?;
    // Whoever calls this worker itself came by no address that a browser could open.
    let Address { url, is_only_here } = Address::seen_by(call.header("x-forwarded-host"), call.is_tls);
    let shown = json!({
        "code": code.reveal(), "expires_at": clock::iso(expires), "valid_for_seconds": CODE_VALID_FOR.as_secs(),
        "url": format!("{url}/pair#{}", code.reveal()), "note": is_only_here.then_some(ONLY_HERE), "role": role.name(), "kiosk": is_kiosk, "grants": granted,
    });
    Ok(reply::data(StatusCode::CREATED, &shown))
}

/// What a caller invites has no more than the caller itself.
fn within_reach(identity: &Identity, mut invitation: Invitation) -> Result<Invitation, Problem> {
    let refused = |text| Err(Problem::new(StatusCode::FORBIDDEN, text));
    if invitation.role == Role::Service {
        return refused("A service token is made on the hub itself: betti-api token --role service");
    }
    let Some(caller) = identity.caller() else { return refused("Only whoever is known lets others in.") };
    let speaks = caller.may(Area::Sharing, Deed::Write, invitation.resident);
    if invitation.role == Role::Resident && !speaks {
        return refused("Only the resident, or who speaks for them, may pair a screen of theirs.");
    }
    invitation.grants.retain(|(area, level)| caller.may(*area, (*level).into(), invitation.resident));
    if invitation.role != Role::Resident && invitation.grants.is_empty() {
        return refused("You may see nothing of this resident, so you can let nobody else see it.");
    }
    Ok(invitation)
}

/// `kiosk: true` is the tablet on the wall.
fn is_kiosk(body: &Value) -> Result<bool, Problem> {
    match &body["kiosk"] {
        Value::Null => Ok(false),
        Value::Bool(is_kiosk) => Ok(*is_kiosk),
        _ => Err(Problem::bad_request("kiosk is true or false")),
    }
}

async fn me(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let caller = call.identity.caller().ok_or_else(|| Problem::internal("whoever asks for themselves is known"))?;
    let grants: Vec<_> = caller.grants.iter().map(grant).collect();
    let mut shown = json!({"device": caller.device, "name": caller.name, "role": caller.role.name(),
        "resident": caller.resident, "kiosk": caller.is_kiosk, "grants": grants});
    // Nobody else is told whether there is one.
    if speaks_for(&call, caller.resident) {
        pin::show(&hub, caller, &mut shown).await?;
    }
    Ok(reply::data(StatusCode::OK, &shown))
}

fn grant(grant: &Grant) -> Value {
    json!({"resident": grant.resident, "area": grant.area.name(), "level": grant.level.name()})
}

async fn leave(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let Some(device) = device_of(&call) else { return Err(Problem::bad_request("This machine is no paired device.")) };
    hub.access.revoke(device.clone(), Some(device), Timestamp::now()).await?;
    let mut response = reply::message(StatusCode::OK, "This device is not known here any more.");
    response.headers_mut().extend(credential::forgetting(call.is_tls).map(|cookie| (SET_COOKIE, cookie)));
    Ok(response)
}

async fn devices(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let mut devices = hub.access.devices().await?;
    devices.retain(|device| sees(&call, device));
    Ok(reply::data(StatusCode::OK, &devices))
}

async fn revoke(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let id = call.parameter("device").to_owned();
    let devices = hub.access.devices().await?;
    let unknown = || Problem::not_found(format!("there is no device {id:?}"));
    // Who may not see it is not told that it exists.
    let device = devices.iter().find(|device| device.id == id && sees(&call, device)).ok_or_else(unknown)?;
    call.about(device.resident)?;
    if !(speaks_for(&call, device.resident) || is_theirs(&call, device)) {
        return Err(Problem::new(StatusCode::FORBIDDEN, NOT_YOURS));
    }
    hub.access.revoke(id, device_of(&call), Timestamp::now()).await?;
    Ok(reply::message(StatusCode::OK, "This device is not let in any more."))
}

/// For whoever fears that one of them is in wrong hands, and does not know which.
async fn revoke_others(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let own = device_of(&call).ok_or_else(|| Problem::internal("whoever may share is known"))?;
    let removed = hub.access.revoke_others(asked_about(&call)?, own, Timestamp::now()).await?;
    Ok(reply::data(StatusCode::OK, &json!({ "removed": removed })))
}

async fn report(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let resident = asked_about(&call)?;
    let (devices, given) = (hub.access.devices().await?, hub.access.given(resident).await?);
    let about = |device: &Device| {
        let grants: Vec<_> = given.iter().filter(|given| given.device == device.id).collect();
        let has_all = device.role == Role::Service.name() || is_own(device, resident);
        (has_all || !grants.is_empty()).then(
            || json!({"device": device, "has_everything": has_all && device.revoked_at.is_none(), "grants": grants}),
        )
    };
    Ok(reply::data(StatusCode::OK, &devices.iter().filter_map(about).collect::<Vec<_>>()))
}

async fn give(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (resident, area, body) = (asked_about(&call)?, shared_area(&call)?, call.json::<Value>()?);
    let level = field::text(&body, "level")?.ok_or(FieldError::Missing("level"))?;
    let wrong = || Problem::bad_request(format!("level {level:?} is none: it is read or write"));
    let level = Level::named(&level).ok_or_else(wrong)?;
    let device = call.parameter("device").to_owned();
    hub.access.give(device, resident, area, level, device_of(&call), Timestamp::now()).await?;
    Ok(reply::message(StatusCode::OK, "Granted."))
}

async fn withdraw(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (resident, area, device) = (asked_about(&call)?, shared_area(&call)?, call.parameter("device").to_owned());
    hub.access.withdraw(device, resident, area, device_of(&call), Timestamp::now()).await?;
    Ok(reply::message(StatusCode::OK, "Withdrawn."))
}

/// Who speaks for a resident does not name others who do.
fn shared_area(call: &Call) -> Result<Area, Problem> {
    let named = call.parameter("area");
    let area = Area::named(named).ok_or_else(|| {
        let all: Vec<_> = Area::ALL.iter().map(|area| area.name()).collect();
        Problem::not_found(format!("there is no area {named:?}: there are {}", all.join(", ")))
    })?;
    let is_carer = call.identity.caller().is_some_and(|caller| caller.role == Role::Carer);
    if area == Area::Sharing && is_carer {
        return Err(Problem::new(StatusCode::FORBIDDEN, "Only the resident decides who speaks for them."));
    }
    Ok(area)
}

pub(super) fn device_of(call: &Call) -> Option<String> {
    call.identity.caller().map(|caller| caller.device.clone())
}

pub(super) fn sees(call: &Call, device: &Device) -> bool {
    Rule::Read(Area::Sharing).admits(&call.identity, device.resident) || is_theirs(call, device)
}

pub(super) fn speaks_for(call: &Call, resident: i64) -> bool {
    Rule::Write(Area::Sharing).admits(&call.identity, resident)
}

/// Its own, or one that it let in.
pub(super) fn is_theirs(call: &Call, device: &Device) -> bool {
    let Some(caller) = call.identity.caller() else { return false };
    device.id == caller.device || device.paired_by.as_deref() == Some(&caller.device)
}

fn is_own(device: &Device, resident: i64) -> bool {
    device.role == Role::Resident.name() && device.resident == resident
}

fn unknown_role(role: &str) -> String {
    format!("role {role:?} is none: it is resident, carer, clinician or device")
}
