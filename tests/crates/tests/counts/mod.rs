//! What was counted, as the page has it.

#![allow(dead_code, reason = "no test needs all of it")]

/// The sum of a family's series that have this in their labels.
fn sum(family: &str, labels: &str) -> u64 {
    let text = headcount::Collector::new().collect().expect("collected").to_text();
    let series = text.lines().filter(|line| line.starts_with(family) && line.contains(labels));
    let value = |line: &str| line.rsplit(' ').next()?.parse::<u64>().ok();
    series.map(|line| value(line).expect("a whole number")).sum()
}

/// The value of a family for one function.
fn value(family: &str, function: &str) -> u64 {
    sum(family, &format!("{{function=\"{function}\""))
}

pub fn calls(function: &str) -> u64 {
    value("function_calls_total", function)
}

/// The calls of the functions that are generated from one, in a module with its name.
pub fn calls_in(module: &str) -> u64 {
    sum("function_calls_total", &format!("module=\"{module}\""))
}

pub fn exceptions(function: &str) -> u64 {
    value("function_exceptions_total", function)
}
