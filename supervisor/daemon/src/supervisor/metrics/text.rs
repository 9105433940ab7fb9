//! Families as text: OpenMetrics 1.0.0, or what Prometheus read before that (0.0.4), which knows no states, no infos, no units and
//! no times of creation.

use std::fmt::Write;

use protocol::control::{Family, Sample};
use protocol::metrics::Format;

/// An answer that grows by one family after the other.
pub struct Answer {
    format: Format,
    text: String,
}

impl Answer {
    pub fn new(format: Format) -> Self {
        Self { format, text: String::new() }
    }

    pub fn add(&mut self, family: &Family) {
        match self.format {
            Format::OpenMetrics => openmetrics(&mut self.text, family),
            Format::Text => plain(&mut self.text, family),
            Format::Json => {
                self.text.push(if self.text.is_empty() { '[' } else { ',' });
                self.text.push_str(&serde_json::to_string(family).unwrap_or_default()); // plain data can be written
            }
        }
    }

    /// The whole of it.
    pub fn finish(mut self) -> String {
        match self.format {
            Format::OpenMetrics => self.text.push_str("# EOF\n"),
            Format::Text => {}
            Format::Json => self.text.push_str(if self.text.is_empty() { "[]" } else { "]" }),
        }
        self.text
    }
}

fn openmetrics(text: &mut String, family: &Family) {
    let Family { name, r#type, unit, help, samples } = family;
    line(text, format_args!("# TYPE {name} {type}"));
    if let Some(unit) = unit {
        line(text, format_args!("# UNIT {name} {unit}"));
    }
    line(text, format_args!("# HELP {name} {}", escaped(help)));
    samples.iter().for_each(|sample| self::sample(text, sample));
}

fn plain(text: &mut String, family: &Family) {
    // Here a family is called as its samples are.
    let (ending, r#type) = match family.r#type.as_str() {
        "counter" => ("_total", "counter"),
        "info" => ("_info", "gauge"),
        "stateset" => ("", "gauge"),
        other => ("", other),
    };
    let name = &family.name;
    let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
    line(text, format_args!("# HELP {name}{ending} {help}"));
    line(text, format_args!("# TYPE {name}{ending} {type}"));
    let samples = family.samples.iter().filter(|sample| !sample.name.ends_with("_created"));
    samples.for_each(|sample| self::sample(text, sample));
}

fn sample(text: &mut String, sample: &Sample) {
    text.push_str(&sample.name);
    for (place, (name, value)) in sample.labels.iter().enumerate() {
        let before = if place == 0 { '{' } else { ',' };
        let _ = write!(text, "{before}{name}=\"{}\"", escaped(value)); // text takes text
    }
    if !sample.labels.is_empty() {
        text.push('}');
    }
    line(text, format_args!(" {}", number(sample.value)));
}

fn line(text: &mut String, words: std::fmt::Arguments) {
    let _ = writeln!(text, "{words}"); // text takes text
}

/// Backslashes, quotes and line ends, as both forms have it in labels.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn number(value: f64) -> String {
    match value {
        _ if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        _ => value.to_string(), // whole numbers without a point, never with an exponent
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::family::{Add, Kind, Meta, labels};
    use super::*;

    fn render(families: &[Family], format: Format) -> String {
        let mut answer = Answer::new(format);
        families.iter().for_each(|family| answer.add(family));
        answer.finish()
    }

    fn families() -> Vec<Family> {
        let mut restarts = Meta::counter("betti_app_restarts", "How often.").family();
        restarts.count(&labels([("app", "a\"b\\c\nd")]), 3.0, 1_700_000_000.5);
        let mut cpu = Meta::counter("betti_app_cpu_seconds", "Time.").in_unit("seconds").family();
        cpu.count(&labels([]), 0.25, 1.0);
        let mut info = Meta::new(Kind::Info, "betti", "Which.").family();
        info.info(&labels([("version", "1.2.3")]));
        let mut state = Meta::new(Kind::StateSet, "betti_app_state", "What.").family();
        state.state(&labels([("app", "a")]), ["online", "stopped"], "stopped");
        let mut ready = Meta::new(Kind::Histogram, "betti_ready_seconds", "When.").in_unit("seconds").family();
        ready.distribution(&labels([]), &[(0.5, 1), (10.0, 2)], 3, 40.5, 2.0);
        vec![restarts, cpu, info, state, ready]
    }

    #[test]
    fn openmetrics_is_written_as_its_specification_says() {
        let expected = r#"# TYPE betti_app_restarts counter
# HELP betti_app_restarts How often.
betti_app_restarts_total{app="a\"b\\c\nd"} 3
betti_app_restarts_created{app="a\"b\\c\nd"} 1700000000.5
# TYPE betti_app_cpu_seconds counter
# UNIT betti_app_cpu_seconds seconds
# HELP betti_app_cpu_seconds Time.
betti_app_cpu_seconds_total 0.25
betti_app_cpu_seconds_created 1
# TYPE betti info
# HELP betti Which.
betti_info{version="1.2.3"} 1
# TYPE betti_app_state stateset
# HELP betti_app_state What.
betti_app_state{app="a",betti_app_state="online"} 0
betti_app_state{app="a",betti_app_state="stopped"} 1
# TYPE betti_ready_seconds histogram
# UNIT betti_ready_seconds seconds
# HELP betti_ready_seconds When.
betti_ready_seconds_bucket{le="0.5"} 1
betti_ready_seconds_bucket{le="10.0"} 2
betti_ready_seconds_bucket{le="+Inf"} 3
betti_ready_seconds_count 3
betti_ready_seconds_sum 40.5
betti_ready_seconds_created 2
# EOF
"#;
        assert_eq!(render(&families(), Format::OpenMetrics), expected);
    }

    #[test]
    fn the_older_text_calls_families_as_their_samples_and_knows_no_newer_kinds() {
        let expected = r#"# HELP betti_app_restarts_total How often.
# TYPE betti_app_restarts_total counter
betti_app_restarts_total{app="a\"b\\c\nd"} 3
# HELP betti_app_cpu_seconds_total Time.
# TYPE betti_app_cpu_seconds_total counter
betti_app_cpu_seconds_total 0.25
# HELP betti_info Which.
# TYPE betti_info gauge
betti_info{version="1.2.3"} 1
# HELP betti_app_state What.
# TYPE betti_app_state gauge
betti_app_state{app="a",betti_app_state="online"} 0
betti_app_state{app="a",betti_app_state="stopped"} 1
# HELP betti_ready_seconds When.
# TYPE betti_ready_seconds histogram
betti_ready_seconds_bucket{le="0.5"} 1
betti_ready_seconds_bucket{le="10.0"} 2
betti_ready_seconds_bucket{le="+Inf"} 3
betti_ready_seconds_count 3
betti_ready_seconds_sum 40.5
"#;
        assert_eq!(render(&families(), Format::Text), expected);
    }

    #[test]
    fn as_json_they_are_a_list() {
        for count in 0..3 {
            let families = &families()[..count];
            let read: Vec<Family> = serde_json::from_str(&render(families, Format::Json)).unwrap();
            assert_eq!(read, families);
        }
    }

    #[test]
    fn numbers_are_written_as_both_forms_read_them() {
        for (value, text) in [
            (0.0, "0"),
            (1e15, "1000000000000000"),
            (0.001, "0.001"),
            (-1.5, "-1.5"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    /// A label's value as a reader has it: the text up to the quote that is not escaped, and what follows.
    fn read(text: &str) -> Option<(String, &str)> {
        let mut value = String::new();
        let mut rest = text.chars();
        loop {
            match rest.next()? {
                '"' => return Some((value, rest.as_str())),
                '\n' => return None,
                '\\' => value.push(match rest.next()? {
                    'n' => '\n',
                    same @ ('"' | '\\') => same,
                    _ => return None,
                }),
                other => value.push(other),
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_an_app_is_called_is_read_as_it_was(name in any::<String>(), tricky in "[\\\\\"n\n{},= é\u{1F600}]{0,20}") {
            for value in [&name, &tricky] {
                let mut family = Meta::gauge("betti_app_up", "Whether.").family();
                family.gauge(&labels([("app", value), ("instance", "0")]), 1.0);
                for format in [Format::Text, Format::OpenMetrics] {
                    let text = render(std::slice::from_ref(&family), format);
                    let (_, rest) = text.split_once("\nbetti_app_up{app=\"").unwrap();
                    let (found, rest) = read(rest).unwrap();
                    prop_assert_eq!(&found, value);
                    let end = if format == Format::Text { "" } else { "# EOF\n" };
                    prop_assert_eq!(rest, format!(",instance=\"0\"}} 1\n{end}"));
                }
            }
        }
    }
}
