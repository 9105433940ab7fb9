//! A hub that does what it is told, at once: every request of the wire is answered, and the next look shows it done.

use std::path::PathBuf;

use protocol::control::{
    Accepted, AcceptedApp, Actor, App, Applied, Apply, CLOCK_NOT_SET, Description, Exit, Family, Flushed, Happening,
    Keeper, LogSource, Logs, Pong, Run, Runs, Sample, Scale, SendSignal, Status, Step, Supervisor, Targets, Upgrading,
    Watch, What, Why, Word,
};
use serde::de::DeserializeOwned;

use crate::fake::{Answer, Asked};

/// What the hub is and does.
pub struct House {
    folder: PathBuf,
    profile: String,
    notice: Option<String>,
    apps: Vec<Resident>,
    sequence: u64,
    /// Whether a profile that is switched to does not hold.
    falls_back: bool,
    /// The pid of its supervisor.
    supervisor: i32,
}

/// One app of it.
#[derive(Clone)]
struct Resident {
    id: u32,
    name: String,
    instance: Option<u32>,
    word: Word,
    newest: u64,
    ad_hoc: bool,
}

impl Resident {
    fn new(id: u32, name: &str, instance: Option<u32>) -> Self {
        Self { id, name: name.into(), instance, word: Word::Online, newest: 7, ad_hoc: false }
    }
}

impl House {
    /// With an `api` and two instances of `web`, in the profile `https`.
    pub fn new(folder: PathBuf) -> Self {
        let apps =
            vec![Resident::new(0, "api", None), Resident::new(1, "web", Some(0)), Resident::new(2, "web", Some(1))];
        Self { folder, profile: "https".into(), notice: None, apps, sequence: 0, falls_back: false, supervisor: 2 }
    }

    /// The same, but a profile that is switched to does not hold.
    pub fn falling_back(mut self) -> Self {
        self.falls_back = true;
        self
    }

    /// Its answers, for [`Fake::listen`](crate::fake::Fake::listen).
    pub fn answers(mut self) -> impl FnMut(&Asked) -> Answer + Send + 'static {
        move |asked| self.answer(asked)
    }

    fn answer(&mut self, asked: &Asked) -> Answer {
        let (path, query) = asked.line.split_once('?').unwrap_or((&asked.line, ""));
        match path {
            "GET /v1/status" => Answer::ok(&self.status()),
            "GET /v1/watch" => self.watch(),
            "GET /v1/why" => Answer::ok(&[Why { app: app(&self.apps[0]), happenings: vec![happening()] }]),
            "GET /metrics" => Answer::ok(&[family()]),
            "GET /v1/ping" => Answer::ok(&self.pong()),
            "GET /v1/logs" => Answer::ok(&self.apps.iter().map(|app| self.source(app)).collect::<Vec<_>>()),
            "GET /v1/describe" => {
                let targets = query.split('&').filter_map(|pair| pair.strip_prefix("target=")).map(str::to_owned);
                self.with(&targets.collect::<Vec<_>>(), |house, meant| {
                    Answer::ok(&meant.iter().map(|app| house.description(app)).collect::<Vec<_>>())
                })
            }
            "POST /v1/scale" => self.scale(&body(asked)),
            "POST /v1/run" => self.run(&body(asked)),
            "POST /v1/apply" => self.apply(&body(asked)),
            "POST /v1/flush" => {
                let Targets { targets, .. } = body(asked);
                self.with(&targets, |house, meant| {
                    let files = meant.iter().map(|app| house.source(app).out_file).collect();
                    Answer::ok(&Flushed { files, failed: Vec::new() })
                })
            }
            "POST /v1/upgrade" => self.upgrade(),
            "POST /v1/reload-logs" => Answer::ok(&serde_json::json!({})),
            "POST /v1/signal" => {
                let SendSignal { targets, .. } = body(asked);
                self.with(&targets, |_, meant| {
                    let running = meant.into_iter().filter(|app| app.word == Word::Online);
                    accepted(running, false)
                })
            }
            act => {
                let Targets { targets, .. } = body(asked);
                let act = act.trim_start_matches("POST /v1/").to_owned();
                self.with(&targets, |house, meant| house.act(&act, meant))
            }
        }
    }

    fn pong(&self) -> Pong {
        let (program, file) = (Some("/opt/betti/betti-supervisor".into()), Some("66305:4711".into()));
        Pong { keeper: 1, supervisor: self.supervisor, version: "0.1.0".into(), program, file }
    }

    fn upgrade(&mut self) -> Answer {
        let from = self.status().supervisor;
        self.supervisor += 1;
        let Pong { program, file, .. } = self.pong();
        let (program, file) = (program.expect("a program"), file.expect("a file"));
        Answer::ok(&Upgrading { from, program, version: "0.1.0".into(), file, changed: vec!["api".into()] })
    }

    fn with(&mut self, targets: &[String], then: impl FnOnce(&mut Self, Vec<Resident>) -> Answer) -> Answer {
        let is_meant = |app: &Resident, target: &String| {
            [app.name.as_str(), "all", "default"].contains(&target.as_str()) || *target == app.id.to_string()
        };
        if let Some(unknown) = targets.iter().find(|target| !self.apps.iter().any(|app| is_meant(app, target))) {
            return Answer::refused(404, &format!("there is no app, id or namespace `{unknown}`"));
        }
        let meant =
            self.apps.iter().filter(|app| targets.is_empty() || targets.iter().any(|target| is_meant(app, target)));
        let meant = meant.cloned().collect();
        self.sequence += 1;
        then(self, meant)
    }

    fn act(&mut self, act: &str, meant: Vec<Resident>) -> Answer {
        let is_meant = |app: &Resident| meant.iter().any(|one| one.id == app.id);
        if act == "delete" {
            self.apps.retain(|app| !is_meant(app));
            return accepted(meant.into_iter(), true);
        }
        for app in self.apps.iter_mut().filter(|app| is_meant(app)) {
            match act {
                "stop" => app.word = Word::Stopped,
                "start" | "restart" | "reload" => {
                    app.word = Word::Online;
                    app.newest += 1;
                }
                _ => {}
            }
        }
        accepted(meant.into_iter(), false)
    }

    fn scale(&mut self, scale: &Scale) -> Answer {
        let name = scale.app.clone();
        self.with(&[name], |house, meant| {
            let name = meant[0].name.clone();
            let meant: Vec<Resident> = house.apps.iter().filter(|app| app.name == name).cloned().collect();
            let now = meant.len() as u32;
            let wanted: u32 = scale.instances.parse().expect("a number in all");
            let first = house.apps.iter().map(|app| app.id + 1).max().unwrap_or(0);
            let come = (now..wanted).map(|instance| Resident::new(first + instance - now, &name, Some(instance)));
            let come: Vec<Resident> = come.collect();
            house.apps.extend(come.iter().cloned().map(|app| Resident { newest: 8, ..app }));
            let go = &meant[(wanted.min(now) as usize)..];
            house.apps.retain(|app| !go.iter().any(|one| one.id == app.id));
            let apps = come.into_iter().map(|app| told(&app, false)).chain(go.iter().map(|app| told(app, true)));
            Answer::ok(&Accepted { apps: apps.collect() })
        })
    }

    fn run(&mut self, run: &Run) -> Answer {
        let table: toml::Table = run.table.parse().expect("one table of TOML");
        let name = table["apps"][0]["name"].as_str().expect("a name").to_owned();
        if self.apps.iter().any(|app| app.name == name) {
            return Answer::refused(409, &format!("there is an app `{name}` already"));
        }
        let id = self.apps.iter().map(|app| app.id + 1).max().unwrap_or(0);
        let app = Resident { ad_hoc: true, ..Resident::new(id, &name, None) };
        self.apps.push(Resident { newest: 8, ..app.clone() });
        accepted([app].into_iter(), false)
    }

    /// A switch to another profile brings the app `tunnel`, unless it does not hold.
    fn apply(&mut self, apply: &Apply) -> Answer {
        let from_profile = self.profile.clone();
        let profile = apply.profile.clone().unwrap_or_else(|| from_profile.clone());
        let switches = profile != from_profile;
        let step = |app: &str, what, why: &str| Step { app: app.into(), what, why: vec![why.to_owned()] };
        let mut steps = vec![Step { app: "api".into(), what: What::Keep, why: Vec::new() }];
        steps.push(step("web", What::Change, "max_memory_restart changed"));
        let tunnel = Resident::new(9, "tunnel", None);
        if switches {
            steps.push(step("tunnel", What::Add, &format!("in the profile {profile}")));
        }
        let mut apps = Vec::new();
        if switches && !apply.dry_run {
            apps.push(told(&tunnel, false));
            if self.falls_back {
                self.notice = Some(format!("the profile {profile} did not become ready: {from_profile} came back"));
            } else {
                self.apps.push(Resident { newest: 8, ..tunnel });
                self.profile = profile.clone();
            }
            self.sequence += 1;
        }
        Answer::ok(&Applied { from_profile, profile, steps, apps, on_trial: switches })
    }

    fn status(&self) -> Status {
        Status {
            keeper: Keeper { pid: 1 },
            supervisor: Supervisor { pid: self.supervisor, version: "0.1.0".into() },
            profile: self.profile.clone(),
            apps: self.apps.iter().map(app).collect(),
            notice: self.notice.clone(),
        }
    }

    fn watch(&self) -> Answer {
        let runs = |app: &Resident| Runs {
            id: app.id,
            name: app.name.clone(),
            wanted: app.word == Word::Online,
            newest: Some(app.newest),
            finished: Some(app.newest - u64::from(app.word == Word::Online)),
            waits_for: Vec::new(),
            follows: Vec::new(),
            to_be_reloaded: false,
        };
        let runs = self.apps.iter().map(runs).collect();
        Answer::ok(&Watch { sequence: self.sequence, leaving: false, status: self.status(), runs })
    }

    fn source(&self, app: &Resident) -> LogSource {
        let file = |kind: &str| self.folder.join(format!("logs/{}-{kind}.log", app.name)).display().to_string();
        LogSource {
            id: app.id,
            name: app.name.clone(),
            namespace: "default".into(),
            out_file: file("out"),
            error_file: file("error"),
        }
    }

    fn description(&self, resident: &Resident) -> Description {
        let source = self.source(resident);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Description {
            app: app(resident),
            program: Some("/usr/bin/betti-api".into()),
            script: "betti-api".into(),
            args: vec!["--verbose".into(), "two words".into()],
            interpreter: None,
            cwd: self.folder.display().to_string(),
            out_file: source.out_file,
            error_file: source.error_file,
            profiles: Vec::new(),
            depends_on: vec!["base".into()],
            listen: vec!["127.0.0.1:3001".into()],
            ready: "it says so on its ready pipe".into(),
            settings: vec![pair("kill_timeout", "10 s"), pair("max_memory_restart", "300M")],
            recent_failures: 1,
            exits: vec![("asked".into(), String::new(), 1), ("code".into(), "3".into(), 2)],
            health_failures: 4,
            held: resident.word == Word::Stopped,
            ad_hoc: resident.ad_hoc,
            environment: vec![pair("PORT", "3001"), pair("API_TOKEN", "hush"), pair("GREETING", "two\nlines")],
            divergent: vec![
                ("PORT".into(), Some("3000".into()), Some("3001".into())),
                ("API_TOKEN".into(), Some("old".into()), Some("hush".into())),
                ("GONE".into(), Some("1".into()), None),
            ],
            logs: Logs {
                written: 5 << 20,
                written_today: 1536,
                lost: 300,
                lost_lines: 4,
                on_disk: 2 << 20,
                trouble: None,
            },
            started_at: app(resident).pid.map(|_| "2026-03-01T07:05:09.125Z".into()),
            exited_at: app(resident).pid.map(|_| "2026-03-01T07:04:00.000Z".into()),
            clock: app(resident).pid.map(|_| CLOCK_NOT_SET.into()),
        }
    }
}

fn happening() -> Happening {
    Happening {
        at: "2026-03-01T07:05:09.125Z".into(),
        clock: Some(CLOCK_NOT_SET.into()),
        boot: "6b1d3b3e".into(),
        after_boot_ms: 5125,
        status: Word::WaitingRestart,
        run: Some(7),
        what: "exited with code 3 after 0.3 s".into(),
        actor: Actor::App,
    }
}

fn family() -> Family {
    let labels = [("app", "api"), ("instance", "0"), ("namespace", "default")];
    let labels = labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Family {
        name: "betti_app_cpu_seconds".into(),
        r#type: "counter".into(),
        unit: Some("seconds".into()),
        help: "Processor time of the running tree of processes.".into(),
        samples: vec![Sample { name: "betti_app_cpu_seconds_total".into(), labels, value: 1.5 }],
    }
}

fn body<T: DeserializeOwned>(asked: &Asked) -> T {
    serde_json::from_str(&asked.body).expect("what the wire asks for")
}

fn told(app: &Resident, leaves: bool) -> AcceptedApp {
    AcceptedApp { id: app.id, name: app.name.clone(), after: app.newest, unchanged: false, leaves }
}

fn accepted(apps: impl Iterator<Item = Resident>, leaves: bool) -> Answer {
    Answer::ok(&Accepted { apps: apps.map(|app| told(&app, leaves)).collect() })
}

fn app(resident: &Resident) -> App {
    let is_up = resident.word == Word::Online;
    App {
        id: resident.id,
        name: resident.name.clone(),
        namespace: "default".into(),
        status: resident.word,
        reason: None,
        pid: is_up.then_some(4711),
        uptime_ms: is_up.then_some(65_000),
        ready_ms: is_up.then_some(41),
        restarts: 3,
        cpu_percent: 1.4,
        memory_bytes: 54_106_521,
        exit: (resident.id == 0).then_some(Exit::Code { code: 3 }),
        says: None,
        instance: resident.instance,
        user: Some("pi".into()),
        watching: resident.id == 0,
    }
}
