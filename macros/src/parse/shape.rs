//! What kind of function it is, read from its signature: what it returns, and when its call ends.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    GenericArgument, GenericParam, Generics, PathArguments, PathSegment, ReturnType, Signature,
    Type, TypeParamBound,
};

/// How a function's call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// When it returns.
    Plain,
    /// Never by returning: `-> !`.
    Never,
    /// When the future is done: `async fn`.
    Async,
    /// The same for `async fn .. -> !`.
    AsyncNever,
    /// When the returned future is done: `-> impl Future`.
    ImplFuture,
    /// When the returned future is done: `-> Pin<Box<dyn Future>>` and its aliases.
    BoxedFuture,
}

impl Shape {
    /// The shape that a signature shows; `future` tells what the type hides, or that it is nothing
    /// to be looked at.
    pub(crate) fn of(sig: &Signature, future: Option<bool>) -> Self {
        let written = written_type(sig);
        if sig.asyncness.is_some() {
            return match written {
                Some(Type::Never(_)) => Shape::AsyncNever,
                _ => Shape::Async,
            };
        }
        if future == Some(false) {
            return if matches!(written, Some(Type::Never(_))) {
                Shape::Never
            } else {
                Shape::Plain
            };
        }
        let future = future.is_some();
        match written {
            Some(Type::Never(_)) => Shape::Never,
            Some(Type::ImplTrait(ty)) if future || ty.bounds.iter().any(is_future_bound) => {
                Shape::ImplFuture
            }
            Some(ty) if future || is_boxed_future(ty) => Shape::BoxedFuture,
            _ => Shape::Plain,
        }
    }

    /// Whether the call is a future's, and so can be cancelled.
    pub(crate) fn is_future(self) -> bool {
        !matches!(self, Shape::Plain | Shape::Never)
    }

    pub(crate) fn returns_future(self) -> bool {
        matches!(self, Shape::ImplFuture | Shape::BoxedFuture)
    }
}

/// The type after `->`, without brackets around it.
pub(crate) fn written_type(sig: &Signature) -> Option<&Type> {
    match &sig.output {
        ReturnType::Default => None,
        ReturnType::Type(_, ty) => Some(ungrouped(ty)),
    }
}

/// The type that a call yields in the end, as far as it is written: for a future, its output.
pub(crate) fn output_type(sig: &Signature, shape: Shape) -> Option<&Type> {
    let written = written_type(sig)?;
    if !shape.returns_future() {
        return Some(written);
    }
    match written {
        Type::ImplTrait(ty) => future_output(ty.bounds.iter()),
        Type::Path(_) => {
            let last = last_segment(written)?;
            if last.ident == "BoxFuture" || last.ident == "LocalBoxFuture" {
                return type_arguments(last).last();
            }
            match type_arguments(last).next()? {
                Type::Path(boxed) => match type_arguments(boxed.path.segments.last()?).next()? {
                    Type::TraitObject(object) => future_output(object.bounds.iter()),
                    _ => None,
                },
                _ => None,
            }
        }
        _ => None,
    }
}

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

/// Whether a type is called as type parameters are: by one capital letter, perhaps with a number. Those of the `impl` block around a
/// function can't be seen from the function.
fn looks_like_parameter(name: &str) -> bool {
    let letter = name.trim_end_matches(|last: char| last.is_ascii_digit());
    letter.len() == 1 && letter.starts_with(|one: char| one.is_ascii_uppercase())
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

/// The bounds of `impl Fn(..) -> ..` that are of functions.
pub(crate) fn function_bounds(ty: &Type) -> Option<Vec<&TypeParamBound>> {
    let Type::ImplTrait(returned) = ty else { return None };
    let is_function = |bound: &&TypeParamBound| {
        ["Fn", "FnMut", "FnOnce"].iter().any(|name| is_bound(bound, name))
    };
    let bounds: Vec<_> = returned.bounds.iter().filter(is_function).collect();
    (!bounds.is_empty()).then_some(bounds)
}

/// Whether an item inside of the function can name all that stands in these tokens, if it restates
/// the function's parameters.
pub(crate) fn is_known_inside(tokens: TokenStream, generics: &Generics) -> bool {
    tokens.into_iter().all(|token| match token {
        TokenTree::Group(group) => is_known_inside(group.stream(), generics),
        TokenTree::Ident(ident) => {
            let name = ident.to_string();
            let is_own = generics.type_params().any(|param| param.ident == ident);
            name != "impl" && name != "Self" && (is_own || !looks_like_parameter(&name))
        }
        TokenTree::Punct(_) | TokenTree::Literal(_) => true,
    })
}

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

/// The type with each `impl Trait` replaced by `_`, for places where it can't be written.
pub(crate) fn without_impl(ty: &Type) -> Type {
    let mut ty = ty.clone();
    erase_impl(&mut ty);
    ty
}

/// Whether `impl Trait` stands anywhere in the type.
pub(crate) fn contains_impl(ty: &Type) -> bool {
    erase_impl(&mut ty.clone())
}

fn erase_impl(ty: &mut Type) -> bool {
    match ty {
        Type::ImplTrait(_) => {
            *ty = Type::Infer(syn::TypeInfer {
                attrs: Vec::new(),
                underscore_token: syn::Token![_](Span::mixed_site()),
            });
            true
        }
        Type::Array(ty) => erase_impl(&mut ty.elem),
        Type::Group(ty) => erase_impl(&mut ty.elem),
        Type::Paren(ty) => erase_impl(&mut ty.elem),
        Type::Ptr(ty) => erase_impl(&mut ty.elem),
        Type::Reference(ty) => erase_impl(&mut ty.elem),
        Type::Slice(ty) => erase_impl(&mut ty.elem),
        Type::Tuple(ty) => ty.elems.iter_mut().fold(false, |found, ty| erase_impl(ty) | found),
        Type::Path(ty) => {
            let mut found = false;
            for segment in &mut ty.path.segments {
                if let PathArguments::AngleBracketed(arguments) = &mut segment.arguments {
                    for argument in &mut arguments.args {
                        if let GenericArgument::Type(ty) = argument {
                            found |= erase_impl(ty);
                        }
                    }
                }
            }
            found
        }
        _ => false,
    }
}

/// A bound of `-> impl Future + Bound` that a future of ours doesn't pass on.
pub(crate) fn bound_not_kept(sig: &Signature) -> Option<&TypeParamBound> {
    const KEPT: [&str; 8] =
        ["Future", "Send", "Sync", "Unpin", "Clone", "Debug", "UnwindSafe", "RefUnwindSafe"];
    match written_type(sig)? {
        Type::ImplTrait(ty) => ty.bounds.iter().find(|bound| {
            let kept = KEPT.iter().any(|name| is_bound(bound, name));
            matches!(bound, TypeParamBound::Trait(bound) if bound.maybe.is_none()) && !kept
        }),
        _ => None,
    }
}

/// Whether a `static` can name the type of an argument, to ask it for its values.
///
/// What may be a parameter of the `impl` block around the function can't be told from a type: a name of one letter
/// is taken for one.
pub(crate) fn is_known_here(ty: &Type, generics: &Generics) -> bool {
    fn known(tokens: TokenStream, generics: &Generics) -> bool {
        tokens.into_iter().all(|token| match token {
            TokenTree::Group(group) => known(group.stream(), generics),
            TokenTree::Ident(ident) => {
                let name = ident.to_string();
                name != "impl"
                    && name != "Self"
                    && name != "dyn"
                    && !looks_like_parameter(&name)
                    && !generics.params.iter().any(|param| match param {
                        GenericParam::Type(param) => param.ident == ident,
                        GenericParam::Const(param) => param.ident == ident,
                        GenericParam::Lifetime(_) => false,
                    })
            }
            TokenTree::Punct(punct) => punct.as_char() != '!',
            TokenTree::Literal(_) => true,
        })
    }
    !matches!(ungrouped(ty), Type::Infer(_)) && known(ty.to_token_stream(), generics)
}

/// The type as it can be named where the function's lifetimes can't.
pub(crate) fn without_lifetimes(ty: &Type) -> Type {
    fn strip(tokens: TokenStream) -> TokenStream {
        let mut stripped = TokenStream::new();
        let mut rest = tokens.into_iter().peekable();
        while let Some(token) = rest.next() {
            match token {
                TokenTree::Punct(quote) if quote.as_char() == '\'' => {
                    stripped.extend([TokenTree::from(quote)]);
                    if let Some(TokenTree::Ident(name)) = rest.next() {
                        let name = if name == "static" { "static" } else { "_" };
                        stripped.extend([TokenTree::from(Ident::new(name, Span::mixed_site()))]);
                    }
                }
                TokenTree::Group(group) => {
                    let mut inner = Group::new(group.delimiter(), strip(group.stream()));
                    inner.set_span(group.span());
                    stripped.extend([TokenTree::from(inner)]);
                }
                other => stripped.extend([other]),
            }
        }
        stripped
    }
    syn::parse2(strip(ty.to_token_stream())).unwrap_or_else(|_| ty.clone())
}

fn is_parameter(first: &PathSegment, generics: &Generics) -> bool {
    generics.params.iter().any(|param| match param {
        GenericParam::Type(param) => param.ident == first.ident,
        _ => false,
    })
}

fn is_boxed_future(ty: &Type) -> bool {
    let Some(last) = last_segment(ty) else { return false };
    if last.ident == "BoxFuture" || last.ident == "LocalBoxFuture" {
        return true;
    }
    if last.ident != "Pin" {
        return false;
    }
    let Some(boxed) = type_arguments(last).next() else { return false };
    match last_segment(boxed) {
        Some(boxed) if boxed.ident == "Box" => match type_arguments(boxed).next() {
            Some(Type::TraitObject(object)) => object.bounds.iter().any(is_future_bound),
            _ => false,
        },
        _ => false,
    }
}

fn is_future_bound(bound: &TypeParamBound) -> bool {
    is_bound(bound, "Future")
}

fn is_bound(bound: &TypeParamBound, name: &str) -> bool {
    match bound {
        TypeParamBound::Trait(bound) => {
            bound.maybe.is_none()
                && bound.path.segments.last().is_some_and(|last| last.ident == name)
        }
        _ => false,
    }
}

fn future_output<'a>(bounds: impl Iterator<Item = &'a TypeParamBound>) -> Option<&'a Type> {
    for bound in bounds {
        let TypeParamBound::Trait(bound) = bound else { continue };
        let Some(last) = bound.path.segments.last() else { continue };
        let PathArguments::AngleBracketed(arguments) = &last.arguments else { continue };
        for argument in &arguments.args {
            if let GenericArgument::AssocType(binding) = argument {
                if binding.ident == "Output" {
                    return Some(&binding.ty);
                }
            }
        }
    }
    None
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ungrouped(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

fn type_arguments(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(arguments),
        _ => None,
    };
    arguments.into_iter().flat_map(|arguments| &arguments.args).filter_map(
        |argument| match argument {
            GenericArgument::Type(ty) => Some(ungrouped(ty)),
            _ => None,
        },
    )
}

/// The type inside the invisible brackets of a `macro_rules!` fragment, or inside written ones.
pub(crate) fn ungrouped(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            other => return other,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn sig(tokens: TokenStream) -> Signature {
        syn::parse2(tokens).unwrap()
    }

    fn shape(tokens: TokenStream) -> Shape {
        Shape::of(&sig(tokens), None)
    }

    #[test]
    fn futures_are_recognised_by_what_is_written() {
        assert_eq!(shape(quote!(async fn f())), Shape::Async);
        assert_eq!(shape(quote!(async fn f() -> !)), Shape::AsyncNever);
        assert_eq!(shape(quote!(fn f() -> !)), Shape::Never);
        assert_eq!(shape(quote!(fn f() -> impl Future<Output = u8> + Send)), Shape::ImplFuture);
        assert_eq!(shape(quote!(fn f() -> Pin<Box<dyn Future<Output = u8>>>)), Shape::BoxedFuture);
        assert_eq!(
            shape(
                quote!(fn f<'a>() -> ::core::pin::Pin<Box<dyn ::core::future::Future<Output = u8> + 'a>>)
            ),
            Shape::BoxedFuture
        );
        assert_eq!(shape(quote!(fn f() -> BoxFuture<'static, u8>)), Shape::BoxedFuture);
        assert_eq!(shape(quote!(fn f() -> impl Iterator<Item = u8>)), Shape::Plain);
        assert_eq!(shape(quote!(fn f() -> Pin<Box<u8>>)), Shape::Plain);
        assert_eq!(Shape::of(&sig(quote!(fn f() -> Alias)), Some(true)), Shape::BoxedFuture);
    }

    #[test]
    fn an_error_behind_a_parameter_or_projection_is_hidden() {
        let hidden = |tokens| {
            let sig = sig(tokens);
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
