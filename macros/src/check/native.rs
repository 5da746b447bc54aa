//! The rules for native histograms.

use crate::kind::Kind;
use crate::parse::args::Args;
use crate::report::errors::Errors;

/// The schema of a declaration that names none.
const DEFAULT: u8 = 3;
/// The finest schema.
const GREATEST: u8 = 5;

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
    if let Some(number) = native.schema.as_ref().filter(|_| schema(args).is_none()) {
        errors.on(
            number,
            format!(
                "a schema is a number from 0 to {GREATEST}: there are 2 to the power of it buckets \
                 between 1 and 2, and as many for every other power of two"
            ),
        );
    }
}

/// The schema of a native histogram.
pub(crate) fn schema(args: &Args) -> Option<u8> {
    match &args.native()?.schema {
        None => Some(DEFAULT),
        Some(number) => number.base10_parse().ok().filter(|schema| *schema <= GREATEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headcount::__private as runtime;

    #[test]
    fn schemas_are_those_of_the_runtime() {
        assert_eq!((DEFAULT, GREATEST), runtime::SCHEMAS);
    }
}
