//! Makes functions.
//!
//! What is made should compile without attributes; one that doesn't is left out by the test, which
//! counts them.

use headcount_tests::random::Random;

use crate::body::Body;
use crate::case::{Case, Home, Kind, Parameter};
use crate::parameters::{Type, Variable, parameter};
use crate::returns::{self, Yields};

/// A function, always the same for the same edition and number.
pub(crate) fn case(edition: &'static str, id: usize, seed: u64) -> Case {
    let number = u64::try_from(id).expect("few cases");
    let year: u64 = edition.parse().expect("a year");
    let mut random = Random::of(seed.wrapping_mul(1_000_003) ^ (number << 16) ^ year);
    let random = &mut random;
    let kind = kind(random, edition);
    let home = *random.pick(&[
        Home::Free,
        Home::Free,
        Home::Free,
        Home::Inherent,
        Home::Inherent,
        Home::OfTrait,
        Home::Provided,
    ]);
    let (receiver, own, self_drops) = receiver(random, home);
    let yields = returns::yields(random, kind);
    let mut parameters = Vec::new();
    let mut variables: Vec<Variable> = own.into_iter().collect();
    let k = random.below(4);
    for index in 0..=random.below(4) {
        if index == k {
            parameters.push(number_of_way());
        }
        let name = *random.pick(&["a", "b", "c", "d", "e"]);
        let name = format!("{name}{index}_");
        let (made, binds) = parameter(random, &name, !kind.makes_future());
        if edition == "2015" && home == Home::Provided && !is_name(&made.pattern) {
            // Methods of traits had no patterns then.
            continue;
        }
        parameters.push(made);
        variables.extend(binds);
    }
    if parameters.iter().all(|parameter| parameter.pattern != "k") {
        parameters.push(number_of_way());
    }
    if let Yields::Lent = yields {
        parameters.push(Parameter {
            attributes: "",
            pattern: "lent".to_owned(),
            ty: "&'a Noted".to_owned(),
            setup: Some("let s_lent = Noted::new(\"lent\");".to_owned()),
            argument: Some("&s_lent".to_owned()),
        });
    }
    let mut generics = Vec::new();
    let borrows = parameters.iter().any(|parameter| parameter.ty.contains("'a"))
        || receiver.is_some_and(|receiver| receiver.contains("'a"));
    if borrows || kind.makes_future() || yields.borrows() {
        generics.push("'a".to_owned());
    }
    if let Yields::Generic = yields {
        parameters.push(Parameter {
            attributes: "",
            pattern: "given".to_owned(),
            ty: "T".to_owned(),
            setup: None,
            argument: Some("Noted::new(\"given\")".to_owned()),
        });
        generics.push("T: Has".to_owned() + if kind.makes_future() { " + 'a" } else { "" });
    }
    let mut body = Body::new(random, variables, yields, kind == Kind::Async, edition);
    let mut early = Vec::new();
    if kind.makes_future() {
        body.early(&mut early);
    }
    let lines = body.lines();
    let tail = body.tail();
    let making = making(random, kind, yields, &mut early);
    let before = attributes(random, kind, home);
    let qualifiers = if random.below(12) == 0 { "unsafe " } else { "" };
    let mut returns = yields.returns();
    if yields == Yields::Named && home == Home::OfTrait {
        // As of a service.
        "Self::Future".clone_into(&mut returns.written);
    }
    Case {
        id,
        edition,
        kind,
        home,
        self_drops,
        before,
        qualifiers,
        generics,
        receiver,
        parameters,
        returns,
        early,
        body: lines,
        tail,
        making,
    }
}

/// Attributes of rustc's.
fn attributes(random: &mut Random, kind: Kind, home: Home) -> Vec<String> {
    let mut before: Vec<String> = Vec::new();
    for (chance, line) in [
        (12, "#[inline]"),
        (12, "#[must_use]"),
        (12, "#[allow(unused_variables)]"),
        (16, "#[deprecated]"),
        (10, "#[track_caller]"),
        (10, "#[allow(unused_mut, unused_assignments)]"),
        (12, "/// What it does."),
    ] {
        let fits = match line {
            "#[track_caller]" | "#[must_use]" => kind == Kind::Sync && home != Home::OfTrait,
            "#[deprecated]" => home != Home::OfTrait,
            _ => true,
        };
        if fits && random.below(chance) == 0 {
            before.push(line.to_owned());
        }
    }
    before
}

fn kind(random: &mut Random, edition: &str) -> Kind {
    if edition == "2015" {
        return Kind::Sync;
    }
    match random.below(16) {
        0..6 => Kind::Sync,
        6..11 => Kind::Async,
        11 | 12 => Kind::ImplFuture,
        13 => Kind::Boxed("Pin"),
        14 => Kind::Boxed("BoxFuture"),
        _ => Kind::Alias,
    }
}

/// The way that the body goes.
fn number_of_way() -> Parameter {
    Parameter {
        attributes: "",
        pattern: "k".to_owned(),
        ty: "u8".to_owned(),
        setup: None,
        argument: Some("k".to_owned()),
    }
}

fn receiver(random: &mut Random, home: Home) -> (Option<&'static str>, Option<Variable>, bool) {
    let drops = random.below(2) == 0;
    if home == Home::Free || random.below(8) == 0 {
        return (None, None, drops);
    }
    let receiver = *random.pick(&[
        "self",
        "mut self",
        "mut self",
        "&'a self",
        "&'a mut self",
        "self: Box<Self>",
        "mut self: Box<Self>",
        "self: std::rc::Rc<Self>",
        "self: std::pin::Pin<&'a mut Self>",
        "mut self: std::pin::Pin<&'a mut Self>",
    ]);
    let ty = match receiver {
        _ if home == Home::Provided => Type::Unknown,
        "self" | "mut self" => Type::Own { drops },
        "&'a mut self" | "mut self: std::pin::Pin<&'a mut Self>" => Type::OwnMut,
        // Its fields can't be moved out of their box by a path, but be read.
        _ => Type::OwnRef,
    };
    let own = Variable::new("self", ty, receiver.starts_with("mut"));
    (Some(receiver), Some(own), drops)
}

/// How the future is made, with what the function does before.
fn making(
    random: &mut Random,
    kind: Kind,
    yields: Yields,
    early: &mut Vec<String>,
) -> &'static str {
    match kind {
        Kind::Sync | Kind::Async => "",
        Kind::ImplFuture => {
            if random.below(3) == 0 {
                "let made = {};\n            note(\"about to return\");\n            made"
            } else {
                "{}"
            }
        }
        Kind::Boxed(_) | Kind::Alias => {
            if random.below(4) == 0 {
                let values = yields.values(true);
                let value = random.pick(values);
                early.push(format!("if k == 4 {{ return Box::pin(async move {{ {value} }}); }}"));
            }
            let ways: [&'static str; 5] = [
                "Box::pin({})",
                "Box::pin({})",
                "std::boxed::Box::pin({})",
                "let made = {};\n            Box::pin(made)",
                "Box::pin({}) as std::pin::Pin<Box<dyn Future<Output = _> + 'a>>",
            ];
            ways[random.index(5)]
        }
    }
}

fn is_name(pattern: &str) -> bool {
    pattern.chars().all(|c| c.is_alphanumeric() || c == '_')
}
