//! Prints bucket bounds.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use crate::plan::bounds::Bound;

/// A list of floating-point literals, so that `[1, 5]` may be written for it.
pub(crate) fn list(bounds: &[Bound]) -> TokenStream {
    let bounds = bounds.iter().map(|bound| {
        let mut literal = Literal::f64_unsuffixed(bound.value.abs());
        literal.set_span(bound.span);
        // A negative literal is two tokens.
        if bound.value < 0.0 { quote!(-#literal) } else { quote!(#literal) }
    });
    quote!([#(#bounds),*])
}
