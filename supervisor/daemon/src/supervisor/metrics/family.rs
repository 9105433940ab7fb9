//! Makes families: which kinds there are, and what their samples are called.

use std::collections::BTreeMap;

use protocol::control::{Family, Sample};

/// What a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, or begins anew: `_total`, and since when: `_created`.
    Counter,
    /// What it is now.
    Gauge,
    /// How many within which limit: `_bucket`, `_count`, `_sum`, `_created`.
    Histogram,
    /// Text, in labels; the number is 1: `_info`.
    Info,
    /// One sample a state, in a label of the family's own name, of which one is 1.
    StateSet,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
            Self::StateSet => "stateset",
        }
    }
}

/// What is always the same of a family. A unit is also the name's ending.
pub struct Meta {
    pub name: &'static str,
    pub kind: Kind,
    pub unit: Option<&'static str>,
    pub help: &'static str,
}

impl Meta {
    pub const fn new(kind: Kind, name: &'static str, help: &'static str) -> Self {
        Self { name, kind, unit: None, help }
    }

    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(Kind::Counter, name, help)
    }

    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(Kind::Gauge, name, help)
    }

    pub const fn in_unit(self, unit: &'static str) -> Self {
        Self { unit: Some(unit), ..self }
    }

    /// Without samples, as yet.
    pub fn family(&self) -> Family {
        Family {
            name: self.name.to_owned(),
            r#type: self.kind.word().to_owned(),
            unit: self.unit.map(str::to_owned),
            help: self.help.to_owned(),
            samples: Vec::new(),
        }
    }
}

/// What a sample is about.
pub type Labels = BTreeMap<String, String>;

pub fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// As `base`, and one more.
pub fn with(base: &Labels, name: &str, value: &str) -> Labels {
    let mut labels = base.clone();
    labels.insert(name.to_owned(), value.to_owned());
    labels
}

/// What is added to a family, by its kind.
pub trait Add {
    /// A gauge's number.
    fn gauge(&mut self, labels: &Labels, value: f64);
    /// A gauge's number, unless it is unknown: unknown is not zero.
    fn known(&mut self, labels: &Labels, value: Option<f64>);
    /// A counter's, with the time since when it counts, in seconds since 1970.
    fn count(&mut self, labels: &Labels, value: f64, created: f64);
    /// `within`: limits, and how many were within each; `count` of all, which took `sum` together.
    fn distribution(&mut self, labels: &Labels, within: &[(f64, u64)], count: u64, sum: f64, created: f64);
    /// What the labels say.
    fn info(&mut self, labels: &Labels);
    /// Of these states, this one is.
    fn state<'s>(&mut self, labels: &Labels, states: impl IntoIterator<Item = &'s str>, state: &str);
}

impl Add for Family {
    fn gauge(&mut self, labels: &Labels, value: f64) {
        push(self, "", labels.clone(), value);
    }

    fn known(&mut self, labels: &Labels, value: Option<f64>) {
        value.into_iter().for_each(|value| self.gauge(labels, value));
    }

    fn count(&mut self, labels: &Labels, value: f64, created: f64) {
        push(self, "_total", labels.clone(), value);
        push(self, "_created", labels.clone(), created);
    }

    fn distribution(&mut self, labels: &Labels, within: &[(f64, u64)], count: u64, sum: f64, created: f64) {
        for (limit, so_many) in within {
            push(self, "_bucket", with(labels, "le", &format!("{limit:?}")), *so_many as f64);
        }
        push(self, "_bucket", with(labels, "le", "+Inf"), count as f64);
        push(self, "_count", labels.clone(), count as f64);
        push(self, "_sum", labels.clone(), sum);
        push(self, "_created", labels.clone(), created);
    }

    fn info(&mut self, labels: &Labels) {
        push(self, "_info", labels.clone(), 1.0);
    }

    fn state<'s>(&mut self, labels: &Labels, states: impl IntoIterator<Item = &'s str>, state: &str) {
        let name = self.name.clone();
        for one in states {
            push(self, "", with(labels, &name, one), f64::from(u8::from(one == state)));
        }
    }
}

fn push(family: &mut Family, ending: &str, labels: Labels, value: f64) {
    let name = format!("{}{ending}", family.name);
    family.samples.push(Sample { name, labels, value });
}
