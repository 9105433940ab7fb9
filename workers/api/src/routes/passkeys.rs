//! Passkeys: made by a device that is let in, and a way back in for whoever has lost that.

use std::sync::Arc;

use http::{Method, StatusCode};
use jiff::Timestamp;
use kit::{
    Call, Problem, Routes, Rule,
    access::{
        AccessError,
        passkeys::{MOST_PASSKEYS, NewPasskey},
    },
    field,
    field::FieldError,
    origin, reply,
    role::Role,
    rule::Caller,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use warp::reply::Response;

use super::{
    Hub,
    access::{device_of, is_theirs, let_in, sees, speaks_for},
    with,
};
use crate::passkeys::{Site, Unproven, prove};

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    routes
        .get("/api/v1/access/passkeys/here", Rule::Public, with(hub, here))
        .post("/api/v1/access/passkeys/sign-in/begin", Rule::Public, with(hub, begin_sign_in))
        .post("/api/v1/access/passkeys/sign-in/finish", Rule::Public, with(hub, sign_in))
        .get("/api/v1/access/passkeys", Rule::Known, with(hub, list))
        .post("/api/v1/access/passkeys/begin", Rule::Known, with(hub, begin))
        .post("/api/v1/access/passkeys/finish", Rule::Known, with(hub, finish))
        .on(Method::DELETE, "/api/v1/access/passkeys/{passkey}", Rule::Known, with(hub, remove))
}

/// Who may make one: whoever uses a browser. A screen that everybody in a home walks past belongs here too, as one that may not.
fn may_register(call: &Call) -> Result<&Caller, Problem> {
    let refused = || Problem::new(StatusCode::FORBIDDEN, "Passkeys are for people: this device may make none.");
    let caller = call.identity.caller().ok_or_else(refused)?;
    let is_person = matches!(caller.role, Role::Resident | Role::Carer | Role::Clinician);
    (is_person && !caller.is_kiosk).then_some(&**caller).ok_or_else(refused)
}

async fn here(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let not_here = hub.passkeys.site(&call).err();
    let (why, at) = not_here.as_ref().map(|not_here| (&not_here.why, &not_here.at)).unzip();
    Ok(reply::data(StatusCode::OK, &json!({"possible": not_here.is_none(), "why": why, "at": at})))
}

async fn list(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (devices, mut shown) = (hub.access.devices().await?, Vec::new());
    for passkey in hub.access.passkeys().await? {
        if let Some(device) = devices.iter().find(|device| device.id == passkey.device && sees(&call, device)) {
            let is_own = device_of(&call).as_ref() == Some(&device.id);
            let mut row = json!(passkey);
            row["device_name"] = json!(device.name);
            row["is_own"] = json!(is_own);
            shown.push(row);
        }
    }
    Ok(reply::data(StatusCode::OK, &shown))
}

async fn begin(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (caller, site) = (may_register(&call)?, site(&hub, &call)?);
    // Asked before as well: what is refused afterwards stays on the person's telephone, of no use.
    let own = hub.access.passkeys().await?.into_iter().filter(|passkey| passkey.device == caller.device);
    if own.count() >= MOST_PASSKEYS {
        return Err(AccessError::TooManyPasskeys.into());
    }
    let present = hub.access.credential_ids(caller.device.clone(), site.host.clone()).await?;
    let question = hub.passkeys.begin_registration(site, caller, present).map_err(Problem::internal)?;
    Ok(reply::data(StatusCode::OK, &question))
}

async fn finish(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (caller, site) = (may_register(&call)?, site(&hub, &call)?);
    let (ceremony, answer, _) = answered(&call)?;
    let passkey = hub.passkeys.finish_registration(&site, caller, &ceremony, &answer).map_err(not_made)?;
    let credential = serde_json::to_string(&passkey).map_err(Problem::internal)?;
    let new = NewPasskey { credential_id: passkey.cred_id().to_vec(), host: site.host, credential };
    let id = hub.access.add_passkey(caller, new, Timestamp::now()).await?;
    Ok(reply::data(StatusCode::CREATED, &json!({"id": id})))
}

async fn remove(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let id = call.parameter("passkey").to_owned();
    let (devices, passkeys) = (hub.access.devices().await?, hub.access.passkeys().await?);
    let passkey = passkeys.iter().find(|passkey| passkey.id == id);
    let device = passkey.and_then(|passkey| devices.iter().find(|device| device.id == passkey.device));
    // Who may not see it is not told that it exists.
    let device = device.filter(|device| sees(&call, device));
    let device = device.ok_or_else(|| Problem::not_found(format!("there is no passkey {id:?}")))?;
    call.about(device.resident)?;
    if !(speaks_for(&call, device.resident) || is_theirs(&call, device)) {
        return Err(Problem::new(StatusCode::FORBIDDEN, super::access::NOT_YOURS));
    }
    hub.access.remove_passkey(id, device_of(&call)).await?;
    Ok(reply::message(StatusCode::OK, "Nobody signs in with this passkey any more."))
}

async fn begin_sign_in(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    own_pages_only(&call)?;
    hub.access.may_try_code(call.address)?;
    let site = site(&hub, &call)?;
    let question = hub.passkeys.begin_sign_in(site, call.address).map_err(Problem::internal)?;
    Ok(reply::data(StatusCode::OK, &question))
}

async fn sign_in(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    own_pages_only(&call)?;
    let site = site(&hub, &call)?;
    let (ceremony, answer, name) = answered::<webauthn_rs::prelude::PublicKeyCredential>(&call)?;
    hub.access.may_try_code(call.address)?;
    let wrong = |unproven: Unproven| {
        tracing::info!("a passkey was not taken: {unproven}");
        hub.access.wrong_passkey(call.address)
    };
    let state = hub.passkeys.take_sign_in(&site, &ceremony).map_err(wrong)?;
    let kept = hub.access.passkey(answer.raw_id.clone(), site.host.clone()).await?;
    let Some(kept) = kept else { return Err(hub.access.wrong_passkey(call.address)) };
    let checked = prove(&site, state, &answer, kept).map_err(wrong)?;
    match hub.access.sign_in(checked, name, Timestamp::now()).await {
        Err(AccessError::WrongPasskey) => Err(hub.access.wrong_passkey(call.address)),
        paired => Ok(let_in(&paired?, None, call.is_tls)),
    }
}

/// Nobody is known yet, so the table does not ask from which page this comes.
fn own_pages_only(call: &Call) -> Result<(), Problem> {
    let is_ours = origin::is_trusted(&call.headers, call.header("host"));
    is_ours.then_some(()).ok_or_else(|| Problem::new(StatusCode::FORBIDDEN, origin::REFUSAL))
}

fn site(hub: &Hub, call: &Call) -> Result<Site, Problem> {
    hub.passkeys.site(call).map_err(|not_here| Problem::new(StatusCode::CONFLICT, not_here.why))
}

/// The question that is answered, the browser's answer, and a name for the device.
fn answered<T: DeserializeOwned>(call: &Call) -> Result<(String, T, Option<String>), Problem> {
    let mut body = call.json::<Value>()?;
    let ceremony = field::text(&body, "ceremony")?.ok_or(FieldError::Missing("ceremony"))?;
    let name = field::text(&body, "name")?;
    let answer = body.get_mut("credential").map(Value::take).ok_or(FieldError::Missing("credential"))?;
    let unread = |error| Problem::bad_request(format!("credential is not what a browser answers: {error}"));
    Ok((ceremony, serde_json::from_value(answer).map_err(unread)?, name))
}

fn not_made(unproven: Unproven) -> Problem {
    match unproven {
        Unproven::Kept(_) => Problem::internal(unproven),
        _ => Problem::bad_request(format!("No passkey was made: {unproven}")),
    }
}
