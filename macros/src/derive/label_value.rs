//! `derive(LabelValue)`, for enums and for structs around one value.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Data, DataEnum, DataStruct, DeriveInput, LitStr, Path, Variant};

use crate::derive::case::Case;
use crate::report::errors::Errors;
use crate::report::suggest::unknown_word;
use crate::tokens::{private_path, q};

/// The longest value that the runtime keeps whole, in bytes.
const LONGEST: usize = 1024;

/// Expands the derive on an item.
pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut options = Options::default();
    options.read(&input.attrs, Place::Type, &mut errors);
    let krate = private_path(options.krate.as_ref());
    let members = match &input.data {
        Data::Enum(data) => of_enum(&krate, &input.ident, data, &options, &mut errors),
        Data::Struct(data) => of_struct(&krate, &input, data, &options, &mut errors),
        Data::Union(data) => {
            errors.on(
                data.union_token,
                "a union doesn't know which of its fields is valid: `LabelValue` is for enums, and \
                 for structs around one value",
            );
            TokenStream::new()
        }
    };
    if !errors.is_empty() {
        return errors.to_compile_errors();
    }
    let DeriveInput { ident, generics, .. } = &input;
    let (of, arguments, bounds) = generics.split_for_impl();
    let field = match &input.data {
        Data::Struct(data) if !generics.params.is_empty() => data.fields.iter().next(),
        _ => None,
    };
    let bounds = match (field, bounds) {
        (None, bounds) => bounds.to_token_stream(),
        (Some(field), bounds) => {
            let ty = &field.ty;
            let before = bounds.map(|bounds| bounds.predicates.iter().collect::<Vec<_>>());
            let before = before.unwrap_or_default();
            q!(where #(#before,)* #ty: #krate::LabelValue)
        }
    };
    q!(
        #[automatically_derived]
        #[allow(deprecated)]
        impl #of #krate::LabelValue for #ident #arguments #bounds {
            #members
        }
    )
}

/// Where `#[label(..)]` stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Type,
    Variant,
    Field,
}

/// The options in `#[label(..)]`.
#[derive(Default)]
struct Options {
    rename: Option<LitStr>,
    rename_all: Option<(LitStr, Case)>,
    krate: Option<Path>,
}

impl Options {
    fn read(&mut self, attrs: &[syn::Attribute], place: Place, errors: &mut Errors) {
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("label")) {
            let read = attr.parse_nested_meta(|meta| {
                let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
                match (key.as_str(), place) {
                    ("rename", Place::Variant) => {
                        let name: LitStr = meta.value()?.parse()?;
                        if self.rename.is_some() {
                            return Err(meta.error("`rename` is given twice"));
                        }
                        self.rename = Some(name);
                    }
                    ("rename_all", Place::Type) => {
                        let name: LitStr = meta.value()?.parse()?;
                        if self.rename_all.is_some() {
                            return Err(meta.error("`rename_all` is given twice"));
                        }
                        match Case::called(&name.value()) {
                            Some(case) => self.rename_all = Some((name, case)),
                            None => errors
                                .on(&name, unknown_word("case", &name.value(), &Case::names())),
                        }
                    }
                    ("crate", Place::Type) => {
                        self.krate = Some(meta.value()?.call(Path::parse_mod_style)?);
                    }
                    ("rename", Place::Type) => {
                        return Err(meta.error(
                            "`rename` goes on a variant: `rename_all = \"..\"` renames all of them",
                        ));
                    }
                    ("rename_all", Place::Variant) => {
                        return Err(meta.error(
                            "`rename_all` goes on the enum: `rename = \"..\"` renames one variant",
                        ));
                    }
                    (_, Place::Type) => {
                        return Err(
                            meta.error("`#[label(..)]` takes `rename_all` and `crate` here")
                        );
                    }
                    (_, Place::Variant) => {
                        return Err(meta.error("`#[label(..)]` takes `rename = \"..\"` here"));
                    }
                    (_, Place::Field) => {
                        return Err(meta.error(
                            "`#[label(..)]` goes on an enum and its variants, not on a field",
                        ));
                    }
                }
                Ok(())
            });
            if let Err(error) = read {
                errors.push(error);
            }
        }
    }
}

fn of_enum(
    krate: &TokenStream,
    ident: &Ident,
    data: &DataEnum,
    options: &Options,
    errors: &mut Errors,
) -> TokenStream {
    if data.variants.is_empty() {
        errors.on(ident, "an enum without variants has no values for a label");
    }
    let case = options.rename_all.as_ref().map_or(Case::Snake, |(_, case)| *case);
    let mut values: Vec<LitStr> = Vec::new();
    for variant in &data.variants {
        let value = value_of(variant, case, errors);
        if let Some(index) = values.iter().position(|other| other.value() == value.value()) {
            errors.on(
                &variant.ident,
                format!(
                    "`{}` is also the value of `{}`: rename one with `#[label(rename = \"..\")]`",
                    value.value(),
                    data.variants[index].ident
                ),
            );
        }
        values.push(value);
    }
    let arms = data.variants.iter().enumerate().map(|(index, variant)| {
        let name = &variant.ident;
        let index = Literal::usize_unsuffixed(index);
        q!(Self::#name { .. } => #index)
    });
    q!(
        const VALUES: &'static [&'static #krate::str] = &[#(#values),*];
        fn index(&self) -> #krate::usize {
            match self { #(#arms),* }
        }
        fn write_label(&self, __out: &mut #krate::LabelWriter<'_>) {
            __out.push_str(
                <Self as #krate::LabelValue>::VALUES[<Self as #krate::LabelValue>::index(self)]
            );
        }
    )
}

fn value_of(variant: &Variant, case: Case, errors: &mut Errors) -> LitStr {
    let mut options = Options::default();
    options.read(&variant.attrs, Place::Variant, errors);
    for field in &variant.fields {
        Options::default().read(&field.attrs, Place::Field, errors);
    }
    let Some(name) = options.rename else {
        return LitStr::new(&case.of(&variant.ident.unraw().to_string()), variant.ident.span());
    };
    if name.value().is_empty() {
        errors.on(&name, "an empty value is the same as no label at all");
    } else if name.value().len() > LONGEST {
        errors.on(&name, format!("a label's value is cut after {LONGEST} bytes"));
    }
    name
}

fn of_struct(
    krate: &TokenStream,
    input: &DeriveInput,
    data: &DataStruct,
    options: &Options,
    errors: &mut Errors,
) -> TokenStream {
    if let Some((rename_all, _)) = &options.rename_all {
        errors.on(
            rename_all,
            "`rename_all` is for enums: the value of a struct is that of its field",
        );
    }
    for field in &data.fields {
        Options::default().read(&field.attrs, Place::Field, errors);
    }
    let mut fields = data.fields.members();
    let (Some(member), None) = (fields.next(), fields.next()) else {
        errors.on(
            &input.ident,
            format!(
                "a label has one value: a struct with `derive(LabelValue)` has one field, not {}",
                data.fields.len()
            ),
        );
        return TokenStream::new();
    };
    let Some(ty) = data.fields.iter().next().map(|field| &field.ty) else {
        return TokenStream::new();
    };
    let member = match member {
        syn::Member::Named(name) => name.into_token_stream(),
        syn::Member::Unnamed(_) => {
            let mut index = Literal::usize_unsuffixed(0);
            index.set_span(Span::mixed_site());
            index.into_token_stream()
        }
    };
    q!(
        const VALUES: &'static [&'static #krate::str] = <#ty as #krate::LabelValue>::VALUES;
        fn index(&self) -> #krate::usize {
            <#ty as #krate::LabelValue>::index(&self.#member)
        }
        fn write_label(&self, __out: &mut #krate::LabelWriter<'_>) {
            <#ty as #krate::LabelValue>::write_label(&self.#member, __out);
        }
    )
}
