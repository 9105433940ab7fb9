//! Reads OpenMetrics 1.0.0 as its specification has it, and nothing that is not it: what a lenient reader lets pass is an error here.

use std::collections::{BTreeMap, BTreeSet};

/// What a sample is about.
pub type Labels = BTreeMap<String, String>;

/// A whole answer.
#[derive(Clone, Debug, Default)]
pub struct Exposition {
    /// In their order.
    pub families: Vec<Family>,
}

/// One family.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Family {
    /// Its name, without the endings of its samples.
    pub name: String,
    /// `counter`, `gauge` and so on.
    pub kind: String,
    /// What it is measured in.
    pub unit: Option<String>,
    /// What it means.
    pub help: String,
    /// In their order.
    pub samples: Vec<Sample>,
}

/// One number.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// With its ending.
    pub name: String,
    /// What it is about.
    pub labels: Labels,
    /// How much.
    pub value: f64,
}

const KINDS: [&str; 8] = ["counter", "gauge", "histogram", "gaugehistogram", "stateset", "info", "summary", "unknown"];

impl Exposition {
    /// The only sample of this name that has these labels, among others perhaps; `None` if there is none.
    ///
    /// # Panics
    /// If there are several.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let has = |sample: &&Sample| {
            sample.name == name
                && labels.iter().all(|(name, value)| sample.labels.get(*name).is_some_and(|has| has == value))
        };
        let mut found = self.samples().filter(has);
        let value = found.next()?.value;
        assert!(found.next().is_none(), "{name}{labels:?} is there more than once");
        Some(value)
    }

    /// All of them.
    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.families.iter().flat_map(|family| &family.samples)
    }

    /// What can be asked for: the names of all samples.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        self.samples().map(|sample| sample.name.as_str()).collect()
    }
}

/// Reads a whole answer.
///
/// # Errors
/// With the line, if anything in it is not as it must be.
pub fn parse(text: &str) -> Result<Exposition, String> {
    let body = text.strip_suffix("# EOF\n").ok_or("it does not end with `# EOF` and a line end")?;
    if !body.is_empty() && !body.ends_with('\n') {
        return Err("`# EOF` is not on a line of its own".to_owned());
    }
    let mut exposition = Exposition::default();
    for (number, line) in body.split_terminator('\n').enumerate() {
        take(&mut exposition.families, line).map_err(|error| format!("line {}: {error}: {line}", number + 1))?;
    }
    let mut names = BTreeSet::new();
    for family in &exposition.families {
        check(family).map_err(|error| format!("{}: {error}", family.name))?;
        for name in reserved(family) {
            if !names.insert(name.clone()) {
                return Err(format!("{name} is the name of two things"));
            }
        }
    }
    Ok(exposition)
}

/// All names that a family's samples may have.
fn reserved(family: &Family) -> BTreeSet<String> {
    let endings = endings(&family.kind).iter().map(|ending| format!("{}{ending}", family.name));
    endings.chain([family.name.clone()]).collect()
}

fn endings(kind: &str) -> &'static [&'static str] {
    match kind {
        "counter" => &["_total", "_created"],
        "histogram" => &["_bucket", "_count", "_sum", "_created"],
        "gaugehistogram" => &["_bucket", "_gcount", "_gsum"],
        "summary" => &["", "_count", "_sum", "_created"],
        "info" => &["_info"],
        _ => &[""],
    }
}

fn take(families: &mut Vec<Family>, line: &str) -> Result<(), String> {
    match line.strip_prefix("# ") {
        Some(rest) => metadata(families, rest),
        None => {
            let family = families.last_mut().ok_or("a sample before any family")?;
            let sample = sample(line)?;
            let ending = sample.name.strip_prefix(&family.name).ok_or("a sample that is not of this family")?;
            if !endings(&family.kind).contains(&ending) {
                return Err(format!("a {} has no `{ending}`", family.kind));
            }
            family.samples.push(sample);
            Ok(())
        }
    }
}

fn metadata(families: &mut Vec<Family>, rest: &str) -> Result<(), String> {
    let mut parts = rest.splitn(3, ' ');
    let (Some(word), Some(name), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("metadata has a word, a name and a text".to_owned());
    };
    if !is_name(name, true) {
        return Err(format!("`{name}` is no name"));
    }
    if families.last().is_none_or(|family| family.name != name) {
        families.push(Family { name: name.to_owned(), ..Family::default() });
    }
    let family = families.last_mut().ok_or("no family")?;
    if !family.samples.is_empty() {
        return Err("metadata after samples".to_owned());
    }
    let once = |is_new: bool| if is_new { Ok(()) } else { Err(format!("{word} twice")) };
    match word {
        "TYPE" if KINDS.contains(&text) => {
            once(family.kind.is_empty())?;
            family.kind = text.to_owned();
        }
        "UNIT" => {
            once(family.unit.is_none())?;
            family.unit = Some(text.to_owned());
        }
        "HELP" => {
            once(family.help.is_empty())?;
            let (help, rest) = escaped(text)?;
            if !rest.is_empty() || help.is_empty() {
                return Err("a help text is not empty, and quotes in it are escaped".to_owned());
            }
            family.help = help;
        }
        _ => return Err("neither TYPE nor UNIT nor HELP".to_owned()),
    }
    Ok(())
}

fn is_name(text: &str, colons: bool) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || colons && byte == b':';
    text.bytes().all(fits) && text.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

/// Text up to a quote that is not escaped, or the end; and the rest from the quote on.
fn escaped(text: &str) -> Result<(String, &str), String> {
    let mut found = String::new();
    let mut rest = text.char_indices();
    while let Some((at, character)) = rest.next() {
        match character {
            '"' => return Ok((found, &text[at..])),
            '\\' => found.push(match rest.next() {
                Some((_, 'n')) => '\n',
                Some((_, same @ ('"' | '\\'))) => same,
                _ => return Err("a backslash before what needs none".to_owned()),
            }),
            other => found.push(other),
        }
    }
    Ok((found, ""))
}

fn sample(line: &str) -> Result<Sample, String> {
    let end = line.find(['{', ' ']).ok_or("neither labels nor a number")?;
    let (name, mut rest) = line.split_at(end);
    if !is_name(name, true) {
        return Err(format!("`{name}` is no name"));
    }
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, quoted) = rest.split_once("=\"").ok_or("a label without a value")?;
            if !is_name(label, false) || label.starts_with("__") {
                return Err(format!("`{label}` is no label"));
            }
            let (value, after) = escaped(quoted)?;
            rest = after.strip_prefix('"').ok_or("a label's value without an end")?;
            if labels.insert(label.to_owned(), value).is_some() {
                return Err(format!("`{label}` twice"));
            }
            match rest.strip_prefix(',') {
                Some(more) if !more.starts_with('}') => rest = more,
                Some(_) => return Err("a comma before the end of labels".to_owned()),
                None if rest.starts_with('}') => {}
                None => return Err("no comma between labels".to_owned()),
            }
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').ok_or("no space before the number")?;
    Ok(Sample { name: name.to_owned(), labels, value: number(value)? })
}

/// Times of samples and exemplars are not written by us, so they are errors too.
fn number(text: &str) -> Result<f64, String> {
    match text {
        "+Inf" => return Ok(f64::INFINITY),
        "-Inf" => return Ok(f64::NEG_INFINITY),
        "NaN" => return Ok(f64::NAN),
        _ => {}
    }
    let fits = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    match text.parse() {
        Ok(number) if text.bytes().all(fits) => Ok(number),
        _ => Err(format!("`{text}` is no number")),
    }
}

fn check(family: &Family) -> Result<(), String> {
    let Family { name, kind, unit, help, samples } = family;
    if kind.is_empty() || help.is_empty() {
        return Err("it has no TYPE or no HELP".to_owned());
    }
    if let Some(unit) = unit
        && (!name.ends_with(&format!("_{unit}")) || ["info", "stateset"].contains(&kind.as_str()))
    {
        return Err(format!("the unit {unit} does not fit its name or type"));
    }
    if ["_total", "_created", "_bucket", "_count", "_sum", "_info"].iter().any(|ending| name.ends_with(ending)) {
        return Err("its name ends as a sample's".to_owned());
    }
    let mut seen = BTreeSet::new();
    for Sample { name, labels, .. } in samples {
        if !seen.insert((name, labels)) {
            return Err(format!("{name}{labels:?} twice"));
        }
    }
    let points = points(family)?;
    for (labels, point) in &points {
        check_point(kind, point).map_err(|error| format!("{error} of {labels:?}"))?;
    }
    Ok(())
}

type Points<'f> = Vec<(Labels, Vec<&'f Sample>)>;

/// Samples that belong together, which must stand together.
fn points(family: &Family) -> Result<Points<'_>, String> {
    let mut points: Points = Vec::new();
    for sample in &family.samples {
        let mut labels = sample.labels.clone();
        match family.kind.as_str() {
            "histogram" => drop(labels.remove("le")),
            "stateset" => labels.remove(&family.name).map(drop).ok_or("a state without its label")?,
            _ => {}
        }
        let known = points.iter().position(|(other, _)| *other == labels);
        match known {
            Some(at) if at + 1 == points.len() => points[at].1.push(sample),
            Some(_) => return Err(format!("{labels:?} is torn apart")),
            None => points.push((labels, vec![sample])),
        }
    }
    Ok(points)
}

fn check_point(kind: &str, point: &[&Sample]) -> Result<(), String> {
    let values = |ending: &str| -> Vec<f64> {
        point.iter().filter(|sample| sample.name.ends_with(ending)).map(|sample| sample.value).collect()
    };
    let one = |ending: &str| match values(ending).as_slice() {
        [value] => Ok(*value),
        _ => Err(format!("not one {ending}")),
    };
    let never_negative = |value: f64| if value >= 0.0 { Ok(()) } else { Err(format!("{value} is not counted")) };
    match kind {
        "counter" => never_negative(one("_total")?)?,
        "info" if point.iter().any(|sample| (sample.value - 1.0).abs() > 0.0) => return Err("an info is 1".to_owned()),
        "stateset" if point.iter().any(|sample| ![0.0, 1.0].contains(&sample.value)) => {
            return Err("a state is 0 or 1".to_owned());
        }
        "histogram" => {
            let buckets: Vec<_> = point.iter().filter(|sample| sample.name.ends_with("_bucket")).collect();
            let limit = |sample: &Sample| number(sample.labels.get("le").map_or("", String::as_str));
            let limits = buckets.iter().map(|sample| limit(sample)).collect::<Result<Vec<_>, _>>()?;
            let counts: Vec<f64> = buckets.iter().map(|sample| sample.value).collect();
            let is_canonical = |sample: &Sample| sample.labels["le"] == "+Inf" || sample.labels["le"].contains('.');
            if !buckets.iter().all(|sample| is_canonical(sample)) {
                return Err("a limit that is not written canonically".to_owned());
            }
            if limits.last() != Some(&f64::INFINITY) || !limits.is_sorted_by(|one, other| one < other) {
                return Err("limits that do not rise to +Inf".to_owned());
            }
            if !counts.is_sorted() || counts.last() != Some(&one("_count")?) {
                return Err("counts that do not rise to the count of all".to_owned());
            }
            never_negative(one("_sum")?)?;
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds What \\\\ it is.\n\
                        a_seconds_total{b=\"c\\\"\\\\\\n\",d=\"\"} 1.5\na_seconds_created{b=\"c\\\"\\\\\\n\",d=\"\"} 1e9\n\
                        # TYPE s stateset\n# HELP s State.\ns{s=\"on\"} 1\ns{s=\"off\"} 0\n\
                        # TYPE h histogram\n# HELP h How.\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 3\n\
                        # EOF\n";

    #[test]
    fn what_is_right_is_read() {
        let exposition = parse(GOOD).unwrap();
        assert_eq!(exposition.value("a_seconds_total", &[("b", "c\"\\\n")]), Some(1.5));
        assert_eq!(exposition.value("s", &[("s", "off")]), Some(0.0));
        assert_eq!(exposition.value("s", &[("s", "broken")]), None);
        assert_eq!(exposition.families.len(), 3);
        assert_eq!(exposition.families[0].help, "What \\ it is.");
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for (right, wrong) in [
            ("# EOF\n", "# EOF"),
            ("# EOF\n", "# EOF\n\n"),
            ("# EOF\n", ""),
            ("a_seconds_total{", "a_seconds{"),
            ("a_seconds_total{", "b_seconds_total{"),
            ("# UNIT a_seconds seconds", "# UNIT a_seconds bytes"),
            ("# UNIT a_seconds seconds", "# UNIT a_seconds seconds\n# UNIT a_seconds seconds"),
            ("# TYPE s stateset", "# TYPE s stateset\n# UNIT s s"),
            ("# TYPE s stateset", "# TYPE s states"),
            ("# TYPE s stateset", "# TYPE a_seconds_total gauge\n# HELP a_seconds_total x\n# TYPE s stateset"),
            ("# HELP s State.\n", ""),
            ("# HELP s State.", "# HELP s \"State\"."),
            ("# HELP s State.\n", "\n"),
            ("c\\\"", "c\""),
            ("\\n\",d", "\\t\",d"),
            ("d=\"\"} 1.5", "d=\"\",} 1.5"),
            ("d=\"\"} 1.5", "b=\"\"} 1.5"),
            ("d=\"\"} 1.5", "d=\"\"}  1.5"),
            ("d=\"\"} 1.5", "d=\"\"} 1.5 "),
            ("d=\"\"} 1.5", "d=\"\"} -1.5"),
            ("d=\"\"} 1.5", "d=\"\"} inf"),
            ("d=\"\"} 1.5", "d=\"\"} 1_5"),
            ("s{s=\"on\"} 1", "s{s=\"on\"} 2"),
            ("s{s=\"on\"} 1", "s{s=\"off\"} 0"),
            ("s{s=\"on\"} 1", "s 1"),
            ("le=\"0.5\"", "le=\"1\""),
            ("le=\"+Inf\"", "le=\"0.25\""),
            ("h_count 2", "h_count 3"),
            ("h_bucket{le=\"0.5\"} 1", "h_bucket{le=\"0.5\"} 5"),
            ("h_sum 3\n", ""),
            ("# HELP h How.\n", "# HELP h How.\nh_count{x=\"1\"} 1\n"),
        ] {
            assert!(GOOD.contains(right), "{right}");
            let text = GOOD.replacen(right, wrong, 1);
            assert!(parse(&text).is_err(), "{right:?} became {wrong:?}, and nobody minds");
        }
    }
}
