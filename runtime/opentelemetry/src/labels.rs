//! Attributes as Prometheus' labels.

use std::borrow::Cow;
use std::collections::BTreeMap;

use opentelemetry::{InstrumentationScope, KeyValue};

use crate::names;

/// Labels, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Labels(BTreeMap<String, String>);

impl Labels {
    /// The labels of a scope. What the scope is called can't be changed by its attributes.
    pub(crate) fn of_scope(scope: &InstrumentationScope, is_utf8: bool) -> Self {
        let mut labels = Self::default();
        labels.add("otel_scope_name", scope.name());
        if let Some(version) = scope.version() {
            labels.add("otel_scope_version", version);
        }
        if let Some(url) = scope.schema_url() {
            labels.add("otel_scope_schema_url", url);
        }
        let own = labels.clone();
        for (key, value) in sorted(scope.attributes()) {
            let name = names::label(&format!("otel_scope_{key}"), is_utf8).into_owned();
            if !own.0.contains_key(&name) {
                labels.add(&name, &value);
            }
        }
        labels
    }

    /// The labels of attributes in the order of their keys, and those of the scope. An attribute
    /// does not change a label of the scope.
    pub(crate) fn of_attributes(attributes: &[KeyValue], scope: &Self, is_utf8: bool) -> Self {
        let mut labels = scope.clone();
        for (key, value) in sorted(attributes.iter()) {
            let mut name = names::label(key, is_utf8);
            if scope.0.contains_key(&*name) {
                name = Cow::Owned(format!("exported_{name}"));
            }
            labels.add(&name, &value);
        }
        labels
    }

    /// Values of one name are joined, as OpenTelemetry's rules require.
    fn add(&mut self, name: &str, value: &str) {
        match self.0.get_mut(name) {
            Some(known) => {
                known.push(';');
                known.push_str(value);
            }
            None => drop(self.0.insert(name.to_owned(), value.to_owned())),
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn values(&self) -> Vec<&str> {
        self.0.values().map(String::as_str).collect()
    }
}

/// Attributes by their keys. Of several with one key the last one counts.
fn sorted<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> BTreeMap<&'a str, Cow<'a, str>> {
    attributes.map(|attribute| (attribute.key.as_str(), attribute.value.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(labels: &Labels) -> Vec<(&str, &str)> {
        labels.names().zip(labels.values()).collect()
    }

    #[test]
    fn attributes_have_no_order_and_one_value_each() {
        let none = Labels::default();
        let (a, b) = (KeyValue::new("a.b", "1"), KeyValue::new("a_b", 2));
        let labels = Labels::of_attributes(&[b.clone(), a.clone()], &none, false);
        assert_eq!(pairs(&labels), [("a_b", "1;2")]);
        assert_eq!(Labels::of_attributes(&[a.clone(), b], &none, false), labels);
        let twice = Labels::of_attributes(&[KeyValue::new("a.b", 1.5), a], &none, false);
        assert_eq!(pairs(&twice), [("a_b", "1")]);
        let reserved = [KeyValue::new("le", true), KeyValue::new("pid", "7")];
        let labels = Labels::of_attributes(&reserved, &none, false);
        assert_eq!(pairs(&labels), [("exported_le", "true"), ("exported_pid", "7")]);
    }

    #[test]
    fn a_scope_says_what_it_is() {
        let scope = InstrumentationScope::builder("shop")
            .with_version("1.2")
            .with_schema_url("https://x")
            .with_attributes([KeyValue::new("name", "other"), KeyValue::new("tier", "gold")])
            .build();
        let scope = Labels::of_scope(&scope, false);
        let forged = [KeyValue::new("otel.scope.name", "other")];
        let labels = Labels::of_attributes(&forged, &scope, false);
        let expected = [
            ("exported_otel_scope_name", "other"),
            ("otel_scope_name", "shop"),
            ("otel_scope_schema_url", "https://x"),
            ("otel_scope_tier", "gold"),
            ("otel_scope_version", "1.2"),
        ];
        assert_eq!(pairs(&labels), expected);
    }
}
