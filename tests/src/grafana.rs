//! What `headcount catalog` makes for Grafana and Prometheus, as tests look at it.

use std::collections::BTreeMap;

use serde_json::Value;

/// The panels of a dashboard that have queries.
pub fn panels(dashboard: &Value) -> Vec<&Value> {
    let panels = dashboard["panels"].as_array().expect("a list").iter();
    panels.filter(|panel| panel["type"] != "row").collect()
}

/// The queries of a panel.
pub fn queries(panel: &Value) -> Vec<&str> {
    let targets = panel["targets"].as_array().expect("a list").iter();
    targets.map(|target| target["expr"].as_str().expect("a query")).collect()
}

/// All queries of a dashboard.
pub fn all_queries(dashboard: &Value) -> Vec<&str> {
    panels(dashboard).into_iter().flat_map(queries).collect()
}

/// A query as Grafana asks it, once somebody has chosen a job in its variables.
pub fn asked(query: &str, job: &str, range: &str) -> String {
    let asked =
        query.replace("$__rate_interval", range).replace("$job", job).replace("$instance", ".*");
    assert!(!asked.contains('$'), "{query} has a variable that the dashboard lacks");
    asked
}

/// A file of rules that only holds these queries, each as a rule of its own: what `promtool` and
/// Prometheus parse.
pub fn as_rules(queries: &[String]) -> String {
    let mut rules = Vec::new();
    for (number, query) in queries.iter().enumerate() {
        rules.push(serde_json::json!({ "record": format!("query:{number}"), "expr": query }));
    }
    // JSON is YAML.
    serde_json::json!({ "groups": [{ "name": "queries", "rules": rules }] }).to_string()
}

/// The names of what rules record, and the expressions of their alerts, by Prometheus' own answer
/// at `/api/v1/rules`. Fails if a rule could not be evaluated.
pub fn evaluated(answer: &Value) -> Option<BTreeMap<String, String>> {
    let groups = answer["data"]["groups"].as_array().expect("a list").iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().expect("a list"));
    let mut all = BTreeMap::new();
    for rule in rules {
        let text = |key: &str| rule[key].as_str().expect("text").to_owned();
        match text("health").as_str() {
            "ok" => {}
            "unknown" => return None,
            health => panic!("{health}: {rule}"),
        }
        all.insert(text("name"), text("query"));
    }
    Some(all)
}
