//! Differences that are known, each with its reason. A list to be emptied.

/// How the name of a kind begins, and why such a difference is there.
pub(crate) const KNOWN: [(&str, &str); 9] = [
    ("does ", "what a closure captures, and in which order it drops that"),
    ("does not compile: E0282", "a returned closure, whose signature nothing tells"),
    ("does not compile: E0308", "`ref mut` parameters"),
    ("does not compile: E059", "`ref mut` parameters"),
    ("the lint clippy::", "an expansion's outer braces count as a macro's"),
    ("the lint missing_docs", "the lint's place is the attribute's"),
    ("the lint tail_expr_drop_order", "the inner braces have the edition of the macro's crate"),
    ("the lint unused_assignments is new", "fields that a closure captures alone"),
    ("the lint unused_", "`ref mut` parameters, and functions that return a future"),
];
