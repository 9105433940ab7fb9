//! Who there is: the apps of the file and those that are in no file, how many of each, and under which numbers. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use lifecycle::AppId;
use manifest::targets::Named;
use manifest::{App, Instances, Manifest};
use serde::{Deserialize, Serialize};

/// One process that is looked after: an instance of an app.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// PM2's number for it.
    pub id: AppId,
    /// Which of its app's instances it is, from 0.
    pub instance: u32,
    /// How many instances its app has.
    pub of: u32,
    pub app: Rc<App>,
    /// Its app is in no file.
    pub ad_hoc: bool,
}

impl Unit {
    /// What it is called between the two halves and in what is remembered. A name has no slash.
    pub fn key(&self) -> String {
        key(&self.app.name, self.instance)
    }

    pub fn out_file(&self) -> PathBuf {
        self.log_file(&self.app.out_file)
    }

    pub fn error_file(&self) -> PathBuf {
        self.log_file(&self.app.error_file)
    }

    /// The first instance keeps the plain name, so that scaling renames no file that is being written.
    fn log_file(&self, path: &Path) -> PathBuf {
        let is_file = path.file_name().is_some() && !path.starts_with("/dev");
        if self.instance == 0 || self.app.merge_logs || !is_file {
            return path.to_owned();
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
        path.with_file_name(format!("{stem}-{}{ending}", self.instance))
    }
}

/// What an instance is called: `web`, `web/1`, `web/2`.
pub fn key(name: &str, instance: u32) -> String {
    if instance == 0 { name.to_owned() } else { format!("{name}/{instance}") }
}

impl<'a> From<&'a Unit> for Named<'a> {
    fn from(unit: &'a Unit) -> Self {
        Self { id: unit.id.0, name: &unit.app.name, namespace: &unit.app.namespace }
    }
}

/// What an operator changed about who there is, beside the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Changes {
    /// How many instances were asked for, by app.
    pub scales: BTreeMap<String, u32>,
    /// Apps of the file that were deleted: away until somebody starts them.
    pub deleted: BTreeSet<String>,
    /// Instances that were stopped when another file or profile took them off the list: they come back stopped.
    pub held: BTreeSet<String>,
    /// Numbers that were given out, by instance.
    pub ids: BTreeMap<String, u32>,
}

impl Changes {
    /// Who is in the file for another profile only is not gone.
    fn forget_whom_no_profile_has(&mut self, manifest: &Manifest) {
        let is_named = |name: &str| manifest.roster.iter().any(|(_, other)| other == name);
        self.deleted.retain(|name| is_named(name));
        self.held.retain(|key| is_named(key.split('/').next().unwrap_or_default()));
    }
}

/// All of them.
#[derive(Clone, Debug)]
pub struct Roster {
    /// What the file says.
    pub manifest: Manifest,
    /// Apps that are in no file, by name.
    ad_hoc: BTreeMap<String, Rc<App>>,
    changes: Changes,
    units: BTreeMap<AppId, Rc<Unit>>,
}

impl Roster {
    /// `taken` are numbers of instances that are on their way out.
    pub fn new(
        manifest: Manifest,
        ad_hoc: impl IntoIterator<Item = App>,
        changes: Changes,
        taken: &BTreeMap<String, u32>,
    ) -> Self {
        let ad_hoc = ad_hoc.into_iter().map(|app| (app.name.clone(), Rc::new(app))).collect();
        let mut roster = Self { manifest, ad_hoc, changes, units: BTreeMap::new() };
        roster.number(taken);
        roster
    }

    /// The same with another file. What was asked about an app that the file now says otherwise is forgotten.
    pub fn with_file(&self, manifest: Manifest, taken: &BTreeMap<String, u32>) -> Self {
        let mut changes = self.changes.clone();
        changes.scales.retain(|name, _| {
            let said = |manifest: &Manifest| manifest.app(name).map(|app| app.instances);
            match (said(&self.manifest), said(&manifest)) {
                (Some(before), Some(now)) => before == now,
                (None, _) | (_, None) => {
                    let is_in_file = manifest.roster.iter().any(|(_, other)| other == name); // for another profile
                    is_in_file || self.ad_hoc.contains_key(name)
                }
            }
        });
        changes.forget_whom_no_profile_has(&manifest);
        self.rebuilt(manifest, self.ad_hoc.clone(), changes, taken)
    }

    /// The same with one more app that is in no file.
    pub fn with_ad_hoc(&self, app: App, taken: &BTreeMap<String, u32>) -> Self {
        let mut ad_hoc = self.ad_hoc.clone();
        ad_hoc.insert(app.name.clone(), Rc::new(app));
        self.rebuilt(self.manifest.clone(), ad_hoc, self.changes.clone(), taken)
    }

    /// The same without some apps.
    pub fn without(&self, names: &BTreeSet<String>, taken: &BTreeMap<String, u32>) -> Self {
        let mut ad_hoc = self.ad_hoc.clone();
        let mut changes = self.changes.clone();
        for name in names {
            if ad_hoc.remove(name).is_none() {
                changes.deleted.insert(name.clone());
            }
            changes.scales.remove(name);
        }
        self.rebuilt(self.manifest.clone(), ad_hoc, changes, taken)
    }

    /// The same with some deleted apps of the file back.
    pub fn with_back(&self, names: &[String], taken: &BTreeMap<String, u32>) -> Self {
        let mut changes = self.changes.clone();
        changes.deleted.retain(|name| !names.contains(name));
        self.rebuilt(self.manifest.clone(), self.ad_hoc.clone(), changes, taken)
    }

    /// The same with another number of instances of an app.
    pub fn scaled(&self, name: &str, instances: u32, taken: &BTreeMap<String, u32>) -> Self {
        let mut changes = self.changes.clone();
        changes.scales.insert(name.to_owned(), instances);
        self.rebuilt(self.manifest.clone(), self.ad_hoc.clone(), changes, taken)
    }

    fn rebuilt(
        &self,
        manifest: Manifest,
        ad_hoc: BTreeMap<String, Rc<App>>,
        changes: Changes,
        taken: &BTreeMap<String, u32>,
    ) -> Self {
        let mut roster = Self { manifest, ad_hoc, changes, units: BTreeMap::new() };
        // Whoever leaves now is on the way out as well: a newcomer with the same number would be given its run.
        let leaving = self.units().map(|unit| (unit.key(), unit.id.0));
        roster.number(&taken.iter().map(|(key, id)| (key.clone(), *id)).chain(leaving).collect());
        roster
    }

    pub fn units(&self) -> impl Iterator<Item = &Rc<Unit>> {
        self.units.values()
    }

    pub fn unit(&self, id: AppId) -> Option<&Rc<Unit>> {
        self.units.get(&id)
    }

    /// Notes of an instance that leaves with another file whether it is stopped.
    pub fn note_hold(&mut self, unit: &Unit, held: bool) {
        match held {
            true => self.changes.held.insert(unit.key()),
            false => self.changes.held.remove(&unit.key()),
        };
    }

    /// Whether an instance that was never there is started by itself.
    pub fn comes_up(&self, unit: &Unit) -> bool {
        unit.app.autostart && !self.changes.held.contains(&unit.key())
    }

    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    pub fn ad_hoc(&self) -> impl Iterator<Item = &App> {
        self.ad_hoc.values().map(|app| &**app)
    }

    /// The numbers of an app's instances.
    pub fn ids_of(&self, name: &str) -> Vec<AppId> {
        self.units().filter(|unit| unit.app.name == name).map(|unit| unit.id).collect()
    }

    /// How many instances of an app there are to be.
    pub fn instances_of(&self, app: &App) -> u32 {
        self.changes.scales.get(&app.name).copied().unwrap_or_else(|| count(app.instances))
    }

    /// A name that a file has and that is in no file as well.
    pub fn doubled_by(&self, manifest: &Manifest) -> Option<&str> {
        self.ad_hoc.keys().map(String::as_str).find(|name| manifest.roster.iter().any(|(_, other)| other == name))
    }

    /// Numbers stay with whoever has them. The first instance of an app of the file gets its place in the file, if that is
    /// free; the others come after the last place. So a number means the same app in every profile.
    fn number(&mut self, taken: &BTreeMap<String, u32>) {
        let before = std::mem::take(&mut self.changes.ids);
        let wanted = self.wanted();
        let known = self.manifest.roster.iter().map(|(_, name)| name.clone());
        let in_use: BTreeSet<String> = known.chain(wanted.iter().map(|(key, ..)| key.clone())).collect();
        let mut ids: BTreeMap<String, u32> = before.into_iter().filter(|(key, _)| in_use.contains(key)).collect();
        ids.extend(taken.iter().map(|(key, id)| (key.clone(), *id)));
        let mut used: BTreeSet<u32> = ids.values().copied().collect();
        for (place, name) in &self.manifest.roster {
            if !ids.contains_key(name) && used.insert(*place) {
                ids.insert(name.clone(), *place);
            }
        }
        let first_free = self.manifest.apps_in_file;
        for key in in_use.iter().filter(|key| self.manifest.roster.iter().any(|(_, name)| name == *key)) {
            give(&mut ids, &mut used, key, first_free);
        }
        for (key, ..) in &wanted {
            give(&mut ids, &mut used, key, first_free);
        }
        for (key, app, instance, of, ad_hoc) in wanted {
            let id = AppId(ids[&key]);
            self.units.insert(id, Rc::new(Unit { id, instance, of, app, ad_hoc }));
        }
        self.changes.ids = ids;
    }

    fn wanted(&self) -> Vec<(String, Rc<App>, u32, u32, bool)> {
        let of_the_file = self.manifest.apps.iter().filter(|app| !self.changes.deleted.contains(&app.name));
        let of_the_file = of_the_file.map(|app| (Rc::new(app.clone()), false));
        let all = of_the_file.chain(self.ad_hoc.values().map(|app| (app.clone(), true)));
        let mut wanted = Vec::new();
        for (app, ad_hoc) in all {
            let of = self.instances_of(&app);
            wanted.extend((0..of).map(|instance| (key(&app.name, instance), app.clone(), instance, of, ad_hoc)));
        }
        wanted
    }
}

fn give(ids: &mut BTreeMap<String, u32>, used: &mut BTreeSet<u32>, key: &str, first_free: u32) {
    if ids.contains_key(key) {
        return;
    }
    let free = (first_free..).find(|id| !used.contains(id)).unwrap_or(u32::MAX);
    used.insert(free);
    ids.insert(key.to_owned(), free);
}

fn count(instances: Instances) -> u32 {
    match instances {
        Instances::Count(count) => count.max(1),
        Instances::EveryProcessor { less } => {
            let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
            u32::try_from(processors).unwrap_or(1).saturating_sub(less).max(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Manifest {
        manifest::parse(Path::new("/hub/ecosystem.toml"), text, None).unwrap()
    }

    fn apps(names: &[&str]) -> Manifest {
        file(&names.iter().map(|name| format!("[[apps]]\nname = '{name}'\nscript = 'true'\n")).collect::<String>())
    }

    fn shown(roster: &Roster) -> Vec<(u32, String)> {
        roster.units().map(|unit| (unit.id.0, unit.key())).collect()
    }

    fn pairs(pairs: &[(u32, &str)]) -> Vec<(u32, String)> {
        pairs.iter().map(|(id, key)| (*id, key.to_string())).collect()
    }

    const NOBODY: BTreeMap<String, u32> = BTreeMap::new();

    #[test]
    fn numbers_are_places_in_the_file_and_stay_with_whoever_has_them() {
        let roster = Roster::new(apps(&["a", "b"]), [], Changes::default(), &NOBODY);
        assert_eq!(shown(&roster), pairs(&[(0, "a"), (1, "b")]));
        let edited = roster.with_file(apps(&["new", "a", "b"]), &NOBODY);
        assert_eq!(shown(&edited), pairs(&[(0, "a"), (1, "b"), (3, "new")]));
        let gone = edited.with_file(apps(&["new", "b", "c"]), &NOBODY);
        assert_eq!(shown(&gone), pairs(&[(1, "b"), (2, "c"), (3, "new")]));
    }

    #[test]
    fn a_number_of_somebody_on_the_way_out_is_not_given_away() {
        let roster = Roster::new(apps(&["a", "b"]), [], Changes::default(), &NOBODY);
        let leaving = [("a".to_owned(), 0)].into();
        let edited = roster.with_file(apps(&["c", "b"]), &leaving);
        assert_eq!(shown(&edited), pairs(&[(1, "b"), (2, "c")]));
    }

    #[test]
    fn an_app_of_another_profile_keeps_its_number() {
        let text = "profile = 'https'\n[[apps]]\nname='a'\nscript='true'\nprofiles=['ngrok']\n[[apps]]\nname='b'\nscript='true'\n";
        let roster = Roster::new(file(text), [], Changes::default(), &NOBODY);
        let more = roster.scaled("b", 2, &NOBODY);
        assert_eq!(shown(&more), pairs(&[(1, "b"), (2, "b/1")]));
        let other = manifest::parse(Path::new("/hub/ecosystem.toml"), text, Some("ngrok")).unwrap();
        assert_eq!(shown(&more.with_file(other, &NOBODY)), pairs(&[(0, "a"), (1, "b"), (2, "b/1")]));
    }

    #[test]
    fn scaling_lasts_until_the_file_says_another_number() {
        let with = |count: u32| file(&format!("[[apps]]\nname='a'\nscript='true'\ninstances={count}\n"));
        let roster = Roster::new(with(2), [], Changes::default(), &NOBODY).scaled("a", 3, &NOBODY);
        assert_eq!(roster.units().count(), 3);
        assert_eq!(roster.with_file(with(2), &NOBODY).units().count(), 3);
        assert_eq!(roster.with_file(with(1), &NOBODY).units().count(), 1);
    }

    #[test]
    fn a_newcomer_in_the_place_of_one_that_leaves_gets_a_number_of_its_own() {
        let roster = Roster::new(apps(&["a", "b"]), [], Changes::default(), &NOBODY);
        assert_eq!(shown(&roster.with_file(apps(&["new", "b"]), &NOBODY)), pairs(&[(1, "b"), (2, "new")]));
        assert_eq!(shown(&roster.with_file(apps(&["new"]), &NOBODY)), pairs(&[(2, "new")]));
    }

    #[test]
    fn scaling_lasts_while_another_profile_is_in_force() {
        let text = "profile = 'https'\n[[apps]]\nname='a'\nscript='true'\nprofiles=['https']\n[[apps]]\nname='b'\nscript='true'\nprofiles=['ngrok']\n";
        let other = || manifest::parse(Path::new("/hub/ecosystem.toml"), text, Some("ngrok")).unwrap();
        let scaled = Roster::new(file(text), [], Changes::default(), &NOBODY).scaled("a", 3, &NOBODY);
        let back = scaled.with_file(other(), &NOBODY).with_file(file(text), &NOBODY);
        assert_eq!(back.units().count(), 3);
        let gone = scaled.with_file(apps(&["b"]), &NOBODY).with_file(file(text), &NOBODY);
        assert_eq!(gone.units().count(), 1);
    }

    #[test]
    fn what_is_deleted_stays_away_until_it_is_asked_for() {
        let roster = Roster::new(apps(&["a", "b"]), [], Changes::default(), &NOBODY);
        let without = roster.without(&["a".to_owned()].into(), &NOBODY);
        assert_eq!(shown(&without), pairs(&[(1, "b")]));
        let saved = without.with_file(apps(&["a", "b"]), &NOBODY);
        assert_eq!(shown(&saved), pairs(&[(1, "b")]));
        assert_eq!(shown(&saved.with_back(&["a".to_owned()], &NOBODY)), pairs(&[(0, "a"), (1, "b")]));
    }

    #[test]
    fn what_is_deleted_or_held_is_so_in_every_profile_until_the_file_has_it_no_more() {
        let named = |profile: &str| {
            let text = "[[apps]]\nname='a'\nscript='true'\n[[apps]]\nname='b'\nscript='true'\nprofiles=['one']\n";
            manifest::parse(Path::new("/hub/ecosystem.toml"), text, Some(profile)).unwrap()
        };
        let first = Roster::new(named("one"), [], Changes::default(), &NOBODY);
        let b = Rc::clone(first.unit(AppId(1)).unwrap());
        let mut held = first.clone();
        held.note_hold(&b, true);
        for roster in [held, first.without(&["b".to_owned()].into(), &NOBODY)] {
            let back = roster.with_file(named("default"), &NOBODY).with_file(named("one"), &NOBODY);
            assert_eq!(back.changes(), roster.changes());
            let forgotten = back.with_file(apps(&["a"]), &NOBODY);
            assert!(forgotten.changes().held.is_empty() && forgotten.changes().deleted.is_empty());
        }
    }

    #[test]
    fn instances_after_the_first_have_log_files_of_their_own_unless_they_share() {
        let logs = |merge: bool| {
            let text = format!("[[apps]]\nname='a'\nscript='true'\ninstances=2\nmerge_logs={merge}\n");
            let roster = Roster::new(file(&text), [], Changes::default(), &NOBODY);
            roster.units().map(|unit| unit.out_file().display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(logs(false), ["/hub/logs/a-out.log", "/hub/logs/a-out-1.log"]);
        assert_eq!(logs(true), ["/hub/logs/a-out.log", "/hub/logs/a-out.log"]);
    }
}
