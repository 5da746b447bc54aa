//! Differences that are there for a reason: all of them are lints of clippy's, which judges a
//! function by the shape of its body. rustc's own lints, what compiles, and what runs differ in
//! nothing.

/// How the name of a kind begins, and why such a difference is there.
pub(crate) const KNOWN: &[(&str, &str)] = &[
    // Clippy judges a parameter by its uses. An expansion hands it to the closure around the body.
    ("the lint clippy::boxed_local", "the argument is moved into a closure"),
    ("the lint clippy::needless_pass_by_value", "the argument is moved into a closure"),
    // Only functions without effects are candidates, and to count is one.
    ("the lint clippy::must_use_candidate", "the function has an effect now"),
    // These look for a body that is nothing but an `async` block, or for its `.await`s.
    ("the lint clippy::manual_async_fn", "the body is no lone block any more"),
    ("the lint clippy::unused_async", "the body is awaited"),
    ("the lint clippy::missing_errors_doc", "the body is no lone block any more"),
    ("the lint clippy::elidable_lifetime_names", "the body names the lifetime"),
    ("the lint clippy::needless_lifetimes", "the body names the lifetime"),
    // Clippy leaves out variables that a closure captures.
    ("the lint clippy::borrow_deref_ref is lost", "the argument is moved into a closure"),
    // Clippy looks at the parameters of functions, not of closures, and at no `let` of a macro.
    ("the lint clippy::toplevel_ref_arg is lost", "a `let` before the body binds the pattern"),
];
