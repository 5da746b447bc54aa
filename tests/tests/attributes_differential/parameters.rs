//! Parameters in every form, and what a body may do with what they bind.

use headcount_tests::random::Random;

use crate::case::Parameter;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// A value with a destructor.
    Noted,
    /// `&Noted`
    Ref,
    /// `&mut Noted`
    Mut,
    /// A structure without a destructor, whose fields have some.
    Pair,
    /// `&mut Pair`
    PairMut,
    /// A structure with a destructor and with fields that are copied.
    Tx,
    /// `&mut Tx`
    TxMut,
    Int,
    IntRef,
    IntMut,
    Boxed,
    Optional,
    /// `impl Has`
    Has,
    /// `&dyn Has`
    Dyn,
    /// `impl FnOnce() -> Noted`
    Once,
    /// A method's own type by value, `&` or `&mut`, with or without a destructor.
    Own {
        drops: bool,
    },
    OwnRef,
    OwnMut,
    /// `Self` of a trait.
    Unknown,
    Guard,
}

/// A name that a body may use.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) is_mut: bool,
    pub(crate) is_borrowed: bool,
    /// The fields that were moved out.
    pub(crate) moved: Vec<&'static str>,
}

impl Variable {
    pub(crate) fn new(name: impl Into<String>, ty: Type, is_mut: bool) -> Self {
        let name = name.into();
        Self { name, ty, is_mut, is_borrowed: false, moved: Vec::new() }
    }
}

/// A parameter called `name`, and what it binds.
///
/// `patterns` is false where the body is in a future that is made later: what borrows from a
/// parameter would not live as long.
#[expect(clippy::too_many_lines, reason = "a list")]
pub(crate) fn parameter(
    random: &mut Random,
    name: &str,
    patterns: bool,
) -> (Parameter, Vec<Variable>) {
    use Type::{Boxed, Dyn, Has, Int, IntMut, IntRef, Mut, Noted, Once, Optional, Pair, Ref, Tx};
    let a = format!("{name}0");
    let b = format!("{name}1");
    let new = |random: &mut Random, name: &str| {
        if random.below(8) == 0 {
            format!("Noted::bad(\"{name}\", k == 5)")
        } else {
            format!("Noted::new(\"{name}\")")
        }
    };
    let d = new(random, name);
    let both = format!("({}, {})", new(random, &a), new(random, &b));
    let pair = format!("Pair::new(\"{a}\", \"{b}\")");
    let tx = format!("Tx::new(\"{name}\")");
    let v = |name: &str, ty, is_mut| vec![Variable::new(name, ty, is_mut)];
    let by_value = |pattern: String, ty: &str, argument: String, binds| {
        let ty = ty.to_owned();
        (Parameter { attributes: "", pattern, ty, setup: None, argument: Some(argument) }, binds)
    };
    // Lent, and shown to the log afterwards by its destructor.
    let lent = |pattern: String, ty: &str, value: String, how: &str, binds| {
        let setup = Some(format!("#[allow(unused_mut)] let mut s_{name} = {value};"));
        let argument = Some(format!("{how}s_{name}"));
        (Parameter { attributes: "", pattern, ty: ty.to_owned(), setup, argument }, binds)
    };
    let local = |binds: Vec<(String, Type)>| {
        binds.into_iter().map(|(name, ty)| Variable::new(name, ty, false)).collect::<Vec<_>>()
    };
    let with = |attributes, (parameter, binds): (Parameter, Vec<Variable>)| {
        (Parameter { attributes, ..parameter }, binds)
    };
    match random.below(if patterns { 48 } else { 40 }) {
        0..4 => by_value(name.into(), "Noted", d, v(name, Noted, false)),
        4..8 => by_value(format!("mut {name}"), "Noted", d, v(name, Noted, true)),
        8 => by_value("_".into(), "Noted", d, vec![]),
        9 => by_value(format!("_{name}"), "Noted", d, vec![]),
        10 | 11 => lent(name.into(), "&'a Noted", d, "&", v(name, Ref, false)),
        12 | 13 => lent(name.into(), "&'a mut Noted", d, "&mut ", v(name, Mut, false)),
        14 => by_value(
            format!("Pair {{ a: {a}, b: mut {b}, n: _ }}"),
            "Pair",
            pair,
            vec![Variable::new(&*a, Noted, false), Variable::new(&*b, Noted, true)],
        ),
        15 => by_value(format!("Pair {{ a: {a}, .. }}"), "Pair", pair, v(&a, Noted, false)),
        16 => by_value(
            format!("({a}, {b})"),
            "(Noted, Noted)",
            both,
            vec![Variable::new(&*a, Noted, false), Variable::new(&*b, Noted, false)],
        ),
        17 => by_value(format!("(mut {a}, _)"), "(Noted, Noted)", both, v(&a, Noted, true)),
        18 => by_value(format!("(_, {b})"), "(Noted, Noted)", both, v(&b, Noted, false)),
        19 => {
            let bind = vec![
                Variable::new(&*a, IntRef, false),
                Variable { is_mut: true, ..Variable::new(&*b, IntMut, false) },
            ];
            let pattern = format!("&mut (ref {a}, ref mut {b})");
            lent(pattern, "&'a mut (i32, i32)", "(1, 2)".into(), "&mut ", bind)
        }
        20 => lent(format!("&(ref {a}, _)"), "&'a (Noted, Noted)", both, "&", v(&a, Ref, false)),
        21 => by_value(
            format!("[{a}, mut {b}]"),
            "[Noted; 2]",
            format!("[{d}, Noted::new(\"{b}\")]"),
            vec![Variable::new(&*a, Noted, false), Variable::new(&*b, Noted, true)],
        ),
        22 => by_value(
            format!("[{a}, ..]"),
            "[Noted; 2]",
            format!("[{d}, Noted::new(\"{b}\")]"),
            v(&a, Noted, false),
        ),
        23 => by_value(format!("mut {name}"), "Tx", tx, v(name, Tx, true)),
        24 => by_value(name.into(), "Tx", tx, v(name, Tx, false)),
        25 => lent(name.into(), "&'a mut Tx", tx, "&mut ", v(name, Type::TxMut, false)),
        26 => by_value(format!("mut {name}"), "Pair", pair, v(name, Pair, true)),
        27 => by_value(name.into(), "Pair", pair, v(name, Pair, false)),
        28 => lent(name.into(), "&'a mut Pair", pair, "&mut ", v(name, Type::PairMut, false)),
        29 => by_value(name.into(), "i32", "4".into(), v(name, Int, false)),
        30 => by_value(format!("mut {name}"), "i32", "4".into(), v(name, Int, true)),
        31 => lent(name.into(), "&'a i32", "4".into(), "&", v(name, IntRef, false)),
        32 => by_value(
            format!("mut {name}"),
            "Box<Noted>",
            format!("Box::new({d})"),
            v(name, Boxed, true),
        ),
        33 => by_value(name.into(), "Box<Noted>", format!("Box::new({d})"), v(name, Boxed, false)),
        34 => by_value(
            format!("mut {name}"),
            "Option<Noted>",
            format!("Some({d})"),
            v(name, Optional, true),
        ),
        35 => by_value(name.into(), "impl Has + 'a", d, v(name, Has, false)),
        36 => lent(name.into(), "&'a (dyn Has + 'a)", d, "&", v(name, Dyn, false)),
        37 => by_value(
            name.into(),
            "impl FnOnce() -> Noted + 'a",
            format!("move || {d}"),
            v(name, Once, false),
        ),
        38 => {
            let gone = by_value(name.into(), "Noted", d, vec![]);
            let (parameter, binds) = with("#[cfg(any())] ", gone);
            (Parameter { argument: None, ..parameter }, binds)
        }
        39 => {
            let attributes = *random.pick(&["#[cfg(all())] ", "#[allow(unused_variables)] "]);
            with(attributes, by_value(name.into(), "Noted", d, v(name, Noted, false)))
        }
        40 => by_value(
            format!("Pair {{ a: ref {a}, b: ref mut {b}, .. }}"),
            "Pair",
            pair,
            local(vec![(a.clone(), Ref), (b.clone(), Mut)]),
        ),
        41 | 42 => by_value(format!("ref {name}"), "Noted", d, local(vec![(name.into(), Ref)])),
        43 | 44 => by_value(format!("ref mut {name}"), "Noted", d, local(vec![(name.into(), Mut)])),
        45 => {
            let mut binds = local(vec![(b.clone(), Ref)]);
            binds.push(Variable::new(&*a, Noted, false));
            by_value(format!("({a}, ref {b})"), "(Noted, Noted)", both, binds)
        }
        46 => by_value(
            format!("ref {name} @ Tx {{ deep: Deep {{ n: {a}, .. }}, .. }}"),
            "Tx",
            tx,
            v(&a, Int, false),
        ),
        _ => by_value(
            format!("Tx {{ inner: ref {b}, deep: Deep {{ n: {a}, .. }}, .. }}"),
            "Tx",
            tx,
            vec![Variable::new(&*b, Ref, false), Variable::new(&*a, Int, false)],
        ),
    }
}
