//! Makes a function smaller for as long as it still shows a difference of the same kind.

use crate::case::{Case, Home, Kind};
use crate::compare::{Difference, Tried, differences, valid};
use crate::compile::Compiler;

/// The smallest function that still differs as this one does.
pub(crate) fn smallest(
    compiler: &Compiler,
    case: Case,
    difference: Difference,
) -> (Case, Difference) {
    let kind = difference.kind();
    let mut best = (case, difference);
    loop {
        // All that is one step smaller is one program.
        let mut smaller = steps(&best.0);
        for (id, case) in smaller.iter_mut().enumerate() {
            case.id = id;
        }
        let edition = best.0.edition;
        let smaller = valid(compiler, "shrink", edition, smaller);
        let found = Tried::again(&best.1, |tried| {
            differences(compiler, "shrink", edition, &smaller, tried)
        });
        match found.into_iter().find(|(_, difference)| difference.kind() == kind) {
            Some(found) => best = found,
            None => return best,
        }
    }
}

/// The function with one part less, in each way; the greatest steps first.
fn steps(case: &Case) -> Vec<Case> {
    let mut steps = Vec::new();
    let mut with = |change: &dyn Fn(&mut Case)| {
        let mut smaller = case.clone();
        change(&mut smaller);
        steps.push(smaller);
    };
    if case.body.len() > 1 {
        with(&|case| case.body.clear());
    }
    if case.kind != Kind::Sync {
        with(&|case| {
            case.kind = Kind::Sync;
            let mut body = std::mem::take(&mut case.early);
            body.append(&mut case.body);
            case.body = body;
        });
    }
    if case.home != Home::Free && case.receiver.is_none() {
        with(&|case| case.home = Home::Free);
    }
    if case.receiver.is_some() {
        with(&|case| {
            case.receiver = None;
            case.home = Home::Free;
        });
    }
    for index in 0..case.parameters.len() {
        with(&|case| {
            case.parameters.remove(index);
        });
    }
    for index in 0..case.body.len() {
        with(&|case| {
            case.body.remove(index);
        });
    }
    for index in 0..case.early.len() {
        with(&|case| {
            case.early.remove(index);
        });
    }
    for index in 0..case.before.len() {
        with(&|case| {
            case.before.remove(index);
        });
    }
    if !case.qualifiers.is_empty() {
        with(&|case| case.qualifiers = "");
    }
    if !case.generics.is_empty() {
        with(&|case| case.generics.clear());
    }
    if case.returns.written != "()" {
        with(&|case| {
            case.returns.written = String::from("()");
            case.returns.shown = "show";
            case.tail = String::new();
        });
    }
    if case.tail.len() > 2 && case.returns.written == "i32" {
        with(&|case| case.tail = String::from("0"));
    }
    steps
}
