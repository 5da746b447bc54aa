//! The rows of the table about gauges: each situation in every mode.

use super::{Difference, Files, REMOVED, ROW, Row};

const GAUGE: Row = Row {
    families: &[
        "sum_gauge",
        "livesum_gauge",
        "min_gauge",
        "livemin_gauge",
        "max_gauge",
        "livemax_gauge",
        "all_gauge",
        "liveall_gauge",
    ],
    ..ROW
};
const LABELLED: Row = Row {
    families: &[
        "sum_gauges",
        "livesum_gauges",
        "min_gauges",
        "livemin_gauges",
        "max_gauges",
        "livemax_gauges",
        "all_gauges",
        "liveall_gauges",
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
            "all_gauge{pid=\"a\"} 4",
            "all_gauge{pid=\"b\"} 5",
            "liveall_gauge{pid=\"a\"} 4",
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
            "all_gauge{pid=\"a\"} 3",
            "all_gauge{pid=\"b\"} 5",
            "all_gauge{pid=\"c\"} 1",
            "liveall_gauge{pid=\"a\"} 3",
            "liveall_gauge{pid=\"b\"} 5",
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
        name: "one set it to 0",
        steps: &["a: gauge 0", "b: gauge 5"],
        shows: &[
            "sum_gauge 5",
            "livesum_gauge 5",
            "min_gauge 0",
            "livemin_gauge 0",
            "max_gauge 5",
            "livemax_gauge 5",
            "all_gauge{pid=\"a\"} 0",
            "all_gauge{pid=\"b\"} 5",
            "liveall_gauge{pid=\"a\"} 0",
            "liveall_gauge{pid=\"b\"} 5",
        ],
        ..GAUGE
    },
    Row {
        name: "several set it below 0",
        steps: &["a: gauge -3", "b: gauge -0.5"],
        shows: &[
            "sum_gauge -3.5",
            "livesum_gauge -3.5",
            "min_gauge -3",
            "livemin_gauge -3",
            "max_gauge -0.5",
            "livemax_gauge -0.5",
            "all_gauge{pid=\"a\"} -3",
            "all_gauge{pid=\"b\"} -0.5",
            "liveall_gauge{pid=\"a\"} -3",
            "liveall_gauge{pid=\"b\"} -0.5",
        ],
        ..GAUGE
    },
    Row {
        name: "it is infinite",
        steps: &["a: gauge inf", "b: gauge -1"],
        shows: &[
            "sum_gauge +Inf",
            "livesum_gauge +Inf",
            "min_gauge -1",
            "livemin_gauge -1",
            "max_gauge +Inf",
            "livemax_gauge +Inf",
            "all_gauge{pid=\"a\"} +Inf",
            "all_gauge{pid=\"b\"} -1",
            "liveall_gauge{pid=\"a\"} +Inf",
            "liveall_gauge{pid=\"b\"} -1",
        ],
        ..GAUGE
    },
    Row {
        name: "it is infinite below",
        steps: &["a: gauge -inf", "b: gauge 1"],
        shows: &[
            "sum_gauge -Inf",
            "livesum_gauge -Inf",
            "min_gauge -Inf",
            "livemin_gauge -Inf",
            "max_gauge 1",
            "livemax_gauge 1",
            "all_gauge{pid=\"a\"} -Inf",
            "all_gauge{pid=\"b\"} 1",
            "liveall_gauge{pid=\"a\"} -Inf",
            "liveall_gauge{pid=\"b\"} 1",
        ],
        ..GAUGE
    },
    Row {
        name: "it is infinite, above and below",
        steps: &["a: gauge inf", "b: gauge -inf", "a: kill"],
        shows: &[
            "sum_gauge NaN",
            "livesum_gauge -Inf",
            "min_gauge -Inf",
            "livemin_gauge -Inf",
            "max_gauge +Inf",
            "livemax_gauge -Inf",
            "all_gauge{pid=\"a\"} +Inf",
            "all_gauge{pid=\"b\"} -Inf",
            "liveall_gauge{pid=\"b\"} -Inf",
        ],
        ..GAUGE
    },
    Row {
        name: "it is no number in one of two",
        steps: &["a: gauge NaN", "b: gauge 3"],
        shows: &[
            "sum_gauge NaN",
            "livesum_gauge NaN",
            "min_gauge 3",
            "livemin_gauge 3",
            "max_gauge 3",
            "livemax_gauge 3",
            "all_gauge{pid=\"a\"} NaN",
            "all_gauge{pid=\"b\"} 3",
            "liveall_gauge{pid=\"a\"} NaN",
            "liveall_gauge{pid=\"b\"} 3",
        ],
        python: &[Difference {
            files: Files::Forwards,
            lacks: &["min_gauge 3", "livemin_gauge 3", "max_gauge 3", "livemax_gauge 3"],
            shows: &["min_gauge NaN", "livemin_gauge NaN", "max_gauge NaN", "livemax_gauge NaN"],
            why: "a NaN is the least and the greatest only where there is nothing else, in whichever order files are read",
        }],
        ..GAUGE
    },
    Row {
        name: "it is no number in the last of two",
        steps: &["a: gauge 3", "b: gauge NaN"],
        shows: &[
            "sum_gauge NaN",
            "livesum_gauge NaN",
            "min_gauge 3",
            "livemin_gauge 3",
            "max_gauge 3",
            "livemax_gauge 3",
            "all_gauge{pid=\"a\"} 3",
            "all_gauge{pid=\"b\"} NaN",
            "liveall_gauge{pid=\"a\"} 3",
            "liveall_gauge{pid=\"b\"} NaN",
        ],
        python: &[Difference {
            files: Files::Backwards,
            lacks: &["min_gauge 3", "livemin_gauge 3", "max_gauge 3", "livemax_gauge 3"],
            shows: &["min_gauge NaN", "livemin_gauge NaN", "max_gauge NaN", "livemax_gauge NaN"],
            why: "a NaN is the least and the greatest only where there is nothing else, in whichever order files are read",
        }],
        ..GAUGE
    },
    Row {
        name: "it is no number anywhere",
        steps: &["a: gauge NaN", "b: gauge NaN", "b: exit"],
        shows: &[
            "sum_gauge NaN",
            "livesum_gauge NaN",
            "min_gauge NaN",
            "livemin_gauge NaN",
            "max_gauge NaN",
            "livemax_gauge NaN",
            "all_gauge{pid=\"a\"} NaN",
            "all_gauge{pid=\"b\"} NaN",
            "liveall_gauge{pid=\"a\"} NaN",
        ],
        ..GAUGE
    },
    Row {
        name: "small beside large",
        steps: &["a: gauge 1e16", "b: gauge 1", "c: gauge -1e16"],
        shows: &[
            "sum_gauge 1",
            "livesum_gauge 1",
            "min_gauge -1e16",
            "livemin_gauge -1e16",
            "max_gauge 1e16",
            "livemax_gauge 1e16",
            "all_gauge{pid=\"a\"} 1e16",
            "all_gauge{pid=\"b\"} 1",
            "all_gauge{pid=\"c\"} -1e16",
            "liveall_gauge{pid=\"a\"} 1e16",
            "liveall_gauge{pid=\"b\"} 1",
            "liveall_gauge{pid=\"c\"} -1e16",
        ],
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &["sum_gauge 1", "livesum_gauge 1"],
            shows: &["sum_gauge 0", "livesum_gauge 0"],
            why: "the sum of all processes is rounded once",
        }],
        ..GAUGE
    },
    Row {
        name: "it was added to, and subtracted from",
        steps: &["a: gauge add 2", "a: gauge add -5", "b: gauge 4", "b: gauge add 0.5"],
        shows: &[
            "sum_gauge 1.5",
            "livesum_gauge 1.5",
            "min_gauge -3",
            "livemin_gauge -3",
            "max_gauge 4.5",
            "livemax_gauge 4.5",
            "all_gauge{pid=\"a\"} -3",
            "all_gauge{pid=\"b\"} 4.5",
            "liveall_gauge{pid=\"a\"} -3",
            "liveall_gauge{pid=\"b\"} 4.5",
        ],
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
            "all_gauge{pid=\"a\"} 3",
            "liveall_gauge{pid=\"a\"} 3",
        ],
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &["sum_gauge 3", "livesum_gauge 3", "max_gauge 3", "livemax_gauge 3"],
            shows: &[
                "sum_gauge 8",
                "livesum_gauge 8",
                "max_gauge 5",
                "livemax_gauge 5",
                "all_gauge{pid=\"b\"} 5",
                "liveall_gauge{pid=\"b\"} 5",
            ],
            why: "Python can't unset a gauge",
        }],
        python_raises: &["b: gauge unset"],
        ..GAUGE
    },
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
            "all_gauges{id=\"x\",pid=\"a\"} 3",
            "all_gauges{id=\"x\",pid=\"b\"} 5",
            "all_gauges{id=\"x\",pid=\"c\"} 4",
            "liveall_gauges{id=\"x\",pid=\"a\"} 3",
            "liveall_gauges{id=\"x\",pid=\"c\"} 4",
            "sum_gauges{id=\"y\"} 7",
            "min_gauges{id=\"y\"} 7",
            "max_gauges{id=\"y\"} 7",
            "all_gauges{id=\"y\",pid=\"b\"} 7",
        ],
        ..LABELLED
    },
    Row { name: "nobody has such a label value", steps: &["a: nothing"], shows: &[], ..LABELLED },
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
            ],
            shows: &[
                "sum_gauges{id=\"x\"} 8",
                "livesum_gauges{id=\"x\"} 8",
                "max_gauges{id=\"x\"} 5",
                "livemax_gauges{id=\"x\"} 5",
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
            "all_gauges{id=\"x\",pid=\"a\"} 4",
            "liveall_gauges{id=\"x\",pid=\"a\"} 4",
        ],
        ..LABELLED
    },
];
