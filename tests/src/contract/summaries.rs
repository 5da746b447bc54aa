//! The rows of the table about summaries.

use super::{Difference, Files, REMOVED, ROW, Row};

const SUMMARY: Row = Row { kind: "summary", families: &["summary", "summaries"], ..ROW };

/// The same rules as for counters, but for what may be observed.
pub const SUMMARIES: &[Row] = &[
    Row {
        name: "nobody observed",
        steps: &["a: nothing"],
        shows: &["summary_sum 0", "summary_count 0"],
        ..SUMMARY
    },
    Row {
        name: "several processes observed, some of them dead",
        steps: &[
            "a: summary 1.5",
            "b: summary 2",
            "b: summary 0",
            "c: summary 4",
            "b: exit",
            "c: kill",
        ],
        shows: &["summary_sum 7.5", "summary_count 4"],
        ..SUMMARY
    },
    Row {
        name: "something negative",
        steps: &["a: summary -3", "b: summary 1"],
        shows: &["summary_sum -2", "summary_count 2"],
        ..SUMMARY
    },
    Row {
        name: "the infinite",
        steps: &["a: summary inf", "b: summary -1"],
        shows: &["summary_sum +Inf", "summary_count 2"],
        ..SUMMARY
    },
    Row {
        name: "the infinite of both signs, in two processes",
        steps: &["a: summary inf", "b: summary -inf", "a: kill"],
        shows: &["summary_sum NaN", "summary_count 2"],
        ..SUMMARY
    },
    Row {
        name: "something that is no number",
        steps: &["a: summary 2", "a: summary NaN", "b: summary NaN"],
        shows: &["summary_sum 2", "summary_count 1"],
        dropped: 2,
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &["summary_sum 2", "summary_count 1"],
            shows: &["summary_sum NaN", "summary_count 3"],
            why: "one NaN would spoil the sum for ever",
        }],
        ..SUMMARY
    },
    Row {
        name: "small beside large",
        steps: &["a: summary 1e16", "b: summary 1", "c: summary 1"],
        shows: &["summary_sum 1.0000000000000002e16", "summary_count 3"],
        python: &[Difference {
            files: Files::Forwards,
            lacks: &["summary_sum 1.0000000000000002e16"],
            shows: &["summary_sum 1e16"],
            why: "the sum of all processes is rounded once, so that it doesn't depend on their order",
        }],
        ..SUMMARY
    },
    Row {
        name: "the same label values in several processes",
        steps: &["a: summary{x} 1", "b: summary{x} 2", "b: summary{y} 4", "a: kill"],
        shows: &[
            "summary_sum 0",
            "summary_count 0",
            "summaries_sum{id=\"x\"} 3",
            "summaries_count{id=\"x\"} 2",
            "summaries_sum{id=\"y\"} 4",
            "summaries_count{id=\"y\"} 1",
        ],
        ..SUMMARY
    },
    Row {
        name: "all removed their series, and one has it again",
        steps: &[
            "a: summary{x} 1",
            "b: summary{x} 2",
            "a: summary{x} remove",
            "b: summary{x} remove",
            "b: summary{x} 4",
        ],
        shows: &[
            "summary_sum 0",
            "summary_count 0",
            "summaries_sum{id=\"x\"} 4",
            "summaries_count{id=\"x\"} 1",
        ],
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &["summaries_sum{id=\"x\"} 4", "summaries_count{id=\"x\"} 1"],
            shows: &["summaries_sum{id=\"x\"} 7", "summaries_count{id=\"x\"} 3"],
            why: REMOVED,
        }],
        ..SUMMARY
    },
];
