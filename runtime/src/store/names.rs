//! The value of the label `function` for an annotated function: `free_function`, `Type::method`.
//!
//! It is derived from the compiler's name for a type that is declared inside the function.
//! Everything here is a pure function of that text.

/// `Type::method` or `function`: without the module, generic arguments and the trait.
pub(super) fn short(path: &str, module: &str) -> String {
    name(path, module, false)
}

/// `<Type as Trait>::method`, for functions that would share a short name.
pub(super) fn qualified(path: &str, module: &str) -> String {
    name(path, module, true)
}

fn name(path: &str, module: &str, with_trait: bool) -> String {
    // The name of a type omits the `r#` of an identifier that is a keyword, and `module_path!`
    // doesn't: `r#async`.
    let (path, module) = (&*path.replace("r#", ""), &*module.replace("r#", ""));
    let path = path.strip_suffix("::__Here").unwrap_or(path);
    let Some((inside, rest)) = path.strip_prefix('<').and_then(split_at_closing) else {
        return plain(path, module);
    };
    let rest = plain(rest.trim_start_matches("::"), "");
    let (implementor, implemented) = match split_at_as(inside) {
        Some((implementor, implemented)) => (implementor, Some(implemented)),
        None => (inside, None),
    };
    let type_name = last_segment(implementor);
    match implemented {
        Some(implemented) if with_trait => {
            format!("<{type_name} as {}>::{rest}", last_segment(implemented))
        }
        _ => format!("{type_name}::{rest}"),
    }
}

/// A path without the leading `module::`, without `<..>` and `{{closure}}`.
fn plain(path: &str, module: &str) -> String {
    let path = path
        .strip_prefix(module)
        .and_then(|rest| rest.strip_prefix("::"))
        .filter(|_| !module.is_empty())
        .unwrap_or(path);
    let path = without_generics(path);
    let segments: Vec<&str> =
        path.split("::").filter(|s| !s.is_empty() && !s.starts_with('{')).collect();
    segments.join("::")
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

/// Splits `Type as Trait` at an `as` that is not inside brackets.
fn split_at_as(text: &str) -> Option<(&str, &str)> {
    text.match_indices(" as ")
        .find(|(at, _)| {
            let head = &text[..*at];
            head.matches('<').count() == head.matches('>').count() - head.matches("->").count()
        })
        .map(|(at, separator)| (&text[..at], &text[at + separator.len()..]))
}

/// `Vec` of `alloc::vec::Vec<T>`. A type without a path (a reference, a tuple) stays as it is
/// written.
fn last_segment(path: &str) -> String {
    let plain = without_generics(path);
    let is_path = plain.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':');
    if is_path { plain.rsplit("::").next().unwrap_or("").to_owned() } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn the_trait_tells_two_methods_of_one_name_apart() {
        assert_eq!(qualified("<shop::P as shop::a::A>::go::__Here", "shop"), "<P as A>::go");
        assert_eq!(qualified("shop::P::go::__Here", "shop"), "P::go");
    }
}
