//! What this origin answers, who may call it, and which worker answers it.

use kit::Rule;

/// The workers behind this one, by their names in `ecosystem.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum App {
    /// `betti-backend`
    Backend,
    /// `betti-nutrition`
    Nutrition,
    /// `betti-webrtc`
    Video,
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// This worker, about itself.
    Itself,
    /// A worker behind it, at the same path.
    Request(App),
    /// A WebSocket of a worker behind it, at the path without its first part.
    Socket(App),
    /// How a device comes to trust this hub.
    Trust,
    /// The web app's files.
    Files,
}

/// A line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The path; with `/*` at its end, everything below it too.
    pub pattern: &'static str,
    /// Who may call it.
    ///
    /// The worker behind decides who may do what: it is shown the caller's credential as it is, and the address from which
    /// the caller came.
    pub rule: Rule,
    /// Who answers.
    pub to: Destination,
}

/// The first that fits counts. Paths are matched in any case, as existing clients write them.
pub const TABLE: [Route; 8] = [
    Route { pattern: "/health", rule: Rule::Public, to: Destination::Itself },
    Route { pattern: "/api/health", rule: Rule::Public, to: Destination::Request(App::Backend) },
    Route { pattern: "/api/nutrition/*", rule: Rule::Public, to: Destination::Request(App::Nutrition) },
    Route { pattern: "/api/*", rule: Rule::Public, to: Destination::Request(App::Backend) },
    Route { pattern: "/ws/*", rule: Rule::Public, to: Destination::Socket(App::Backend) },
    Route { pattern: "/video/*", rule: Rule::Public, to: Destination::Socket(App::Video) },
    Route { pattern: "/trust/*", rule: Rule::Public, to: Destination::Trust },
    Route { pattern: "/*", rule: Rule::Public, to: Destination::Files },
];

/// The route of a path.
pub fn find(path: &str) -> &'static Route {
    TABLE.iter().find(|route| route.rest(path).is_some()).unwrap_or(&TABLE[TABLE.len() - 1])
}

impl Route {
    /// What follows this route's own part of the path; `None` if the path is not its.
    pub fn rest<'a>(&self, path: &'a str) -> Option<&'a str> {
        let (own, takes_more) = match self.pattern.strip_suffix("/*") {
            Some(own) => (own, true),
            None => (self.pattern, false),
        };
        let (start, rest) = path.split_at_checked(own.len())?;
        let fits = rest.is_empty() || rest == "/" || (takes_more && rest.starts_with('/'));
        (fits && start.eq_ignore_ascii_case(own)).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_one_destination() {
        let table = [
            ("/health", Destination::Itself),
            ("/api/health", Destination::Request(App::Backend)),
            ("/api/health/", Destination::Request(App::Backend)),
            ("/api", Destination::Request(App::Backend)),
            ("/api/vitals/latest", Destination::Request(App::Backend)),
            ("/API/Nutrition/foods", Destination::Request(App::Nutrition)),
            ("/api/nutrition", Destination::Request(App::Nutrition)),
            ("/api/nutritionist", Destination::Request(App::Backend)),
            ("/ws", Destination::Socket(App::Backend)),
            ("/ws/", Destination::Socket(App::Backend)),
            ("/ws/any", Destination::Socket(App::Backend)),
            ("/video", Destination::Socket(App::Video)),
            ("/trust", Destination::Trust),
            ("/trust/betti-ca.crt", Destination::Trust),
            ("/trusty", Destination::Files),
            ("/", Destination::Files),
            ("", Destination::Files),
            ("*", Destination::Files),
            ("/wsx", Destination::Files),
            ("/videos", Destination::Files),
            ("/apis", Destination::Files),
            ("/healthy", Destination::Files),
            ("/assets/api/x.js", Destination::Files),
            ("//api/vitals", Destination::Files),
            ("/%61pi/vitals", Destination::Files),
            ("/wß", Destination::Files),
        ];
        for (path, destination) in table {
            assert_eq!(find(path).to, destination, "{path}");
        }
    }

    #[test]
    fn what_follows_is_known() {
        assert_eq!(find("/ws").rest("/ws"), Some(""));
        assert_eq!(find("/video/a/b").rest("/video/a/b"), Some("/a/b"));
    }

    #[test]
    fn what_is_public_here_has_no_data_or_is_decided_about_behind() {
        for Route { pattern, rule, to } in TABLE {
            assert_eq!(rule, Rule::Public, "{pattern}: nobody is known here");
            let is_behind = matches!(to, Destination::Request(_) | Destination::Socket(_));
            assert!(is_behind || matches!(pattern, "/health" | "/trust/*" | "/*"), "{pattern}");
        }
    }
}
