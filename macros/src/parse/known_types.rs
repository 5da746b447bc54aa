//! What the name of a type tells about its values: whether they can be errors or futures, whether
//! they have a destructor, whether they are few.
//!
//! An attribute sees names, not types. So only names of the language and the standard library tell
//! something; a type with another name may be anything, and what depends on it is left to the
//! compiler.

use syn::{GenericParam, Generics, PathSegment, Type};

use crate::parse::types::{
    contains_impl, last_segment, looks_like_parameter, type_arguments, ungrouped,
};

/// Whether it can't be seen here if this type is a `Result`, since it is a type parameter or an
/// associated type of one.
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

/// Whether the last name of a type is `Future`, as in the `Self::Future` of a service.
pub(crate) fn is_called_future(ty: &Type) -> bool {
    last_segment(ungrouped(ty)).is_some_and(|last| last.ident == "Future")
}

/// Types of the language and its library that are neither a `Result` nor a future.
const PLAIN: [&str; 20] = [
    "Option", "String", "Vec", "bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "usize",
    "i8", "i16", "i32", "i64", "i128", "isize", "f32", "f64",
];

/// Whether the compiler has to be asked if this type is a future. That costs compile time, so it
/// is not asked about types that can't be one. It can't be asked about `impl Trait`.
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

/// Whether a value of this type may have a destructor.
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

/// Whether a value of this type can't be an error, so that nothing has to look at it. A caller
/// can't see the type behind `impl Trait` either.
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

/// Types of the library that contain others and are not a `Result`.
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

/// Types of the language that are `Copy`.
const COPIED: [&str; 16] = [
    "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
    "isize", "f32", "f64",
];

/// Whether this type is certainly not a `Result`.
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

/// Whether a label of this type certainly has many values, or the type can't be a label: there is
/// no need to ask the compiler for its values.
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
        // May be a parameter of the `impl` block around it.
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
