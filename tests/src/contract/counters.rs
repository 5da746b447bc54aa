//! The rows of the table about counters.

use super::{Difference, Files, REMOVED, ROW, Row};

const COUNTER: Row = Row { kind: "counter", families: &["counter_total", "counters_total"], ..ROW };

/// What is summed over living and dead.
pub const COUNTERS: &[Row] = &[
    Row {
        name: "nobody counted",
        steps: &["a: nothing", "b: nothing"],
        shows: &["counter_total 0"],
        ..COUNTER
    },
    Row {
        name: "one process counted twice",
        steps: &["a: counter 3", "a: counter 4"],
        shows: &["counter_total 7"],
        ..COUNTER
    },
    Row {
        name: "several processes counted, one did not",
        steps: &["a: counter 3", "b: counter 4", "c: nothing"],
        shows: &["counter_total 7"],
        ..COUNTER
    },
    Row {
        name: "one that counted ended, one was killed",
        steps: &["a: counter 3", "b: counter 40", "c: counter 500", "b: exit", "c: kill"],
        shows: &["counter_total 543"],
        ..COUNTER
    },
    Row {
        name: "all that counted are dead",
        steps: &["a: counter 3", "a: kill", "b: counter 4", "b: exit"],
        shows: &["counter_total 7"],
        ..COUNTER
    },
    Row {
        name: "the same label values in several processes, others in one",
        steps: &[
            "a: counter{x} 1",
            "b: counter{x} 2",
            "b: counter{y} 3",
            "a: counter{z} 0",
            "b: kill",
        ],
        shows: &[
            "counter_total 0",
            "counters_total{id=\"x\"} 3",
            "counters_total{id=\"y\"} 3",
            "counters_total{id=\"z\"} 0",
        ],
        ..COUNTER
    },
    Row {
        name: "a label value that must be escaped",
        steps: &[
            "a: counter{say \"hi\"\\nand \\ twice, {é}} 1",
            "b: counter{say \"hi\"\\nand \\ twice, {é}} 1",
        ],
        shows: &[
            "counter_total 0",
            "counters_total{id=\"say \\\"hi\\\"\\nand \\\\ twice, {é}\"} 2",
        ],
        ..COUNTER
    },
    Row {
        name: "an empty label value",
        steps: &["a: counter{} 5"],
        shows: &["counter_total 0", "counters_total 5"],
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &["counters_total 5"],
            shows: &["counters_total{id=\"\"} 5"],
            why: "to Prometheus an empty label is an absent one: the same series",
        }],
        ..COUNTER
    },
    Row {
        name: "more than a double holds",
        steps: &["a: counter 9007199254740992", "b: counter 1", "c: counter 1"],
        shows: &["counter_total 9007199254740994"],
        python: &[Difference {
            files: Files::Forwards,
            lacks: &["counter_total 9007199254740994"],
            shows: &["counter_total 9007199254740992"],
            why: "integers are summed as such: the order of files doesn't matter",
        }],
        ..COUNTER
    },
    Row {
        name: "more than 64 bits hold",
        steps: &[
            "a: counter 18446744073709551615",
            "a: counter 2",
            "b: counter 18446744073709551615",
            "b: kill",
        ],
        shows: &["counter_total 0"],
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &["counter_total 0"],
            shows: &["counter_total 36893488147419103232"],
            why: "an integer wraps, in which a rate sees a restart; a double so large would stand still for ever",
        }],
        ..COUNTER
    },
    Row {
        name: "one of two removed its series",
        steps: &["a: counter{x} 3", "b: counter{x} 4", "b: counter{x} remove"],
        shows: &["counter_total 0", "counters_total{id=\"x\"} 7"],
        ..COUNTER
    },
    Row {
        name: "the one that did not remove its series is dead",
        steps: &["a: counter{x} 3", "a: kill", "b: counter{x} 4", "b: counter{x} remove"],
        shows: &["counter_total 0", "counters_total{id=\"x\"} 7"],
        ..COUNTER
    },
    Row {
        name: "all that had a series removed it, one of them before it died",
        steps: &[
            "a: counter{x} 3",
            "b: counter{x} 4",
            "b: counter{x} remove",
            "b: kill",
            "a: counter{x} remove",
        ],
        shows: &["counter_total 0"],
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &[],
            shows: &["counters_total{id=\"x\"} 7"],
            why: REMOVED,
        }],
        ..COUNTER
    },
    Row {
        name: "a series was removed, and came back",
        steps: &["a: counter{x} 3", "a: counter{x} remove", "a: counter{x} 1"],
        shows: &["counter_total 0", "counters_total{id=\"x\"} 1"],
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &["counters_total{id=\"x\"} 1"],
            shows: &["counters_total{id=\"x\"} 4"],
            why: REMOVED,
        }],
        ..COUNTER
    },
    Row {
        name: "a series was removed, and came back while another had it",
        steps: &["a: counter{x} 3", "b: counter{x} 4", "a: counter{x} remove", "a: counter{x} 1"],
        shows: &["counter_total 0", "counters_total{id=\"x\"} 8"],
        ..COUNTER
    },
];

const FLOAT: Row =
    Row { kind: "counter", families: &["float_counter_total", "float_counters_total"], ..ROW };

/// The same, of what doesn't come in whole numbers.
pub const FLOAT_COUNTERS: &[Row] = &[
    Row {
        name: "nobody counted",
        steps: &["a: nothing", "b: nothing"],
        shows: &["float_counter_total 0"],
        ..FLOAT
    },
    Row {
        name: "several processes counted, some of them dead",
        steps: &[
            "a: float_counter 0.5",
            "b: float_counter 2",
            "b: float_counter 0",
            "c: float_counter 4",
            "b: exit",
            "c: kill",
        ],
        shows: &["float_counter_total 6.5"],
        ..FLOAT
    },
    Row {
        name: "the same label values in several processes",
        steps: &[
            "a: float_counter{x} 1.5",
            "b: float_counter{x} 2",
            "b: float_counter{y} 0",
            "b: kill",
        ],
        shows: &[
            "float_counter_total 0",
            "float_counters_total{id=\"x\"} 3.5",
            "float_counters_total{id=\"y\"} 0",
        ],
        ..FLOAT
    },
    Row {
        name: "small beside large",
        steps: &["a: float_counter 1e16", "b: float_counter 1", "c: float_counter 1", "b: kill"],
        shows: &["float_counter_total 1.0000000000000002e16"],
        python: &[Difference {
            files: Files::Forwards,
            lacks: &["float_counter_total 1.0000000000000002e16"],
            shows: &["float_counter_total 1e16"],
            why: "the sum of all processes is rounded once, so that it doesn't depend on their order, and never falls",
        }],
        ..FLOAT
    },
    Row {
        name: "something that can't be counted",
        steps: &[
            "a: float_counter 2",
            "a: float_counter -1",
            "a: float_counter -inf",
            "b: float_counter -0.5",
            "b: kill",
        ],
        shows: &["float_counter_total 2"],
        dropped: 3,
        python_raises: &["a: float_counter -1", "a: float_counter -inf", "b: float_counter -0.5"],
        ..FLOAT
    },
    Row {
        name: "something that is no number",
        steps: &["a: float_counter 2", "a: float_counter NaN", "b: float_counter 1"],
        shows: &["float_counter_total 3"],
        dropped: 1,
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &["float_counter_total 3"],
            shows: &["float_counter_total NaN"],
            why: "one NaN would spoil the sum for ever",
        }],
        ..FLOAT
    },
    Row {
        name: "the infinite",
        steps: &["a: float_counter 2", "b: float_counter inf"],
        shows: &["float_counter_total 2"],
        dropped: 1,
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &["float_counter_total 2"],
            shows: &["float_counter_total +Inf"],
            why: "so would infinity: nothing that is counted later could be seen",
        }],
        ..FLOAT
    },
];
