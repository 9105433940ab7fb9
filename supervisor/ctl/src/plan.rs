//! What applying the file comes to, app by app.

use manifest::Manifest;
use manifest::plan::Plan;
use protocol::control::{Step, What};

use crate::printer::{self, Tone};

/// The plan for a hub on which nothing runs.
pub fn from_nothing(manifest: &Manifest) -> Vec<Step> {
    Plan::between(None, manifest).steps.into_iter().map(step).collect()
}

fn step(step: manifest::plan::Step) -> Step {
    let what = match step.what {
        manifest::plan::What::Add => What::Add,
        manifest::plan::What::Remove => What::Remove,
        manifest::plan::What::Restart => What::Restart,
        manifest::plan::What::Change => What::Change,
        manifest::plan::What::Keep => What::Keep,
    };
    Step { app: step.app, what, why: step.why }
}

/// How a step is shown: mark, word, colour.
const fn look(what: What) -> (char, &'static str, Option<Tone>) {
    match what {
        What::Add => ('+', "add", Some(Tone::Good)),
        What::Remove => ('-', "remove", Some(Tone::Bad)),
        What::Restart => ('↻', "restart", Some(Tone::Busy)),
        What::Change => ('~', "change", Some(Tone::Uneasy)),
        What::Keep => ('=', "keep", None),
    }
}

/// The plan as a table, one line an app.
pub fn text(steps: &[Step], colour: bool) -> String {
    let width = steps.iter().map(|step| step.app.chars().count()).max().unwrap_or(0);
    let line = |step: &Step| {
        let (mark, word, tone) = look(step.what);
        let text = format!("  {mark} {word:<7}  {:<width$}  {}", step.app, step.why.join("; "));
        let text = text.trim_end();
        tone.map_or_else(|| text.to_owned(), |tone| printer::paint(colour, tone, text))
    };
    steps.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The plan in one line.
pub fn summary(steps: &[Step]) -> String {
    let count = |what| steps.iter().filter(|step| step.what == what).count();
    let counts = [What::Add, What::Change, What::Restart, What::Remove, What::Keep].map(|what| (what, count(what)));
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    counts.map(|(what, count)| format!("{count} to {}", look(what).1)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_step_has_its_mark() {
        let step = |app: &str, what, why: &[&str]| Step {
            app: app.into(),
            what,
            why: why.iter().map(ToString::to_string).collect(),
        };
        let steps = [
            step("betti-webrtc", What::Remove, &["not in the profile ngrok"]),
            step("betti-webrtc-ngrok", What::Add, &["in the profile ngrok"]),
            step("api", What::Restart, &["args changed", "env changed"]),
            step("web", What::Change, &["max_memory_restart changed"]),
            step("ble", What::Keep, &[]),
        ];
        insta::assert_snapshot!(format!("{}\n{}", text(&steps, false), summary(&steps)));
        assert!(text(&steps, true).contains("\u{1b}[32m  + add"));
    }
}
