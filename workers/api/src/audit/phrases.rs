//! What routes are called in plain words. A route that is not named here is called after its area.

/// What was changed by a route; `{}` is the medicine, or "a medicine".
pub fn change(route: &str) -> Option<&'static str> {
    Some(match route {
        "POST /api/vitals" | "POST /api/v1/readings" => "recorded a reading",
        "PATCH /api/v1/readings/{id}" => "corrected a reading",
        "POST /api/v1/readings/{id}/strike-out" => "struck out a reading",
        "POST /api/v1/alerts/{id}/ack" => "answered an alert",
        "POST /api/v1/alerts/{id}/snooze" => "put off an alert",
        "POST /api/v1/symptoms" => "recorded a symptom",
        "PUT /api/v1/limits" => "changed the limits of readings",
        "PUT /api/v1/people" | "PUT /api/v1/ladder" => "changed who is told of alerts",
        "POST /api/v1/residents" => "added a resident",
        "PUT /api/v1/residents/{resident}" => "changed what is known of the resident",
        "POST /api/medications" => "added a medicine",
        "PUT /api/medications/{id}" => "changed {}",
        "DELETE /api/medications/{id}" => "stopped {}",
        "PUT /api/medications/{id}/schedule" | "PUT /api/v1/medications/{id}/plan" => "changed when {} is taken",
        "POST /api/medications/{id}/take" | "POST /api/v1/medications/{id}/as-needed" => "recorded a dose of {}",
        // A body is not read here: taken, left out, put off or undone.
        "PUT /api/v1/doses/{*occurrence}" => "noted what became of a dose of {}",
        "POST /api/medications/{id}/skip" => "skipped a dose of {}",
        "POST /api/v1/medications/{id}/stock" => "recorded how much of {} there is",
        "PUT /api/v1/medications/{id}/keeping" => "changed how {} is kept",
        "POST /api/appointments" | "POST /api/v1/appointments" => "added a visit",
        "PUT /api/appointments/{id}"
        | "PATCH /api/v1/appointments/{id}"
        | "POST /api/appointments/{id}/reschedule"
        | "POST /api/appointments/{id}/uncomplete"
        | "PUT /api/v1/appointments/{id}/instances/{date}"
        | "POST /api/v1/appointments/{id}/instances/{date}/split" => "changed a visit",
        "POST /api/appointments/{id}/complete" => "marked a visit as done",
        "DELETE /api/appointments/{id}"
        | "POST /api/appointments/{id}/cancel"
        | "DELETE /api/v1/appointments/{id}/instances/{date}" => "cancelled a visit",
        "POST /api/hydration/log" | "POST /api/v1/drinks" => "recorded a drink",
        "DELETE /api/hydration/{id}" => "struck out a drink",
        "PUT /api/hydration/goal" | "PUT /api/v1/goals/hydration" => "changed how much to drink",
        "POST /api/nutrition/log-meal" => "recorded a meal",
        "PUT /api/nutrition/meal/{id}" => "changed a meal",
        "DELETE /api/nutrition/meal/{id}" => "struck out a meal",
        "PUT /api/nutrition/goals" => "changed the goals for food",
        "POST /api/fitness/workout" => "recorded a workout",
        "DELETE /api/fitness/workout/{id}" => "struck out a workout",
        "POST /api/v1/assessments" => "recorded an assessment",
        "POST /api/accelerometer/save" => "recorded movement",
        "POST /api/ble/pair" => "let a Bluetooth device in",
        "POST /api/ble/unpair" => "took a Bluetooth device out",
        "POST /api/ble/scan" => "looked for Bluetooth devices",
        "POST /api/v1/access/invitations" => "invited another device",
        "DELETE /api/v1/access/devices" => "took away the access of all other devices",
        "DELETE /api/v1/access/devices/{device}" => "took away a device's access",
        "POST /api/v1/access/unlock" => "was unlocked with the PIN",
        "POST /api/v1/access/lock" => "was locked again",
        "PUT /api/v1/access/pin" => "set the PIN",
        "DELETE /api/v1/access/me" => "gave up its own access",
        "POST /api/v1/access/passkeys/begin" => "began to make a passkey",
        "POST /api/v1/access/passkeys/finish" => "made a passkey",
        "DELETE /api/v1/access/passkeys/{passkey}" => "removed a passkey",
        "PUT /api/v1/access/grants/{device}/{area}" => "let a device see more, or change more",
        "DELETE /api/v1/access/grants/{device}/{area}" => "let a device see less",
        "betti-api pair" => "let another device in, by a code",
        "betti-api token" => "made a key for a program",
        "betti-api pin" => "set the PIN",
        "betti-ctl restore" => "put back an earlier copy of everything, this list included,",
        "betti-api erase" => "erased everything that was kept",
        _ => return None,
    })
}

/// What was taken along by a route, rather than looked at.
pub fn take(route: &str) -> Option<&'static str> {
    Some(match route {
        "GET /api/v1/access/export" | "betti-api export" => "took a copy of everything that is kept",
        _ => return None,
    })
}

/// What went wrong with a PIN; `None` of other routes.
pub fn wrong_pin(route: &str, status: u16) -> Option<&'static str> {
    Some(match (route, status) {
        ("POST /api/v1/access/unlock", 403) => "was not unlocked: the PIN was wrong",
        ("POST /api/v1/access/unlock", 429) => "was not unlocked: there were too many wrong PINs",
        ("PUT /api/v1/access/pin", 403) => "did not set the PIN: it was too late, or the present one was wrong",
        ("PUT /api/v1/access/pin", 429) => "did not set the PIN: there were too many wrong ones",
        _ => return None,
    })
}

/// What is looked at by a route, if that is not all of its area.
pub fn look(route: &str) -> Option<&'static str> {
    let path = route.split_once(' ').map_or(route, |(_, path)| path);
    Some(match path {
        "/api/v1/access/audit" => "who looked at what",
        "/api/v1/access/me" => "what it may do itself",
        "/api/v1/access/passkeys" => "which passkeys there are",
        "/api/v1/residents" => "who lives here",
        "/api/v1/people" | "/api/v1/ladder" => "who is told of alerts",
        _ if path.starts_with("/api/v1/alerts") => "alerts",
        _ if path.starts_with("/api/hydration") || path.ends_with("/hydration") => "drinks",
        _ if path.starts_with("/api/nutrition") => "meals",
        _ => return None,
    })
}

/// An area by its name.
pub fn area(name: Option<&str>) -> &'static str {
    match name {
        Some("vitals") => "readings",
        Some("medication") => "medicines",
        Some("appointments") => "visits",
        Some("nutrition") => "food and drinks",
        Some("activity") => "activity",
        Some("video") => "video calls",
        Some("devices") => "Bluetooth devices",
        Some("sharing") => "who may see what",
        _ => "what happens",
    }
}
