//! The value of the label `function` for an annotated function: `free_function`, `Type::method`.
//!
//! It is derived from the compiler's name for a type that is declared inside the function.
//! Everything here is a pure function of that text.

/// How much of a function's path its name has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// `Type::method` or `function`: without the module, generic arguments and the trait.
    Short,
    /// `<Type as Trait>::method`, for functions that would share a short name.
    Trait,
    /// `<Type as Trait<Argument>>::method`, for functions that would share that one too.
    Arguments,
}

/// The name of the function in which the type of this path is declared.
pub(super) fn name(path: &str, module: &str, detail: Detail) -> String {
    // The name of a type omits the `r#` of an identifier that is a keyword, and `module_path!`
    // doesn't: `r#async`.
    let (path, module) = (&*path.replace("r#", ""), &*module.replace("r#", ""));
    let path = path.strip_suffix("::__Here").unwrap_or(path);
    let Some(Method { outer, implementor, implemented, rest }) = method(path) else {
        return plain(path, module, detail);
    };
    let of = |path| match detail {
        Detail::Arguments => last_segments(path),
        Detail::Short | Detail::Trait => last_segment(path),
    };
    let (type_name, rest) = (of(implementor), plain(rest, "", detail));
    let mut name = plain(outer, module, detail);
    if !name.is_empty() {
        name.push_str("::");
    }
    name + &match implemented {
        Some(implemented) if detail != Detail::Short => {
            format!("<{type_name} as {}>::{rest}", of(implemented))
        }
        _ => format!("{type_name}::{rest}"),
    }
}

/// A path through an implementation, which the compiler writes in brackets.
struct Method<'a> {
    /// Where it stands, if the path says so.
    outer: &'a str,
    implementor: &'a str,
    implemented: Option<&'a str>,
    rest: &'a str,
}

/// `<Type as Trait>::rest`, or, where neither is of the module in which the implementation stands,
/// `module::<impl Trait for Type>::rest` or `module::<impl Type>::rest`.
fn method(path: &str) -> Option<Method<'_>> {
    if let Some(inside) = path.strip_prefix('<').filter(|inside| !inside.starts_with("impl ")) {
        let (inside, rest) = split_at_closing(inside)?;
        let (implementor, implemented) = match split_outside(inside, " as ") {
            Some((implementor, implemented)) => (implementor, Some(implemented)),
            None => (inside, None),
        };
        return Some(Method { outer: "", implementor, implemented, rest });
    }
    let (outer, inside) = match path.strip_prefix("<impl ") {
        Some(inside) => ("", inside),
        None => split_outside(path, "::<impl ")?,
    };
    let (inside, rest) = split_at_closing(inside)?;
    let (implemented, implementor) = match split_outside(inside, " for ") {
        Some((implemented, implementor)) => (Some(implemented), implementor),
        None => (None, inside),
    };
    Some(Method { outer, implementor, implemented, rest })
}

/// A path without the leading `module::`, and without `{{closure}}`. Generic arguments are left out
/// unless they are asked for.
fn plain(path: &str, module: &str, detail: Detail) -> String {
    let path = path
        .strip_prefix(module)
        .filter(|rest| !module.is_empty() && (rest.is_empty() || rest.starts_with("::")))
        .unwrap_or(path);
    let bare = without_generics(path);
    let segments = bare.split("::").filter(|s| !s.is_empty() && !s.starts_with('{'));
    let name = segments.collect::<Vec<_>>().join("::");
    match path.split_once('<') {
        Some((_, arguments)) if detail == Detail::Arguments => {
            // Where in the name they belong does not matter: they tell it from another.
            match split_at_closing(arguments) {
                Some((arguments, _)) => format!("{name}<{}>", last_segments(arguments)),
                None => name,
            }
        }
        _ => name,
    }
}

fn without_generics(path: &str) -> String {
    let mut depth = 0_u32;
    let mut out = String::with_capacity(path.len());
    let mut before = ' ';
    for c in path.chars() {
        match c {
            '<' => depth += 1,
            // The arrow in the type of a function pointer closes nothing.
            '>' if before == '-' => {}
            '>' => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(c),
            _ => {}
        }
        before = c;
    }
    out
}

/// Splits behind the `>` that closes a `<` which was already passed.
fn split_at_closing(text: &str) -> Option<(&str, &str)> {
    let mut depth = 1_u32;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' if before == '-' => {}
            '>' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&text[..at], &text[at + 1..]));
        }
        before = c;
    }
    None
}

/// Splits at a separator that is not inside brackets.
fn split_outside<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    let mut depth = 0_u32;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if let (0, Some(rest)) = (depth, text[at..].strip_prefix(separator)) {
            return Some((&text[..at], rest));
        }
        match c {
            '<' => depth += 1,
            '>' if before == '-' => {}
            '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        before = c;
    }
    None
}

/// `Vec` of `alloc::vec::Vec<T>`. A type without a path (a reference, a tuple) stays as it is
/// written.
fn last_segment(path: &str) -> String {
    let plain = without_generics(path);
    let is_path = plain.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':');
    if is_path { plain.rsplit("::").next().unwrap_or("").to_owned() } else { path.to_owned() }
}

/// `Vec<String>` of `alloc::vec::Vec<alloc::string::String>`.
fn last_segments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = 0;
    for c in text.chars() {
        out.push(c);
        if out.ends_with("::") {
            out.truncate(word);
        } else if !c.is_alphanumeric() && c != '_' && c != ':' {
            word = out.len();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(path: &str, module: &str) -> String {
        name(path, module, Detail::Short)
    }

    #[test]
    fn a_function_is_named_as_its_author_would() {
        for (path, expected) in [
            ("shop::run::__Here", "run"),
            ("shop::P::plain::__Here", "P::plain"),
            ("<shop::P as shop::Tr>::t::__Here", "P::t"),
            ("shop::S<_>::generic_method::__Here", "S::generic_method"),
            ("shop::S<T>::generic_method::__Here", "S::generic_method"),
            ("shop::af::{{closure}}::__Here", "af"),
            ("<shop::P as shop::Tr>::go::{{closure}}::__Here", "P::go"),
            ("shop::Tr::dflt::__Here", "Tr::dflt"),
            ("<alloc::vec::Vec<T> as shop::Tr>::req::__Here", "Vec::req"),
            ("<&T as shop::Tr>::req::__Here", "&T::req"),
            ("<fn() -> u8 as shop::Tr>::req::__Here", "fn() -> u8::req"),
            ("<shop::W<<A as B>::C> as shop::Tr>::req::__Here", "W::req"),
            ("shop::outer::inner::__Here", "outer::inner"),
            ("shop::generic<u8>::__Here", "generic"),
        ] {
            assert_eq!(short(path, "shop"), expected, "{path}");
        }
        assert_eq!(short("shop::jobs::run::__Here", "shop::jobs"), "run");
        assert_eq!(short("shop::async::P::run::__Here", "shop::r#async"), "P::run");
    }

    #[test]
    fn a_method_has_its_type_wherever_the_implementation_stands() {
        for (path, expected, with_trait) in [
            ("shop::imp::<impl shop::types::A>::new::__Here", "A::new", "A::new"),
            ("shop::imp::<impl shop::types::G<T>>::new::__Here", "G::new", "G::new"),
            ("shop::imp::<impl shop::Tr for shop::A>::go::__Here", "A::go", "<A as Tr>::go"),
            (
                "shop::imp::<impl shop::Tr<u8> for alloc::vec::Vec<T>>::go::{{closure}}::__Here",
                "Vec::go",
                "<Vec as Tr>::go",
            ),
            (
                "shop::imp::<impl shop::Tr for for<'a> fn(&'a u8) -> u8>::go::__Here",
                "for<'a> fn(&'a u8) -> u8::go",
                "<for<'a> fn(&'a u8) -> u8 as Tr>::go",
            ),
            (
                "shop::imp::run::<impl shop::Tr for shop::A>::go::inner::__Here",
                "run::A::go::inner",
                "run::<A as Tr>::go::inner",
            ),
            ("shop::imp::f<shop::x::<impl shop::A>::g::L>::__Here", "f", "f"),
        ] {
            assert_eq!(short(path, "shop::imp"), expected, "{path}");
            assert_eq!(name(path, "shop::imp", Detail::Trait), with_trait, "{path}");
        }
    }

    #[test]
    fn the_trait_tells_two_methods_of_one_name_apart() {
        let qualified = |path| name(path, "shop", Detail::Trait);
        assert_eq!(qualified("<shop::P as shop::a::A>::go::__Here"), "<P as A>::go");
        assert_eq!(qualified("shop::P::go::__Here"), "P::go");
    }

    #[test]
    fn generic_arguments_tell_two_implementations_of_one_trait_apart() {
        for (path, expected) in [
            (
                "<shop::E as core::convert::From<core::num::error::ParseIntError>>::from::__Here",
                "<E as From<ParseIntError>>::from",
            ),
            (
                "<shop::E as core::convert::From<(u8, &[alloc::vec::Vec<u8>])>>::from::__Here",
                "<E as From<(u8, &[Vec<u8>])>>::from",
            ),
            ("shop::W<u16>::m::__Here", "W::m<u16>"),
            ("<shop::W<shop::x::Y> as shop::A>::go::__Here", "<W<Y> as A>::go"),
            ("shop::<impl other::W<u16>>::m::__Here", "W<u16>::m"),
            ("shop::run::__Here", "run"),
        ] {
            assert_eq!(name(path, "shop", Detail::Arguments), expected, "{path}");
        }
    }
}
