//! The rules for native histograms.

use crate::kind::Kind;
use crate::parse::args::Args;
use crate::report::errors::Errors;
use crate::rules::schema_problem;

/// The schema of a declaration that names none.
const DEFAULT: u8 = 3;

/// Checks the key `native` on an attribute that declares this kind.
pub(crate) fn check(args: &Args, kind: Kind, errors: &mut Errors) {
    let (Some(native), Some(key)) = (args.native(), args.flag("native")) else { return };
    if !kind.has_buckets() {
        errors.at(key.span(), "`native` belongs to histograms");
    }
    for other in ["buckets", "summary"] {
        if let Some(other_key) = args.flag(other) {
            errors.at(
                other_key.span(),
                format!("a native histogram has buckets of its own: leave out `{other}`"),
            );
        }
    }
    if let Some(number) = &native.schema {
        // A number that is too large for this is out of the range too.
        if let Some(problem) = schema_problem(number.base10_parse().unwrap_or(u64::MAX)) {
            errors.on(number, problem);
        }
    }
}

/// The schema of a native histogram.
pub(crate) fn schema(args: &Args) -> Option<u8> {
    match &args.native()?.schema {
        None => Some(DEFAULT),
        Some(number) => {
            let number = number.base10_parse::<u8>().ok();
            number.filter(|schema| schema_problem((*schema).into()).is_none())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headcount::__private as runtime;

    #[test]
    fn schemas_are_those_of_the_runtime() {
        let (default, greatest) = runtime::SCHEMAS;
        assert_eq!(DEFAULT, default);
        let problems = [greatest, greatest + 1].map(|schema| schema_problem(schema.into()));
        assert!(problems[0].is_none() && problems[1].is_some());
    }
}
