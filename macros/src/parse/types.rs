//! The parts of a type (its last name, its arguments, its bounds), and copies of types for places
//! where some of these parts can't be named.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    GenericArgument, GenericParam, Generics, PathArguments, PathSegment, Type, TypeParamBound,
};

/// The type inside parentheses, or inside the invisible brackets of a `macro_rules!` fragment.
pub(crate) fn ungrouped(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            other => return other,
        };
    }
}

pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ungrouped(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

pub(crate) fn type_arguments(segment: &PathSegment) -> impl Iterator<Item = &Type> {
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

pub(crate) fn is_bound(bound: &TypeParamBound, name: &str) -> bool {
    match bound {
        TypeParamBound::Trait(bound) => {
            bound.maybe.is_none()
                && bound.path.segments.last().is_some_and(|last| last.ident == name)
        }
        _ => false,
    }
}

/// Whether a name looks like that of a type parameter: one capital letter, perhaps with a number.
/// The parameters of the `impl` block around a function can't be seen from the function.
pub(crate) fn looks_like_parameter(name: &str) -> bool {
    let letter = name.trim_end_matches(|last: char| last.is_ascii_digit());
    letter.len() == 1 && letter.starts_with(|one: char| one.is_ascii_uppercase())
}

/// The `Fn` bounds of `impl Fn(..) -> ..`.
pub(crate) fn function_bounds(ty: &Type) -> Option<Vec<&TypeParamBound>> {
    let Type::ImplTrait(returned) = ty else { return None };
    let is_function = |bound: &&TypeParamBound| {
        ["Fn", "FnMut", "FnOnce"].iter().any(|name| is_bound(bound, name))
    };
    let bounds: Vec<_> = returned.bounds.iter().filter(is_function).collect();
    (!bounds.is_empty()).then_some(bounds)
}

/// Whether an item in the function's body can name everything in these tokens, if it repeats the
/// function's generic parameters.
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

/// The type with `_` in place of each `impl Trait`, for places where that is not allowed.
pub(crate) fn without_impl(ty: &Type) -> Type {
    let mut ty = ty.clone();
    erase_impl(&mut ty);
    ty
}

/// Whether the type contains `impl Trait`.
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

/// Whether a `static` can name this type, to ask it for its values.
///
/// A parameter of the `impl` block around the function can't be distinguished from a type. A name
/// of one letter is taken for a parameter.
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

/// The type with `'_` in place of lifetimes, for places where the function's lifetimes are unknown.
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
