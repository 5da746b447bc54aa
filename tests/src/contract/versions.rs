//! The rows of the table about versions of one program.

use super::{Difference, Files, ROW, Row};

// Each of the three families is declared in two ways by the two versions, whichever the row is
// about.
const VERSION: Row = Row { conflicts: 3, ..ROW };

/// Processes of two versions of a program, which declare differently what has the same name.
pub const VERSIONS: &[Row] = &[
    Row {
        families: &["rebucketed"],
        kind: "histogram",
        name: "other buckets",
        steps: &[
            "a: rebucketed 1",
            "a: rebucketed 1.5",
            "B: rebucketed 1.5",
            "B: rebucketed 3",
            "B: rebucketed 6",
        ],
        shows: &[
            "rebucketed_bucket{le=\"2.0\"} 3",
            "rebucketed_bucket{le=\"4.0\"} 4",
            "rebucketed_bucket{le=\"+Inf\"} 5",
            "rebucketed_sum 13",
            "rebucketed_count 5",
        ],
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &[],
            shows: &["rebucketed_bucket{le=\"1.0\"} 1", "rebucketed_bucket{le=\"8.0\"} 5"],
            why: "who has no such bucket has values below it all the same: a bound is right only where all have it",
        }],
        ..VERSION
    },
    Row {
        families: &["remoded"],
        kind: "gauge",
        name: "another mode",
        steps: &["a: remoded 3", "b: remoded 4", "C: remoded 5"],
        shows: &["remoded 7"],
        python: &[
            Difference {
                files: Files::Forwards,
                lacks: &["remoded 7"],
                shows: &["remoded 5"],
                why: "most processes decide, and not which file comes last",
            },
            Difference {
                files: Files::Backwards,
                lacks: &["remoded 7"],
                shows: &["remoded 12"],
                why: "most processes decide, and not which file comes last",
            },
        ],
        ..VERSION
    },
    Row {
        name: "another mode, after those that were most have died",
        families: &["remoded"],
        kind: "gauge",
        steps: &["a: remoded 3", "b: remoded 4", "C: remoded 5", "a: kill", "b: exit"],
        shows: &["remoded 5"],
        python: &[Difference {
            files: Files::Backwards,
            lacks: &["remoded 5"],
            shows: &["remoded 12"],
            why: "the living decide, and not which file comes last",
        }],
        ..VERSION
    },
    Row {
        name: "other buckets, those of the dead first",
        families: &["rebucketed"],
        kind: "histogram",
        steps: &[
            "a: rebucketed 1",
            "a: rebucketed 7",
            "a: kill",
            "B: rebucketed 3",
            "B: rebucketed 6",
        ],
        shows: &[
            "rebucketed_bucket{le=\"2.0\"} 1",
            "rebucketed_bucket{le=\"4.0\"} 2",
            "rebucketed_bucket{le=\"+Inf\"} 4",
            "rebucketed_sum 17",
            "rebucketed_count 4",
        ],
        python: &[Difference {
            files: Files::InAnyOrder,
            lacks: &[],
            shows: &["rebucketed_bucket{le=\"1.0\"} 1", "rebucketed_bucket{le=\"8.0\"} 3"],
            why: "who has no such bucket has values below it all the same: a bound is right only where all have it",
        }],
        ..VERSION
    },
    Row {
        families: &["rekinded"],
        kind: "summary",
        name: "another kind",
        steps: &["a: rekinded 3", "b: rekinded 4", "C: rekinded 5"],
        shows: &["rekinded_sum 7", "rekinded_count 2"],
        python: &[
            Difference {
                files: Files::Forwards,
                lacks: &[],
                shows: &["rekinded{pid=\"C\"} 5"],
                why: "a summary has no such sample",
            },
            Difference {
                files: Files::Backwards,
                lacks: &[],
                shows: &["rekinded 5"],
                why: "nor has a gauge a sum and a count",
            },
        ],
        ..VERSION
    },
];
