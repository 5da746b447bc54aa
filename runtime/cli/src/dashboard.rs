//! `catalog --format grafana`: a dashboard with a panel for each family.

use headcount::MetricType;
use serde_json::{Value, json};

use super::catalog::Entry;

/// Of the 24 columns that Grafana has.
const WIDTH: usize = 12;
const HEIGHT: usize = 8;

/// The dashboard, as Grafana imports it. It asks for the data source by a variable.
pub(crate) fn of(entries: &[Entry]) -> Value {
    let panels: Vec<Value> = entries
        .iter()
        .filter(|entry| !is_text(entry.declared.kind))
        .enumerate()
        .map(|(number, entry)| panel(number, entry))
        .collect();
    json!({
        "title": "headcount",
        "tags": ["headcount"],
        "timezone": "browser",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": { "from": "now-1h", "to": "now" },
        "templating": { "list": [
            {
                "name": "datasource", "label": "Data source", "type": "datasource",
                "query": "prometheus",
            },
        ] },
        "panels": panels,
    })
}

/// What is no number has no chart.
fn is_text(kind: MetricType) -> bool {
    matches!(kind, MetricType::Info | MetricType::StateSet)
}

fn panel(number: usize, entry: &Entry) -> Value {
    let source = json!({ "type": "prometheus", "uid": "${datasource}" });
    let targets: Vec<Value> = queries(entry)
        .into_iter()
        .enumerate()
        .map(|(at, (legend, query))| {
            let letter = char::from(b'A' + u8::try_from(at).unwrap_or(0)).to_string();
            json!({
                "refId": letter, "expr": query, "legendFormat": legend, "datasource": source,
            })
        })
        .collect();
    json!({
        "id": number + 1,
        "type": "timeseries",
        "title": entry.declared.name,
        "description": entry.declared.help,
        "datasource": source,
        "gridPos": {
            "x": number % 2 * WIDTH, "y": number / 2 * HEIGHT, "w": WIDTH, "h": HEIGHT,
        },
        "fieldConfig": {
            "defaults": { "unit": unit(entry), "min": minimum(entry) },
            "overrides": [],
        },
        "targets": targets,
    })
}

/// Grafana's name of the unit.
fn unit(entry: &Entry) -> &'static str {
    let is_rate = entry.declared.kind == MetricType::Counter;
    match (entry.declared.unit.as_str(), is_rate) {
        ("seconds", false) => "s",
        ("bytes", false) => "bytes",
        ("bytes", true) => "Bps",
        ("ratio", false) => "percentunit",
        (_, true) => "cps",
        (_, false) => "short",
    }
}

/// A rate is drawn from 0, and a gauge in its own range.
fn minimum(entry: &Entry) -> Option<u8> {
    (entry.declared.kind == MetricType::Counter).then_some(0)
}

/// Legends and queries.
fn queries(entry: &Entry) -> Vec<(String, String)> {
    let labels: Vec<String> = entry.labels.iter().map(|label| label_name(label)).collect();
    let legend = if labels.is_empty() {
        entry.declared.name.clone()
    } else {
        let parts: Vec<String> =
            entry.labels.iter().map(|label| format!("{{{{{label}}}}}")).collect();
        parts.join(" ")
    };
    let by = |more: &str| {
        let all: Vec<&str> =
            labels.iter().map(String::as_str).chain((!more.is_empty()).then_some(more)).collect();
        if all.is_empty() { String::new() } else { format!(" by ({})", all.join(", ")) }
    };
    let rate = |suffix: &str| format!("rate({}[$__rate_interval])", selector(entry, suffix));
    match entry.declared.kind {
        MetricType::Counter => vec![(legend, format!("sum{} ({})", by(""), rate("")))],
        MetricType::Histogram => [("p50", "0.5"), ("p90", "0.9"), ("p99", "0.99")]
            .map(|(name, quantile)| {
                let buckets = format!("sum{} ({})", by("le"), rate("_bucket"));
                (format!("{name} {legend}"), format!("histogram_quantile({quantile}, {buckets})"))
            })
            .into(),
        MetricType::Summary => {
            let [sum, count] =
                ["_sum", "_count"].map(|suffix| format!("sum{} ({})", by(""), rate(suffix)));
            vec![(format!("mean {legend}"), format!("{sum} / {count}"))]
        }
        _ => vec![(legend, selector(entry, ""))],
    }
}

/// A selector of the family's samples. A name that is not one of old stands in quotes.
pub(crate) fn selector(entry: &Entry, suffix: &str) -> String {
    let name = format!("{}{suffix}", entry.declared.name);
    if is_plain(&name, true) { name } else { format!("{{{}}}", quoted(&name)) }
}

/// A label's name in a list of them.
pub(crate) fn label_name(name: &str) -> String {
    if is_plain(name, false) { name.to_owned() } else { quoted(name) }
}

fn is_plain(name: &str, has_colons: bool) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || (c == ':' && has_colons);
    name.chars().all(is_plain) && name.chars().next().is_some_and(|c| !c.is_ascii_digit())
}

/// Text in the quotes of `PromQL`, whose escapes are those of JSON.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
