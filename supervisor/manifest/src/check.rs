//! What must hold between apps.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;

use crate::diagnostic::Mistake;
use crate::model::Address;
use crate::profile;
use crate::suggest;
use crate::value::Placed;
use crate::written::Written;

type ByName<'a> = BTreeMap<&'a str, usize>;

/// Notes every mistake between apps.
pub(crate) fn between(apps: &[Written], profile: &str, mistakes: &mut Vec<Mistake>) {
    let by_name = unique_names(apps, mistakes);
    // Where a name could not be read, who is meant by a dependency is not known either.
    if apps.iter().all(|app| app.name.is_some()) {
        dependencies(apps, &by_name, profile, mistakes);
    }
    cycles(apps, &by_name, mistakes);
    addresses(apps, profile, mistakes);
}

fn name(app: &Written) -> &str {
    app.name.as_ref().map_or("", |name| name.get_ref())
}

fn unique_names<'a>(apps: &'a [Written], mistakes: &mut Vec<Mistake>) -> ByName<'a> {
    let mut by_name = ByName::new();
    for (place, app) in apps.iter().enumerate() {
        let Some(written) = &app.name else { continue };
        let Some(earlier) = by_name.get(written.get_ref().as_str()).map(|earlier: &usize| &apps[*earlier]) else {
            by_name.insert(written.get_ref(), place);
            continue;
        };
        let first = earlier.name.as_ref().map_or(earlier.header.clone(), Placed::span);
        let mistake = Mistake::new(written.span(), format!("two apps are called `{}`", written.get_ref()))
            .related(first, "the first one")
            .help("give each app a `name` of its own");
        mistakes.push(mistake);
    }
    by_name
}

fn dependencies(apps: &[Written], by_name: &ByName<'_>, profile: &str, mistakes: &mut Vec<Mistake>) {
    for app in apps {
        for needed in &app.depends_on {
            match by_name.get(needed.get_ref().as_str()).map(|place| &apps[*place]) {
                None => mistakes.push(unknown(app, needed, by_name)),
                Some(other) if profile::has(profile, app) && !profile::has(profile, other) => {
                    mistakes.push(absent(app, needed, other, profile));
                }
                Some(_) => {}
            }
        }
    }
}

fn unknown(app: &Written, needed: &Placed<String>, by_name: &ByName<'_>) -> Mistake {
    let others: Vec<&str> = by_name.keys().copied().filter(|other| *other != name(app)).collect();
    let all = (!others.is_empty()).then(|| format!("the other apps are {}", suggest::listed(others.iter().copied())));
    let help = suggest::did_you_mean(needed.get_ref(), others).or(all);
    Mistake::new(needed.span(), format!("there is no app called `{}`", needed.get_ref())).maybe_help(help)
}

fn absent(app: &Written, needed: &Placed<String>, other: &Written, profile: &str) -> Mistake {
    let (app, needs) = (name(app), needed.get_ref());
    let only = suggest::listed(other.profiles.iter().map(|one| one.get_ref().as_str()));
    let message = format!("`{app}` needs `{needs}`, which does not run in the profile `{profile}`");
    let help =
        format!("`{needs}` runs in {only} only: add `{profile}` to its `profiles`, or limit `{app}` to the same");
    Mistake::new(needed.span(), message).help(help)
}

/// Each ring of apps that wait for each other, once, where its first app names the next one.
fn cycles(apps: &[Written], by_name: &ByName<'_>, mistakes: &mut Vec<Mistake>) {
    let mut walk = Walk { apps, by_name, done: vec![false; apps.len()], path: Vec::new(), mistakes };
    for place in 0..apps.len() {
        walk.visit(place);
    }
}

struct Walk<'a, 'm> {
    apps: &'a [Written],
    by_name: &'a ByName<'a>,
    /// Apps from which every way was walked.
    done: Vec<bool>,
    /// The apps from where the walk began to where it is, each with the dependency that led on.
    path: Vec<(usize, Range<usize>)>,
    mistakes: &'m mut Vec<Mistake>,
}

impl Walk<'_, '_> {
    fn visit(&mut self, place: usize) {
        if self.done[place] {
            return;
        }
        for needed in &self.apps[place].depends_on {
            let Some(&next) = self.by_name.get(needed.get_ref().as_str()) else { continue };
            self.path.push((place, needed.span()));
            match self.path.iter().position(|(earlier, _)| *earlier == next) {
                Some(first) => self.mistakes.push(ring(self.apps, &self.path[first..])),
                None => self.visit(next),
            }
            self.path.pop();
        }
        self.done[place] = true;
    }
}

fn ring(apps: &[Written], path: &[(usize, Range<usize>)]) -> Mistake {
    let (first, place) = &path[0];
    if path.len() == 1 {
        return Mistake::new(place.clone(), format!("`{}` depends on itself", name(&apps[*first])));
    }
    let names = path.iter().chain([&path[0]]).map(|(app, _)| format!("`{}`", name(&apps[*app])));
    let names: Vec<String> = names.collect();
    Mistake::new(place.clone(), format!("these apps wait for each other: {}", names.join(" → ")))
        .help("remove one of these dependencies")
}

/// A place that an app listens on.
struct Claim<'a> {
    app: &'a Written,
    address: Address,
    place: Range<usize>,
    /// As it is called in a message.
    what: String,
}

fn claims(app: &Written) -> Vec<Claim<'_>> {
    let listen = app.listen.iter().map(|address| Claim {
        app,
        address: address.get_ref().clone(),
        place: address.span(),
        what: format!("the address {}", address.get_ref()),
    });
    // With held sockets `port` is a hint only. Without, where the app opens it is not known, so it may be anywhere.
    let port = app.port.as_ref().filter(|_| app.opens_its_port()).map(|port| Claim {
        app,
        address: Address::Tcp(SocketAddr::from((Ipv4Addr::UNSPECIFIED, *port.get_ref()))),
        place: port.span(),
        what: format!("the port {}", port.get_ref()),
    });
    listen.chain(port).collect()
}

fn addresses(apps: &[Written], profile: &str, mistakes: &mut Vec<Mistake>) {
    let mut by_port: BTreeMap<Option<u16>, Vec<Claim<'_>>> = BTreeMap::new();
    for claim in apps.iter().filter(|app| profile::has(profile, app)).flat_map(claims) {
        let earlier = by_port.entry(claim.address.port()).or_default();
        if let Some(first) = earlier.iter().find(|first| first.address.overlaps(&claim.address)) {
            mistakes.push(collision(first, &claim));
        } else {
            earlier.push(claim);
        }
    }
}

fn collision(first: &Claim<'_>, second: &Claim<'_>) -> Mistake {
    let message = match std::ptr::eq(first.app, second.app) {
        true => format!("{} is taken by the same app", second.what),
        false => format!("{} of `{}` is taken by `{}`", second.what, name(second.app), name(first.app)),
    };
    let help = match second.address.port() {
        _ if std::ptr::eq(first.app, second.app) && first.address == second.address => "remove one of the two",
        Some(_) => "choose another port",
        None => "choose another path",
    };
    Mistake::new(second.place.clone(), message).related(first.place.clone(), "taken here").help(help)
}
