//! Moves the arguments into the closure or future around a body, so that it moves, borrows and
//! drops them as the body of the plain function does.
//!
//! A function drops its locals and then its arguments, the last one first, whether its body
//! mentions them or not. A closure differs in three ways: it captures only the fields that its body
//! mentions, it drops its captures in the order in which they are first mentioned, and it leaves
//! outside what it doesn't mention. Therefore:
//!
//! * Each argument is mentioned before the body, by reference and as a whole, in code that never
//!   runs. The last argument is mentioned first, so it is dropped first.
//! * For some arguments that is not enough: for a `mut` one, because rustc warns about values that
//!   are assigned to a capture; for a pattern, which doesn't bind all parts of the value; and for
//!   an argument that the body doesn't mention, because rustc must still warn that it is unused.
//!   From the first such argument on, all are bound again in their order, as the compiler does for
//!   an `async fn`. This works because locals are dropped before captures.
//! * An argument whose type has no destructor is left alone.
//!
//! `self` can't be bound again under its name. It is the first argument, so as a capture it is
//! dropped last, which is right. Only `mut self` gets another name, in the tokens of the body.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident};
use syn::{Attribute, FnArg, Pat, PatIdent, PatType, Receiver, ReceiverKind, Token, parse_quote};

use crate::parse::function::Function;
use crate::parse::known_types;
use crate::tokens::{mentions, q};

/// What stands around the body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Around {
    /// A closure or a future, which captures the arguments.
    Captures,
    /// A block. What is to be dropped in it has to be bound in it.
    Block,
}

/// The statements before the body.
pub(crate) struct Moved {
    pub(crate) statements: TokenStream,
    /// Whether destructors may run after the body and before the call ends.
    pub(crate) may_drop: bool,
}

/// Whether the receiver may have a destructor.
pub(crate) fn self_may_drop(function: &Function) -> bool {
    function.sig.receiver().is_some_and(receiver_may_drop)
}

/// Moves the arguments into the body. `outside` holds the expressions that are evaluated before or
/// after the body, and use the arguments under their own names.
pub(crate) fn moved(function: &mut Function, around: Around, outside: &TokenStream) -> Moved {
    let mut moving = Moving {
        around,
        mentioned: Vec::new(),
        statements: TokenStream::new(),
        rebinds: around == Around::Block,
        may_drop: false,
    };
    moving.receiver(function);
    let mut inputs = std::mem::take(&mut function.sig.inputs);
    for (index, input) in inputs.iter_mut().enumerate() {
        if let FnArg::Typed(argument) = input {
            moving.argument(function, index, argument, outside);
        }
    }
    function.sig.inputs = inputs;
    moving.done()
}

struct Moving {
    around: Around,
    /// References to the arguments that are captured as they are, the first one first.
    mentioned: Vec<TokenStream>,
    /// Statements that bind the others again.
    statements: TokenStream,
    /// Whether an argument with a destructor was bound again: all behind it are, too.
    rebinds: bool,
    may_drop: bool,
}

impl Moving {
    fn receiver(&mut self, function: &mut Function) {
        let Some(receiver) = function.sig.receiver() else { return };
        if !receiver_may_drop(receiver) {
            return;
        }
        self.may_drop = true;
        let self_token = receiver.self_token;
        if self.around == Around::Captures {
            // No underscore before the name, since `unused_mut` ignores such names.
            let renamed = Ident::new("headcount_self", self_token.span);
            let used = function.body_mentions(&Ident::new("self", self_token.span));
            let body = match receiver.mutability {
                Some(_) if used => function.body_with_self(&renamed),
                _ => None,
            };
            if let (Some(mutability), Some(body)) = (receiver.mutability, body) {
                // The reference prevents a warning: rustc gives none about an unused `self`.
                self.statements.extend(q!(
                    let #mutability #renamed = #self_token;
                    if false { let _ = &#renamed; }
                ));
                self.rebinds = true;
                function.set_body(body);
                if let Some(FnArg::Receiver(receiver)) = function.sig.inputs.first_mut() {
                    receiver.mutability = None;
                }
            } else {
                self.mentioned.push(q!(let _ = &#self_token;));
            }
        }
    }

    fn argument(
        &mut self,
        function: &Function,
        index: usize,
        argument: &mut PatType,
        outside: &TokenStream,
    ) {
        let may_drop = known_types::may_drop(&argument.ty);
        if !may_drop {
            // When it is dropped makes no difference. But if it is assigned to, it must be a local:
            // a reference that is assigned to a capture would have to outlive it.
            if self.around == Around::Captures {
                self.rebind_what_is_mut(argument);
            }
            return;
        }
        self.may_drop = true;
        let name = format_ident!("__arg{index}", span = Span::mixed_site());
        match &mut *argument.pat {
            Pat::Wild(wild) => {
                let wild = wild.underscore_token.span;
                let name = Ident::new(&name.to_string(), name.span().located_at(wild));
                *argument.pat = parse_quote!(#name);
                self.bind(&mut argument.attrs, None, &name, &name);
            }
            Pat::Ident(PatIdent { by_ref: None, subpat: None, mutability, ident, .. }) => {
                let ident = ident.clone();
                let hidden = ident.to_string().starts_with('_');
                let used = function.body_mentions(&ident);
                if mutability.is_none() && used && !hidden {
                    self.bind(&mut argument.attrs, None, &ident, &ident);
                    return;
                }
                self.rebinds |= mutability.is_some() || !hidden || used;
                let mut outer = ident.clone();
                // clippy warns if a name that begins with an underscore is used, but not if a macro
                // uses it. A name with two underscores may be one of ours.
                let ours = ident.to_string().starts_with("__");
                if hidden && !ours && !mentions(outside.clone(), &ident) {
                    outer.set_span(Span::mixed_site().located_at(ident.span()));
                }
                let mutability = mutability.take();
                // If the body doesn't mention the argument, the binding has a name of ours: clippy
                // would warn that the user's has no effect.
                let inner = if hidden && !used { &outer } else { &ident };
                self.bind(&mut argument.attrs, mutability, inner, &outer);
                if let Pat::Ident(pat) = &mut *argument.pat {
                    pat.ident = outer;
                }
            }
            pattern => {
                self.rebinds = true;
                if bindings(pattern).iter().any(|one| mentions(outside.clone(), &one.ident)) {
                    // Its names are used outside, so the pattern stays there, with what it doesn't
                    // bind.
                    for binding in bindings(pattern) {
                        let name = binding.ident;
                        let mutability = binding.mutability.take();
                        let cfg: Vec<_> = argument.attrs.iter().filter(|it| is_cfg(it)).collect();
                        self.statements.extend(q!(#(#cfg)* let #mutability #name = #name;));
                    }
                    return;
                }
                // The compiler's own place for an argument can be changed through `ref mut`, too.
                let mutability =
                    refers_mutably(pattern.to_token_stream()).then(<Token![mut]>::default);
                self.bind(&mut argument.attrs, mutability, &name, &name);
                let pattern = std::mem::replace(pattern, parse_quote!(#name));
                let cfg: Vec<_> = argument.attrs.iter().filter(|it| is_cfg(it)).collect();
                self.statements.extend(q!(#(#cfg)* let #pattern = #name;));
            }
        }
    }

    /// Captures an argument as it is, or binds it again if one before it was.
    fn bind(
        &mut self,
        attrs: &mut Vec<Attribute>,
        mutability: Option<Token![mut]>,
        inner: &Ident,
        outer: &Ident,
    ) {
        let mut own: Vec<_> = attrs.iter().filter(|attr| is_cfg(attr)).cloned().collect();
        if self.rebinds {
            // Lint attributes belong to the binding that has the user's name.
            let (lints, others) = std::mem::take(attrs).into_iter().partition(is_lint);
            *attrs = others;
            own.extend::<Vec<_>>(lints);
            self.statements.extend(q!(#(#own)* let #mutability #inner = #outer;));
        } else {
            self.mentioned.push(q!(#(#own)* let _ = &#outer;));
        }
    }

    fn rebind_what_is_mut(&mut self, argument: &mut PatType) {
        let cfg: Vec<_> = argument.attrs.iter().filter(|attr| is_cfg(attr)).cloned().collect();
        for binding in bindings(&mut argument.pat) {
            if let Some(mutability) = binding.mutability.take() {
                let name = binding.ident;
                self.statements.extend(q!(#(#cfg)* let #mutability #name = #name;));
            }
        }
    }

    fn done(self) -> Moved {
        let Self { mut mentioned, statements, may_drop, .. } = self;
        mentioned.reverse();
        let mentioned =
            if mentioned.is_empty() { TokenStream::new() } else { q!(if false { #(#mentioned)* }) };
        Moved { statements: q!(#mentioned #statements), may_drop }
    }
}

fn receiver_may_drop(receiver: &Receiver) -> bool {
    match &receiver.kind {
        ReceiverKind::Value => true,
        ReceiverKind::Typed(_, ty) => known_types::may_drop(ty),
        _ => false,
    }
}

/// A name that a pattern binds by value, with the `mut` that stands before it.
struct Binding<'a> {
    ident: Ident,
    mutability: &'a mut Option<Token![mut]>,
}

fn bindings(pat: &mut Pat) -> Vec<Binding<'_>> {
    let mut found = Vec::new();
    bindings_of(pat, &mut found);
    found
}

fn bindings_of<'a>(pat: &'a mut Pat, into: &mut Vec<Binding<'a>>) {
    match pat {
        Pat::Ident(pat) => {
            // The `mut` of `ref mut` is the reference's.
            if pat.by_ref.is_none() {
                into.push(Binding { ident: pat.ident.clone(), mutability: &mut pat.mutability });
            }
            if let Some((_, pat)) = &mut pat.subpat {
                bindings_of(pat, into);
            }
        }
        Pat::Paren(pat) => bindings_of(&mut pat.pat, into),
        Pat::Reference(pat) => bindings_of(&mut pat.pat, into),
        Pat::Type(pat) => bindings_of(&mut pat.pat, into),
        Pat::Slice(pat) => pat.elems.iter_mut().for_each(|pat| bindings_of(pat, into)),
        Pat::Tuple(pat) => pat.elems.iter_mut().for_each(|pat| bindings_of(pat, into)),
        Pat::TupleStruct(pat) => pat.elems.iter_mut().for_each(|pat| bindings_of(pat, into)),
        Pat::Struct(pat) => {
            pat.fields.iter_mut().for_each(|field| bindings_of(&mut field.pat, into));
        }
        // The alternatives of an or-pattern are left as they are.
        _ => {}
    }
}

/// Whether a pattern contains `ref mut`.
fn refers_mutably(pattern: TokenStream) -> bool {
    let mut after_ref = false;
    pattern.into_iter().any(|token| {
        let found = match &token {
            TokenTree::Ident(word) => after_ref && word == "mut",
            TokenTree::Group(group) => refers_mutably(group.stream()),
            _ => false,
        };
        after_ref = matches!(&token, TokenTree::Ident(word) if word == "ref");
        found
    })
}

fn is_cfg(attr: &Attribute) -> bool {
    attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr")
}

fn is_lint(attr: &Attribute) -> bool {
    ["allow", "warn", "deny", "forbid", "expect"].iter().any(|name| attr.path().is_ident(name))
}
