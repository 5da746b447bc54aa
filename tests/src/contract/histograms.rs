//! The rows of the table about histograms.

use super::{Difference, Files, REMOVED, ROW, Row};

const HISTOGRAM: Row = Row { kind: "histogram", families: &["histogram", "histograms"], ..ROW };

/// Bucket by bucket as counters.
pub const HISTOGRAMS: &[Row] = &[
    Row {
        name: "nobody observed",
        steps: &["a: nothing", "b: nothing"],
        shows: &[
            "histogram_bucket{le=\"0.1\"} 0",
            "histogram_bucket{le=\"1.0\"} 0",
            "histogram_bucket{le=\"10.0\"} 0",
            "histogram_bucket{le=\"+Inf\"} 0",
            "histogram_sum 0",
            "histogram_count 0",
        ],
        ..HISTOGRAM
    },
    Row {
        name: "on each bound, and between them",
        steps: &[
            "a: histogram 0.1",
            "a: histogram 0.25",
            "a: histogram 1",
            "a: histogram 10",
            "a: histogram 10.25",
            "a: histogram 0",
        ],
        shows: &[
            "histogram_bucket{le=\"0.1\"} 2",
            "histogram_bucket{le=\"1.0\"} 4",
            "histogram_bucket{le=\"10.0\"} 5",
            "histogram_bucket{le=\"+Inf\"} 6",
            "histogram_sum 21.6",
            "histogram_count 6",
        ],
        ..HISTOGRAM
    },
    Row {
        name: "several processes observed, some of them dead",
        steps: &[
            "a: histogram 0.5",
            "b: histogram 5",
            "c: histogram 50",
            "d: histogram 0.5",
            "b: exit",
            "c: kill",
        ],
        shows: &[
            "histogram_bucket{le=\"0.1\"} 0",
            "histogram_bucket{le=\"1.0\"} 2",
            "histogram_bucket{le=\"10.0\"} 3",
            "histogram_bucket{le=\"+Inf\"} 4",
            "histogram_sum 56",
            "histogram_count 4",
        ],
        ..HISTOGRAM
    },
    Row {
        name: "all that observed are dead",
        steps: &["a: histogram 0.5", "a: kill", "b: nothing", "b: exit"],
        shows: &[
            "histogram_bucket{le=\"0.1\"} 0",
            "histogram_bucket{le=\"1.0\"} 1",
            "histogram_bucket{le=\"10.0\"} 1",
            "histogram_bucket{le=\"+Inf\"} 1",
            "histogram_sum 0.5",
            "histogram_count 1",
        ],
        ..HISTOGRAM
    },
    Row {
        name: "something negative",
        steps: &["a: histogram -3", "b: histogram 1"],
        shows: &[
            "histogram_bucket{le=\"0.1\"} 1",
            "histogram_bucket{le=\"1.0\"} 2",
            "histogram_bucket{le=\"10.0\"} 2",
            "histogram_bucket{le=\"+Inf\"} 2",
            "histogram_sum -2",
            "histogram_count 2",
        ],
        ..HISTOGRAM
    },
    Row {
        name: "the infinite",
        steps: &["a: histogram inf", "b: histogram 1"],
        shows: &[
            "histogram_bucket{le=\"0.1\"} 0",
            "histogram_bucket{le=\"1.0\"} 1",
            "histogram_bucket{le=\"10.0\"} 1",
            "histogram_bucket{le=\"+Inf\"} 2",
            "histogram_sum +Inf",
            "histogram_count 2",
        ],
        ..HISTOGRAM
    },
    Row {
        name: "the infinite below",
        steps: &["a: histogram -inf", "b: histogram 1"],
        shows: &[
            "histogram_bucket{le=\"0.1\"} 1",
            "histogram_bucket{le=\"1.0\"} 2",
            "histogram_bucket{le=\"10.0\"} 2",
            "histogram_bucket{le=\"+Inf\"} 2",
            "histogram_sum -Inf",
            "histogram_count 2",
        ],
        ..HISTOGRAM
    },
    Row {
        name: "the infinite of both signs, in two processes",
        steps: &["a: histogram inf", "b: histogram -inf", "b: kill"],
        shows: &[
            "histogram_bucket{le=\"0.1\"} 1",
            "histogram_bucket{le=\"1.0\"} 1",
            "histogram_bucket{le=\"10.0\"} 1",
            "histogram_bucket{le=\"+Inf\"} 2",
            "histogram_sum NaN",
            "histogram_count 2",
        ],
        ..HISTOGRAM
    },
    Row {
        name: "something that is no number",
        steps: &["a: histogram 0.5", "a: histogram NaN", "b: histogram NaN", "b: kill"],
        shows: &[
            "histogram_bucket{le=\"0.1\"} 0",
            "histogram_bucket{le=\"1.0\"} 1",
            "histogram_bucket{le=\"10.0\"} 1",
            "histogram_bucket{le=\"+Inf\"} 1",
            "histogram_sum 0.5",
            "histogram_count 1",
        ],
        dropped: 2,
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &["histogram_sum 0.5"],
            shows: &["histogram_sum NaN"],
            why: "one NaN would spoil the sum for ever; Python's count leaves it out as well",
        }],
        ..HISTOGRAM
    },
    Row {
        name: "small beside large",
        steps: &["a: histogram 1e16", "b: histogram 1", "c: histogram 1"],
        shows: &[
            "histogram_bucket{le=\"0.1\"} 0",
            "histogram_bucket{le=\"1.0\"} 2",
            "histogram_bucket{le=\"10.0\"} 2",
            "histogram_bucket{le=\"+Inf\"} 3",
            "histogram_sum 1.0000000000000002e16",
            "histogram_count 3",
        ],
        python: &[Difference {
            files: Files::Forwards,
            lacks: &["histogram_sum 1.0000000000000002e16"],
            shows: &["histogram_sum 1e16"],
            why: "the sum of all processes is rounded once, so that it doesn't depend on their order",
        }],
        ..HISTOGRAM
    },
    Row {
        name: "the same label values in several processes",
        steps: &["a: histogram{x} 0.5", "b: histogram{x} 5", "b: histogram{y} 50", "a: kill"],
        shows: &[
            "histogram_bucket{le=\"0.1\"} 0",
            "histogram_bucket{le=\"1.0\"} 0",
            "histogram_bucket{le=\"10.0\"} 0",
            "histogram_bucket{le=\"+Inf\"} 0",
            "histogram_sum 0",
            "histogram_count 0",
            "histograms_bucket{id=\"x\",le=\"0.1\"} 0",
            "histograms_bucket{id=\"x\",le=\"1.0\"} 1",
            "histograms_bucket{id=\"x\",le=\"10.0\"} 2",
            "histograms_bucket{id=\"x\",le=\"+Inf\"} 2",
            "histograms_sum{id=\"x\"} 5.5",
            "histograms_count{id=\"x\"} 2",
            "histograms_bucket{id=\"y\",le=\"0.1\"} 0",
            "histograms_bucket{id=\"y\",le=\"1.0\"} 0",
            "histograms_bucket{id=\"y\",le=\"10.0\"} 0",
            "histograms_bucket{id=\"y\",le=\"+Inf\"} 1",
            "histograms_sum{id=\"y\"} 50",
            "histograms_count{id=\"y\"} 1",
        ],
        ..HISTOGRAM
    },
    Row {
        name: "one of two removed its series",
        steps: &["a: histogram{x} 0.5", "b: histogram{x} 5", "a: histogram{x} remove"],
        shows: &[
            "histogram_bucket{le=\"0.1\"} 0",
            "histogram_bucket{le=\"1.0\"} 0",
            "histogram_bucket{le=\"10.0\"} 0",
            "histogram_bucket{le=\"+Inf\"} 0",
            "histogram_sum 0",
            "histogram_count 0",
            "histograms_bucket{id=\"x\",le=\"0.1\"} 0",
            "histograms_bucket{id=\"x\",le=\"1.0\"} 1",
            "histograms_bucket{id=\"x\",le=\"10.0\"} 2",
            "histograms_bucket{id=\"x\",le=\"+Inf\"} 2",
            "histograms_sum{id=\"x\"} 5.5",
            "histograms_count{id=\"x\"} 2",
        ],
        ..HISTOGRAM
    },
    Row {
        name: "all removed their series",
        steps: &["a: histogram{x} 0.5", "a: histogram{x} remove"],
        shows: &[
            "histogram_bucket{le=\"0.1\"} 0",
            "histogram_bucket{le=\"1.0\"} 0",
            "histogram_bucket{le=\"10.0\"} 0",
            "histogram_bucket{le=\"+Inf\"} 0",
            "histogram_sum 0",
            "histogram_count 0",
        ],
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &[],
            shows: &[
                "histograms_bucket{id=\"x\",le=\"0.1\"} 0",
                "histograms_bucket{id=\"x\",le=\"1.0\"} 1",
                "histograms_bucket{id=\"x\",le=\"10.0\"} 1",
                "histograms_bucket{id=\"x\",le=\"+Inf\"} 1",
                "histograms_sum{id=\"x\"} 0.5",
                "histograms_count{id=\"x\"} 1",
            ],
            why: REMOVED,
        }],
        ..HISTOGRAM
    },
];
