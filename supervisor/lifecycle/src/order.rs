//! Which app waits for which.

use std::{collections::BTreeMap, fmt};

use crate::AppId;

/// Apps that wait for each other in a circle; the first is repeated at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CycleError(pub Vec<AppId>);

impl fmt::Display for CycleError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let circle: Vec<String> = self.0.iter().map(|id| id.0.to_string()).collect();
        write!(out, "apps wait for each other in a circle: {}", circle.join(" -> "))
    }
}

impl std::error::Error for CycleError {}

/// Who needs whom, without circles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    dependencies: BTreeMap<AppId, Vec<AppId>>,
    dependants: BTreeMap<AppId, Vec<AppId>>,
}

impl Order {
    pub(crate) fn new(dependencies: BTreeMap<AppId, Vec<AppId>>) -> Result<Self, CycleError> {
        if let Some(circle) = find_circle(&dependencies) {
            return Err(CycleError(circle));
        }
        let mut order = Self::default();
        dependencies.into_iter().for_each(|(id, needs)| order.insert(id, needs));
        Ok(order)
    }

    /// Adds an app that is leaving. Nothing that it needs waits for it but to be told to end, so it may close a circle.
    pub(crate) fn insert(&mut self, id: AppId, needs: Vec<AppId>) {
        for &need in &needs {
            self.dependants.entry(need).or_default().push(id);
        }
        self.dependencies.insert(id, needs);
    }

    /// What `id` needs.
    pub(crate) fn dependencies(&self, id: AppId) -> &[AppId] {
        self.dependencies.get(&id).map_or(&[], Vec::as_slice)
    }

    /// What needs `id`, and what did and was dropped since.
    pub(crate) fn dependants(&self, id: AppId) -> &[AppId] {
        self.dependants.get(&id).map_or(&[], Vec::as_slice)
    }
}

fn find_circle(dependencies: &BTreeMap<AppId, Vec<AppId>>) -> Option<Vec<AppId>> {
    let mut done = Vec::new();
    dependencies.keys().find_map(|&id| walk(dependencies, id, &mut Vec::new(), &mut done))
}

fn walk(
    dependencies: &BTreeMap<AppId, Vec<AppId>>,
    id: AppId,
    path: &mut Vec<AppId>,
    done: &mut Vec<AppId>,
) -> Option<Vec<AppId>> {
    if let Some(start) = path.iter().position(|seen| *seen == id) {
        return Some(path[start..].iter().copied().chain([id]).collect());
    }
    if done.contains(&id) {
        return None;
    }
    path.push(id);
    let found = dependencies.get(&id).into_iter().flatten().find_map(|&need| walk(dependencies, need, path, done));
    path.pop();
    done.push(id);
    found
}
