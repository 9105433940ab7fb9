//! The forms in which `GET /metrics` is answered, and which of them a client asks for.

/// A form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Prometheus' text, version 0.0.4: for whoever does not say what it wants.
    #[default]
    Text,
    /// OpenMetrics, version 1.0.0.
    OpenMetrics,
    /// A list of families, for programs that have a parser of JSON and no other.
    Json,
}

/// Marks an `Accept` header's preference, from 0 to this.
const MOST_PREFERRED: u32 = 1000;

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Text, Self::OpenMetrics, Self::Json];

    /// What an answer in it is called.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Json => "application/json",
        }
    }

    /// The one that an `Accept` header prefers: the highest `q`, then the one that is named most exactly, then the first.
    /// [`Format::Text`] if there is none, because an answer in the wrong form tells more than none.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        let mut best = (0, 0, Self::Text);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default().to_ascii_lowercase();
            let parameters: Vec<(String, &str)> = parts.filter_map(parameter).collect();
            let Some((exactness, format)) = named(&media, &parameters) else { continue };
            let preference = parameters.iter().find(|(name, _)| name == "q").map_or(MOST_PREFERRED, |(_, q)| weight(q));
            if (preference, exactness) > (best.0, best.1) && preference > 0 {
                best = (preference, exactness, format);
            }
        }
        best.2
    }
}

fn parameter(text: &str) -> Option<(String, &str)> {
    let (name, value) = text.split_once('=')?;
    Some((name.trim().to_ascii_lowercase(), value.trim().trim_matches('"')))
}

/// How exactly a media range names a form of ours, if it does.
fn named(media: &str, parameters: &[(String, &str)]) -> Option<(u32, Format)> {
    let version = parameters.iter().find(|(name, _)| name == "version").map(|(_, version)| *version);
    match media {
        "application/openmetrics-text" => {
            version.is_none_or(|version| version == "1.0.0").then_some(Format::OpenMetrics)
        }
        "text/plain" => version.is_none_or(|version| version == "0.0.4").then_some(Format::Text),
        "application/json" => Some(Format::Json),
        "text/*" => return Some((2, Format::Text)),
        "*/*" => return Some((1, Format::Text)),
        _ => None,
    }
    .map(|format| (3, format))
}

/// `0.75` in thousandths; what is no such number is not preferred at all.
fn weight(q: &str) -> u32 {
    let q: f32 = q.parse().unwrap_or(0.0);
    (q.clamp(0.0, 1.0) * MOST_PREFERRED as f32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_the_form_that_it_prefers() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;\
                          q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, expected) in [
            ("", Format::Text),
            ("*/*", Format::Text),
            ("text/*", Format::Text),
            ("text/plain", Format::Text),
            ("text/html, image/png", Format::Text),
            ("application/openmetrics-text; version=1.0.0", Format::OpenMetrics),
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", Format::OpenMetrics),
            ("Application/OpenMetrics-Text;Version=\"1.0.0\"", Format::OpenMetrics),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("application/openmetrics-text; version=2.0.0", Format::Text),
            (prometheus, Format::OpenMetrics),
            ("*/*, application/openmetrics-text", Format::OpenMetrics),
            ("text/plain, application/openmetrics-text", Format::Text),
            ("text/plain;q=0.2, application/openmetrics-text;q=0.1", Format::Text),
            ("text/plain;q=0.1, application/openmetrics-text;q=0.2", Format::OpenMetrics),
            ("application/openmetrics-text;q=0", Format::Text),
            ("application/openmetrics-text;q=nonsense, application/json;q=0.1", Format::Json),
            ("application/json", Format::Json),
            (";;,,=", Format::Text),
        ] {
            assert_eq!(Format::accepted(accept), expected, "{accept}");
        }
    }

    #[test]
    fn whoever_asks_for_what_an_answer_is_called_gets_it() {
        for format in Format::ALL {
            assert_eq!(Format::accepted(format.content_type()), format);
        }
    }
}
