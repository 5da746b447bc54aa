//! What the written form of a type tells about its values, without asking the compiler: whether
//! they can be errors or futures, whether they have a destructor, whether they are few.
//!
//! An attribute sees names and not types, so each answer is one-sided: the type that a name of the
//! standard library stands for is known, and any other may be anything.

use crate::parse::types::{
    contains_impl, last_segment, looks_like_parameter, type_arguments, ungrouped,
};
use syn::{GenericParam, Generics, PathSegment, Type};

/// Whether an `Err` in this type can't be seen: it is, or belongs to, something that is only known
/// where the function is used.
pub(crate) fn hides_errors(ty: &Type, generics: &Generics) -> bool {
    let Type::Path(path) = ungrouped(ty) else { return false };
    if let Some(qself) = &path.qself {
        return match ungrouped(&qself.ty) {
            Type::Path(own) => {
                own.path.is_ident("Self")
                    || own.path.segments.first().is_some_and(|first| is_parameter(first, generics))
            }
            _ => false,
        };
    }
    let Some(first) = path.path.segments.first() else { return false };
    let projection = path.path.segments.len() > 1;
    is_parameter(first, generics)
        || (projection && first.ident == "Self")
        || (first.arguments.is_empty() && looks_like_parameter(&first.ident.to_string()))
}

/// Whether a type goes by the name that a service's future has: `Self::Future`.
pub(crate) fn is_called_future(ty: &Type) -> bool {
    last_segment(ungrouped(ty)).is_some_and(|last| last.ident == "Future")
}

/// Types of the language and its library that are no `Result` and no future, by their names.
const PLAIN: [&str; 20] = [
    "Option", "String", "Vec", "bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "usize",
    "i8", "i16", "i32", "i64", "i128", "isize", "f32", "f64",
];

/// Whether the compiler has to be asked if this type is a future. Asking costs compile time, so
/// types that can't be one by their written form are left out; `impl Trait` can't be asked about.
pub(crate) fn may_hide_a_future(ty: &Type) -> bool {
    match ungrouped(ty) {
        Type::Path(path) => {
            if contains_impl(ty) {
                return false;
            }
            path.qself.is_some()
                || path.path.segments.len() > 1
                || last_segment(ty).is_none_or(|last| {
                    last.ident != "Result"
                        && last.ident != "Self"
                        && !PLAIN.iter().any(|name| last.ident == name)
                })
        }
        Type::Macro(_) => true,
        _ => false,
    }
}

/// Whether a value of this type may have something to drop. What plainly has not is left where it
/// is.
pub(crate) fn may_drop(ty: &Type) -> bool {
    match ungrouped(ty) {
        Type::Reference(_) | Type::Ptr(_) | Type::FnPtr(_) | Type::Never(_) => false,
        Type::Tuple(tuple) => tuple.elems.iter().any(may_drop),
        Type::Array(array) => may_drop(&array.elem),
        Type::Path(path) if path.qself.is_none() => {
            let Some(last) = path.path.segments.last() else { return true };
            let alone = path.path.segments.len() == 1;
            if last.ident == "Pin" {
                return type_arguments(last).next().is_none_or(may_drop);
            }
            !(alone && COPIED.iter().any(|name| last.ident == name))
        }
        _ => true,
    }
}

/// Whether a value of this type is no error, as far as its form tells: then nobody has to look at
/// it. What stands behind `impl Trait` can't be seen by the caller either.
pub(crate) fn never_an_error(ty: &Type) -> bool {
    match ungrouped(ty) {
        Type::Reference(_)
        | Type::Ptr(_)
        | Type::FnPtr(_)
        | Type::Tuple(_)
        | Type::Array(_)
        | Type::ImplTrait(_) => true,
        Type::Path(path) if path.qself.is_none() && path.path.segments.len() == 1 => {
            last_segment(ty).is_some_and(|last| match type_arguments(last).next() {
                Some(inner) if last.ident == "Option" || last.ident == "Poll" => {
                    never_an_error(inner)
                }
                _ => PLAIN.iter().chain(&HOLDERS).any(|name| last.ident == name),
            })
        }
        _ => false,
    }
}

/// Types of the library that hold others and are no `Result`, by their names.
const HOLDERS: [&str; 10] = [
    "Box",
    "Rc",
    "Arc",
    "Cow",
    "VecDeque",
    "HashMap",
    "HashSet",
    "BTreeMap",
    "BTreeSet",
    "PhantomData",
];

/// Types of the language that are copied.
const COPIED: [&str; 16] = [
    "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
    "isize", "f32", "f64",
];

/// Whether this type is plainly no `Result`.
pub(crate) fn is_no_result(ty: &Type) -> bool {
    match ungrouped(ty) {
        Type::Path(path) => {
            path.qself.is_none()
                && path.path.segments.len() == 1
                && last_segment(ty).is_some_and(|last| match type_arguments(last).next() {
                    Some(inner) if last.ident == "Option" => is_no_result(inner),
                    _ => PLAIN.iter().any(|name| last.ident == name),
                })
        }
        Type::Macro(_) | Type::Infer(_) | Type::Verbatim(_) => false,
        _ => true,
    }
}

/// Whether this type is one whose values, as a label's, are plainly not few, or that can't be a label's at all: no need
/// to ask it for them.
pub(crate) fn has_many_values(ty: &Type) -> bool {
    let mut ty = ungrouped(ty);
    while let Type::Reference(reference) = ty {
        ty = ungrouped(&reference.elem);
    }
    match ty {
        Type::Path(path) if path.qself.is_none() && path.path.segments.len() == 1 => {
            last_segment(ty).is_some_and(|last| {
                last.ident != "bool" && PLAIN.iter().any(|name| last.ident == name)
            })
        }
        _ => false,
    }
}

fn is_parameter(first: &PathSegment, generics: &Generics) -> bool {
    generics.params.iter().any(|param| match param {
        GenericParam::Type(param) => param.ident == first.ident,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::shape::{Shape, output_type};
    use proc_macro2::TokenStream;
    use quote::quote;
    use syn::Signature;

    #[test]
    fn an_error_behind_a_parameter_or_projection_is_hidden() {
        let hidden = |tokens: TokenStream| {
            let sig: Signature = syn::parse2(tokens).unwrap();
            let shape = Shape::of(&sig, None);
            output_type(&sig, shape).is_some_and(|ty| hides_errors(ty, &sig.generics))
        };
        assert!(hidden(quote!(fn f<R>() -> R)));
        assert!(hidden(quote!(fn f<I: Iterator>() -> I::Item)));
        assert!(hidden(quote!(fn f<I: Iterator>() -> <I as Iterator>::Item)));
        assert!(hidden(quote!(fn f(&self) -> Self::R)));
        assert!(hidden(quote!(fn f<R>() -> impl Future<Output = R>)));
        assert!(hidden(quote!(fn f<R>() -> BoxFuture<'static, R>)));
        assert!(hidden(quote!(fn f<R>() -> Pin<Box<dyn Future<Output = R>>>)));
        // Of the `impl` block around it, or a type that is called so: `error_if` tells.
        assert!(hidden(quote!(fn f(&self) -> T)));
        assert!(hidden(quote!(fn f(&self) -> I::Item)));
        assert!(!hidden(quote!(fn f<R>() -> Result<R, u8>)));
        assert!(!hidden(quote!(fn f() -> Self)));
        assert!(!hidden(quote!(fn f() -> io::Result<u8>)));
    }

    #[test]
    fn only_types_that_may_be_futures_are_asked_about() {
        let ask = |tokens| may_hide_a_future(&syn::parse2(tokens).unwrap());
        assert!(ask(quote!(Alias)));
        assert!(ask(quote!(Self::Future)));
        assert!(ask(quote!(Box<dyn Trait>)));
        assert!(!ask(quote!(Result<u8, u8>)));
        assert!(!ask(quote!(())));
        assert!(!ask(quote!(&Alias)));
        assert!(!ask(quote!(Box<impl Trait>)));
    }
}
