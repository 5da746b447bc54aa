//! When a function's call ends, as far as its signature shows it.

use syn::{GenericArgument, PathArguments, ReturnType, Signature, Type, TypeParamBound};

use crate::parse::types::{is_bound, last_segment, type_arguments, ungrouped};

/// How a function's call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// When it returns.
    Plain,
    /// Never by returning: `-> !` or `-> Infallible`.
    Never,
    /// When the future is done: `async fn`.
    Async,
    /// The same for an `async fn`.
    AsyncNever,
    /// When the returned future is done: `-> impl Future`.
    ImplFuture,
    /// When the returned future is done: `-> Pin<Box<dyn Future>>` and its aliases.
    BoxedFuture,
}

impl Shape {
    /// The shape that a signature shows. `future` is the value of that key: whether the type hides
    /// a future that is to be measured.
    pub(crate) fn of(sig: &Signature, future: Option<bool>) -> Self {
        let written = written_type(sig);
        let is_never = written.is_some_and(is_never);
        if sig.asyncness.is_some() {
            return if is_never { Shape::AsyncNever } else { Shape::Async };
        }
        if is_never && future != Some(true) {
            return Shape::Never;
        }
        if future == Some(false) {
            return Shape::Plain;
        }
        let future = future.is_some();
        match written {
            Some(Type::ImplTrait(ty)) if future || ty.bounds.iter().any(is_future_bound) => {
                Shape::ImplFuture
            }
            Some(ty) if future || is_boxed_future(ty) => Shape::BoxedFuture,
            _ => Shape::Plain,
        }
    }

    /// Whether the call ends with a future, and so can be cancelled.
    pub(crate) fn is_future(self) -> bool {
        !matches!(self, Shape::Plain | Shape::Never)
    }

    pub(crate) fn returns_future(self) -> bool {
        matches!(self, Shape::ImplFuture | Shape::BoxedFuture)
    }
}

/// The type after `->`, without parentheses around it.
pub(crate) fn written_type(sig: &Signature) -> Option<&Type> {
    match &sig.output {
        ReturnType::Default => None,
        ReturnType::Type(_, ty) => Some(ungrouped(ty)),
    }
}

/// The type of the value with which a call ends, if it is written: of a future, the output.
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
                // `BoxFuture<'a, T>`. With other arguments it is an alias of somebody else's, whose
                // output may be a `Result` of them.
                let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
                return match arguments.args.iter().collect::<Vec<_>>()[..] {
                    [GenericArgument::Lifetime(_), GenericArgument::Type(output)] => Some(output),
                    _ => None,
                };
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

/// Whether a type has no values. `Infallible` is `!` under another name from some compiler on, and
/// code behind a value of such a type is unreachable, which rustc warns of.
fn is_never(ty: &Type) -> bool {
    let Type::Path(path) = ungrouped(ty) else { return matches!(ungrouped(ty), Type::Never(_)) };
    let mut segments = path.path.segments.iter().rev();
    // By a longer path, `my::Infallible` is another type.
    segments.next().is_some_and(|last| last.ident == "Infallible" && last.arguments.is_none())
        && segments.next().is_none_or(|before| before.ident == "convert")
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

#[cfg(test)]
mod tests {
    use super::*;
    use proc_macro2::TokenStream;
    use quote::{ToTokens, quote};

    fn sig(tokens: TokenStream) -> Signature {
        syn::parse2(tokens).unwrap()
    }

    fn shape(tokens: TokenStream) -> Shape {
        Shape::of(&sig(tokens), None)
    }

    #[test]
    fn the_output_of_somebody_else_s_alias_is_unknown() {
        let output = |tokens| {
            let sig = sig(tokens);
            output_type(&sig, Shape::of(&sig, None)).map(|ty| ty.to_token_stream().to_string())
        };
        assert_eq!(output(quote!(fn f() -> BoxFuture<'static, u8>)).as_deref(), Some("u8"));
        assert_eq!(output(quote!(fn f() -> BoxFuture<u8, Error>)), None);
        assert_eq!(output(quote!(fn f() -> LocalBoxFuture<u8>)), None);
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
        assert_eq!(shape(quote!(fn f() -> BoxFuture<u8, Error>)), Shape::BoxedFuture);
        assert_eq!(shape(quote!(fn f() -> impl Iterator<Item = u8>)), Shape::Plain);
        assert_eq!(shape(quote!(fn f() -> Pin<Box<u8>>)), Shape::Plain);
        assert_eq!(Shape::of(&sig(quote!(fn f() -> Alias)), Some(true)), Shape::BoxedFuture);
    }
}
