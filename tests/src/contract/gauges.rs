//! The rows of the table about gauges: who has set them, in every mode.

use super::{Difference, Files, ROW, Row};

pub(super) const GAUGE: Row = Row {
    kind: "gauge",
    families: &[
        "sum_gauge",
        "livesum_gauge",
        "min_gauge",
        "livemin_gauge",
        "max_gauge",
        "livemax_gauge",
        "mostrecent_gauge",
        "livemostrecent_gauge",
        "all_gauge",
        "liveall_gauge",
    ],
    ..ROW
};
const UNSET: &str =
    "a gauge that nobody has set is no value: 0 would be the least of all temperatures";

/// A value of each process, and what the modes make of them.
pub const GAUGES: &[Row] = &[
    Row {
        name: "nobody set it",
        steps: &["a: nothing", "b: nothing"],
        shows: &["sum_gauge 0", "livesum_gauge 0"],
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &[],
            shows: &[
                "min_gauge 0",
                "livemin_gauge 0",
                "max_gauge 0",
                "livemax_gauge 0",
                "all_gauge{pid=\"a\"} 0",
                "all_gauge{pid=\"b\"} 0",
                "liveall_gauge{pid=\"a\"} 0",
                "liveall_gauge{pid=\"b\"} 0",
            ],
            why: UNSET,
        }],
        ..GAUGE
    },
    Row {
        name: "nobody set it, and nobody lives",
        steps: &["a: nothing", "b: nothing", "a: exit", "b: kill"],
        shows: &["sum_gauge 0"],
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &[],
            shows: &[
                "min_gauge 0",
                "max_gauge 0",
                "all_gauge{pid=\"a\"} 0",
                "all_gauge{pid=\"b\"} 0",
            ],
            why: UNSET,
        }],
        ..GAUGE
    },
    Row {
        name: "one process set it, twice",
        steps: &["a: gauge 3", "a: gauge 2.5"],
        shows: &[
            "sum_gauge 2.5",
            "livesum_gauge 2.5",
            "min_gauge 2.5",
            "livemin_gauge 2.5",
            "max_gauge 2.5",
            "livemax_gauge 2.5",
            "mostrecent_gauge 2.5",
            "livemostrecent_gauge 2.5",
            "all_gauge{pid=\"a\"} 2.5",
            "liveall_gauge{pid=\"a\"} 2.5",
        ],
        ..GAUGE
    },
    Row {
        name: "several processes set it",
        steps: &["a: gauge 3", "b: gauge 5", "c: gauge 4"],
        shows: &[
            "sum_gauge 12",
            "livesum_gauge 12",
            "min_gauge 3",
            "livemin_gauge 3",
            "max_gauge 5",
            "livemax_gauge 5",
            "mostrecent_gauge 4",
            "livemostrecent_gauge 4",
            "all_gauge{pid=\"a\"} 3",
            "all_gauge{pid=\"b\"} 5",
            "all_gauge{pid=\"c\"} 4",
            "liveall_gauge{pid=\"a\"} 3",
            "liveall_gauge{pid=\"b\"} 5",
            "liveall_gauge{pid=\"c\"} 4",
        ],
        ..GAUGE
    },
    Row {
        name: "the first of them set it again",
        steps: &["a: gauge 3", "b: gauge 5", "a: gauge 4"],
        shows: &[
            "sum_gauge 9",
            "livesum_gauge 9",
            "min_gauge 4",
            "livemin_gauge 4",
            "max_gauge 5",
            "livemax_gauge 5",
            "mostrecent_gauge 4",
            "livemostrecent_gauge 4",
            "all_gauge{pid=\"a\"} 4",
            "all_gauge{pid=\"b\"} 5",
            "liveall_gauge{pid=\"a\"} 4",
            "liveall_gauge{pid=\"b\"} 5",
        ],
        ..GAUGE
    },
    Row {
        name: "the first of them set it again, to the same",
        steps: &["a: gauge 3", "b: gauge 5", "a: gauge 3"],
        shows: &[
            "sum_gauge 8",
            "livesum_gauge 8",
            "min_gauge 3",
            "livemin_gauge 3",
            "max_gauge 5",
            "livemax_gauge 5",
            "mostrecent_gauge 3",
            "livemostrecent_gauge 3",
            "all_gauge{pid=\"a\"} 3",
            "all_gauge{pid=\"b\"} 5",
            "liveall_gauge{pid=\"a\"} 3",
            "liveall_gauge{pid=\"b\"} 5",
        ],
        ..GAUGE
    },
    Row {
        name: "one that set it was killed",
        steps: &["a: gauge 3", "b: gauge 5", "c: gauge 1", "b: kill"],
        shows: &[
            "sum_gauge 9",
            "livesum_gauge 4",
            "min_gauge 1",
            "livemin_gauge 1",
            "max_gauge 5",
            "livemax_gauge 3",
            "mostrecent_gauge 1",
            "livemostrecent_gauge 1",
            "all_gauge{pid=\"a\"} 3",
            "all_gauge{pid=\"b\"} 5",
            "all_gauge{pid=\"c\"} 1",
            "liveall_gauge{pid=\"a\"} 3",
            "liveall_gauge{pid=\"c\"} 1",
        ],
        ..GAUGE
    },
    Row {
        name: "the last that set it ended",
        steps: &["a: gauge 3", "b: gauge 5", "c: gauge 1", "c: exit"],
        shows: &[
            "sum_gauge 9",
            "livesum_gauge 8",
            "min_gauge 1",
            "livemin_gauge 3",
            "max_gauge 5",
            "livemax_gauge 5",
            "mostrecent_gauge 1",
            "livemostrecent_gauge 5",
            "all_gauge{pid=\"a\"} 3",
            "all_gauge{pid=\"b\"} 5",
            "all_gauge{pid=\"c\"} 1",
            "liveall_gauge{pid=\"a\"} 3",
            "liveall_gauge{pid=\"b\"} 5",
        ],
        ..GAUGE
    },
    Row {
        name: "it was set again after the last that set it was killed",
        steps: &["a: gauge 3", "b: gauge 5", "b: kill", "a: gauge 4"],
        shows: &[
            "sum_gauge 9",
            "livesum_gauge 4",
            "min_gauge 4",
            "livemin_gauge 4",
            "max_gauge 5",
            "livemax_gauge 4",
            "mostrecent_gauge 4",
            "livemostrecent_gauge 4",
            "all_gauge{pid=\"a\"} 4",
            "all_gauge{pid=\"b\"} 5",
            "liveall_gauge{pid=\"a\"} 4",
        ],
        ..GAUGE
    },
    Row {
        name: "all that set it are dead",
        steps: &["a: gauge 3", "b: gauge 5", "a: kill", "b: exit"],
        shows: &[
            "sum_gauge 8",
            "min_gauge 3",
            "max_gauge 5",
            "mostrecent_gauge 5",
            "all_gauge{pid=\"a\"} 3",
            "all_gauge{pid=\"b\"} 5",
        ],
        ..GAUGE
    },
    Row {
        name: "all that set it are dead, and one lives that did not",
        steps: &["a: gauge 3", "b: nothing", "a: kill"],
        shows: &[
            "sum_gauge 3",
            "livesum_gauge 0",
            "min_gauge 3",
            "max_gauge 3",
            "mostrecent_gauge 3",
            "all_gauge{pid=\"a\"} 3",
        ],
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &["min_gauge 3"],
            shows: &[
                "min_gauge 0",
                "livemin_gauge 0",
                "livemax_gauge 0",
                "all_gauge{pid=\"b\"} 0",
                "liveall_gauge{pid=\"b\"} 0",
            ],
            why: UNSET,
        }],
        ..GAUGE
    },
    Row {
        name: "one of two set it",
        steps: &["a: gauge 3", "b: nothing"],
        shows: &[
            "sum_gauge 3",
            "livesum_gauge 3",
            "min_gauge 3",
            "livemin_gauge 3",
            "max_gauge 3",
            "livemax_gauge 3",
            "mostrecent_gauge 3",
            "livemostrecent_gauge 3",
            "all_gauge{pid=\"a\"} 3",
            "liveall_gauge{pid=\"a\"} 3",
        ],
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &["min_gauge 3", "livemin_gauge 3"],
            shows: &[
                "min_gauge 0",
                "livemin_gauge 0",
                "all_gauge{pid=\"b\"} 0",
                "liveall_gauge{pid=\"b\"} 0",
            ],
            why: UNSET,
        }],
        ..GAUGE
    },
    Row {
        name: "one of two set it, below 0",
        steps: &["a: nothing", "b: gauge -3"],
        shows: &[
            "sum_gauge -3",
            "livesum_gauge -3",
            "min_gauge -3",
            "livemin_gauge -3",
            "max_gauge -3",
            "livemax_gauge -3",
            "mostrecent_gauge -3",
            "livemostrecent_gauge -3",
            "all_gauge{pid=\"b\"} -3",
            "liveall_gauge{pid=\"b\"} -3",
        ],
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &["max_gauge -3", "livemax_gauge -3"],
            shows: &[
                "max_gauge 0",
                "livemax_gauge 0",
                "all_gauge{pid=\"a\"} 0",
                "liveall_gauge{pid=\"a\"} 0",
            ],
            why: UNSET,
        }],
        ..GAUGE
    },
    Row {
        name: "one unset it again",
        steps: &["a: gauge 3", "b: gauge 5", "b: gauge unset"],
        shows: &[
            "sum_gauge 3",
            "livesum_gauge 3",
            "min_gauge 3",
            "livemin_gauge 3",
            "max_gauge 3",
            "livemax_gauge 3",
            "mostrecent_gauge 3",
            "livemostrecent_gauge 3",
            "all_gauge{pid=\"a\"} 3",
            "liveall_gauge{pid=\"a\"} 3",
        ],
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &[
                "sum_gauge 3",
                "livesum_gauge 3",
                "max_gauge 3",
                "livemax_gauge 3",
                "mostrecent_gauge 3",
                "livemostrecent_gauge 3",
            ],
            shows: &[
                "sum_gauge 8",
                "livesum_gauge 8",
                "max_gauge 5",
                "livemax_gauge 5",
                "mostrecent_gauge 5",
                "livemostrecent_gauge 5",
                "all_gauge{pid=\"b\"} 5",
                "liveall_gauge{pid=\"b\"} 5",
            ],
            why: "Python can't unset a gauge",
        }],
        python_raises: &["b: gauge unset"],
        ..GAUGE
    },
];
