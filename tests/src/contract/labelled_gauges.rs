//! The rows of the table about gauges with a label.

use super::{Difference, Files, REMOVED, ROW, Row};

const LABELLED: Row = Row {
    kind: "gauge",
    families: &[
        "sum_gauges",
        "livesum_gauges",
        "min_gauges",
        "livemin_gauges",
        "max_gauges",
        "livemax_gauges",
        "mostrecent_gauges",
        "livemostrecent_gauges",
        "all_gauges",
        "liveall_gauges",
    ],
    ..ROW
};

/// A value of each process and label value.
pub const LABELLED_GAUGES: &[Row] = &[
    Row { name: "nobody has such a label value", steps: &["a: nothing"], shows: &[], ..LABELLED },
    Row {
        name: "the same label values in several processes, others in one",
        steps: &["a: gauge{x} 3", "b: gauge{x} 5", "b: gauge{y} 7", "c: gauge{x} 4", "b: kill"],
        shows: &[
            "sum_gauges{id=\"x\"} 12",
            "livesum_gauges{id=\"x\"} 7",
            "min_gauges{id=\"x\"} 3",
            "livemin_gauges{id=\"x\"} 3",
            "max_gauges{id=\"x\"} 5",
            "livemax_gauges{id=\"x\"} 4",
            "mostrecent_gauges{id=\"x\"} 4",
            "livemostrecent_gauges{id=\"x\"} 4",
            "all_gauges{id=\"x\",pid=\"a\"} 3",
            "all_gauges{id=\"x\",pid=\"b\"} 5",
            "all_gauges{id=\"x\",pid=\"c\"} 4",
            "liveall_gauges{id=\"x\",pid=\"a\"} 3",
            "liveall_gauges{id=\"x\",pid=\"c\"} 4",
            "sum_gauges{id=\"y\"} 7",
            "min_gauges{id=\"y\"} 7",
            "max_gauges{id=\"y\"} 7",
            "mostrecent_gauges{id=\"y\"} 7",
            "all_gauges{id=\"y\",pid=\"b\"} 7",
        ],
        ..LABELLED
    },
    Row {
        name: "one of two removed its series",
        steps: &["a: gauge{x} 3", "b: gauge{x} 5", "b: gauge{x} remove"],
        shows: &[
            "sum_gauges{id=\"x\"} 3",
            "livesum_gauges{id=\"x\"} 3",
            "min_gauges{id=\"x\"} 3",
            "livemin_gauges{id=\"x\"} 3",
            "max_gauges{id=\"x\"} 3",
            "livemax_gauges{id=\"x\"} 3",
            "mostrecent_gauges{id=\"x\"} 3",
            "livemostrecent_gauges{id=\"x\"} 3",
            "all_gauges{id=\"x\",pid=\"a\"} 3",
            "liveall_gauges{id=\"x\",pid=\"a\"} 3",
        ],
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &[
                "sum_gauges{id=\"x\"} 3",
                "livesum_gauges{id=\"x\"} 3",
                "max_gauges{id=\"x\"} 3",
                "livemax_gauges{id=\"x\"} 3",
                "mostrecent_gauges{id=\"x\"} 3",
                "livemostrecent_gauges{id=\"x\"} 3",
            ],
            shows: &[
                "sum_gauges{id=\"x\"} 8",
                "livesum_gauges{id=\"x\"} 8",
                "max_gauges{id=\"x\"} 5",
                "livemax_gauges{id=\"x\"} 5",
                "mostrecent_gauges{id=\"x\"} 5",
                "livemostrecent_gauges{id=\"x\"} 5",
                "all_gauges{id=\"x\",pid=\"b\"} 5",
                "liveall_gauges{id=\"x\",pid=\"b\"} 5",
            ],
            why: REMOVED,
        }],
        ..LABELLED
    },
    Row {
        name: "a removed series came back",
        steps: &["a: gauge{x} 3", "a: gauge{x} remove", "a: gauge{x} 4"],
        shows: &[
            "sum_gauges{id=\"x\"} 4",
            "livesum_gauges{id=\"x\"} 4",
            "min_gauges{id=\"x\"} 4",
            "livemin_gauges{id=\"x\"} 4",
            "max_gauges{id=\"x\"} 4",
            "livemax_gauges{id=\"x\"} 4",
            "mostrecent_gauges{id=\"x\"} 4",
            "livemostrecent_gauges{id=\"x\"} 4",
            "all_gauges{id=\"x\",pid=\"a\"} 4",
            "liveall_gauges{id=\"x\",pid=\"a\"} 4",
        ],
        ..LABELLED
    },
];
