//! `catalog --format grafana`: a dashboard of what is declared.
//!
//! It is JSON in Grafana's classic model, which every Grafana imports and newer ones convert. It
//! has no data source of its own: a variable asks for one. What is drawn is in [`super::panels`];
//! this is how Grafana wants it.

use serde_json::{Value, json};

use super::catalog::Catalog;
use super::panels::{Chart, Panel, Row, rows};

/// Grafana's grid has 24 columns.
const COLUMNS: usize = 24;
const WIDTH: usize = 8;
const HEIGHT: usize = 8;

/// The version of the model. A newer Grafana brings it up to date when it loads the dashboard; one
/// that is older than the version may ignore what it does not know.
const SCHEMA: u32 = 39;

/// The dashboard, as Grafana imports it.
pub(crate) fn of(catalog: &Catalog) -> Value {
    let made = "Made by `headcount catalog --format grafana` from what is declared.";
    json!({
        "id": null,
        "title": "headcount",
        "description": format!("{made} {}", catalog.note()).trim_end(),
        "tags": ["headcount"],
        "timezone": "browser",
        "editable": true,
        "graphTooltip": 1,
        "schemaVersion": SCHEMA,
        "version": 1,
        "refresh": "30s",
        "time": { "from": "now-1h", "to": "now" },
        "annotations": { "list": [] },
        "links": [],
        "templating": { "list": variables() },
        "panels": laid_out(&rows(catalog)),
    })
}

/// The data source, and which jobs and instances are looked at. Each page has `headcount_shared`.
fn variables() -> Value {
    let query = |name: &str, label: &str, query: &str| {
        json!({
            "name": name, "label": label, "type": "query", "hide": 0,
            "datasource": source(),
            "query": { "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery" },
            // When the time range changes, too.
            "refresh": 2,
            "regex": "", "sort": 1, "multi": true, "includeAll": true, "allValue": ".*",
            "options": [],
            "current": { "selected": true, "text": ["All"], "value": ["$__all"] },
        })
    };
    json!([
        {
            "name": "datasource", "label": "Data source", "type": "datasource", "hide": 0,
            "query": "prometheus", "refresh": 1, "regex": "", "multi": false, "includeAll": false,
            "options": [], "current": {},
        },
        query("job", "Job", "label_values(headcount_shared, job)"),
        query("instance", "Instance", "label_values(headcount_shared{job=~\"$job\"}, instance)"),
    ])
}

fn source() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// Rows with their panels below them, from left to right.
fn laid_out(rows: &[Row]) -> Vec<Value> {
    let mut all = Vec::new();
    let mut y = 0;
    for row in rows {
        let id = all.len() + 1;
        all.push(json!({
            "id": id, "type": "row", "title": row.title, "collapsed": false, "panels": [],
            "gridPos": { "x": 0, "y": y, "w": COLUMNS, "h": 1 },
        }));
        y += 1;
        for (number, panel) in row.panels.iter().enumerate() {
            let per_line = COLUMNS / WIDTH;
            let place = json!({
                "x": number % per_line * WIDTH, "y": y + number / per_line * HEIGHT,
                "w": WIDTH, "h": HEIGHT,
            });
            all.push(drawn(panel, all.len() + 1, &place));
        }
        y += row.panels.len().div_ceil(COLUMNS / WIDTH) * HEIGHT;
    }
    all
}

fn drawn(panel: &Panel, id: usize, place: &Value) -> Value {
    let is_table = panel.chart == Chart::Table;
    let target = |(at, (legend, query)): (usize, &(String, String))| {
        // No panel has more queries than there are letters.
        let letter = char::from(b'A'.saturating_add(u8::try_from(at).unwrap_or(0)));
        json!({
            "refId": letter.to_string(), "datasource": source(), "editorMode": "code",
            "expr": query, "legendFormat": legend,
            "format": if is_table { "table" } else { "time_series" },
            "instant": is_table, "range": !is_table,
        })
    };
    let targets: Vec<Value> = panel.queries.iter().enumerate().map(target).collect();
    let mut defaults = json!({ "unit": panel.unit });
    if panel.is_from_zero {
        defaults["min"] = json!(0);
    }
    let (kind, options) = if is_table {
        ("table", json!({ "showHeader": true }))
    } else {
        defaults["custom"] = json!({ "fillOpacity": 10, "showPoints": "never" });
        let legend = json!({
            "showLegend": true, "displayMode": "list", "placement": "bottom", "calcs": [],
        });
        ("timeseries", json!({ "legend": legend, "tooltip": { "mode": "multi", "sort": "desc" } }))
    };
    json!({
        "id": id,
        "type": kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": source(),
        "gridPos": place,
        "fieldConfig": { "defaults": defaults, "overrides": [] },
        "options": options,
        "targets": targets,
    })
}
