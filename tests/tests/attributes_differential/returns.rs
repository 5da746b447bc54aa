//! What functions return, and expressions that make it.

use headcount_tests::random::Random;

use crate::case::{Kind, Returns};

/// The kinds of values that functions yield.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Yields {
    Unit,
    Int,
    Noted,
    Fallible,
    ResultD,
    /// A `Result` whose error is large, which clippy has a lint for.
    Large,
    /// A `Result` of a type that clippy finds complex.
    Complex,
    Optional,
    /// `Option<Result<..>>`
    Nested,
    /// `Poll<Result<..>>`
    Polled,
    /// `Poll<Option<Result<..>>>`
    Streamed,
    /// A future with a type of its own, whose call is what counts.
    Named,
    /// `&'a Noted`, the parameter `lent`
    Lent,
    Tuple,
    Never,
    Numbers,
    Closure,
    OfReferences,
    BoxedClosure,
    Any,
    Slice,
    /// The parameter `given`, of a type parameter.
    Generic,
    Object,
    Text,
}

/// One of them.
pub(crate) fn yields(random: &mut Random, kind: Kind) -> Yields {
    use Yields::{
        Any, BoxedClosure, Closure, Complex, Fallible, Generic, Int, Large, Lent, Named, Nested,
        Never, Noted, Numbers, Object, OfReferences, Optional, Polled, ResultD, Slice, Streamed,
        Text, Tuple, Unit,
    };
    const EVERYWHERE: [Yields; 23] = [
        Unit, Unit, Unit, Int, Int, Int, Int, Noted, Noted, Fallible, Fallible, Fallible, Fallible,
        ResultD, ResultD, Large, Complex, Optional, Lent, Tuple, Any, Slice, Object,
    ];
    // `impl Trait` can't be written inside of a future's output everywhere.
    const SYNC: [Yields; 13] = [
        Never,
        Numbers,
        Closure,
        OfReferences,
        BoxedClosure,
        Generic,
        Text,
        Nested,
        Polled,
        Polled,
        Streamed,
        Named,
        Named,
    ];
    match kind {
        Kind::Sync if random.below(3) == 0 => *random.pick(&SYNC),
        Kind::Async if random.below(4) == 0 => {
            *random.pick(&[Never, Numbers, Closure, BoxedClosure, Generic, Text, Nested, Polled])
        }
        // A block's value is not coerced.
        _ => loop {
            let found = *random.pick(&EVERYWHERE);
            if !kind.makes_future() || !matches!(found, Any | Slice | Object) {
                return found;
            }
        },
    }
}

impl Yields {
    pub(crate) fn returns(self) -> Returns {
        let (written, shown, hidden) = match self {
            Self::Unit => ("()", "show", false),
            Self::Int => ("i32", "show", false),
            Self::Noted => ("Noted", "show", false),
            Self::Fallible => ("Fallible<i32>", "show", false),
            Self::ResultD => ("Result<Noted, Noted>", "show", false),
            Self::Large => ("Result<i32, Large>", "show", false),
            Self::Complex => (
                "Fallible<(Vec<Vec<(i32, Vec<Noted>)>>, Vec<Vec<(i32, Vec<(i32, i32)>)>>, \
                 Vec<Vec<(i32, Vec<(i32, i32)>)>>)>",
                "show",
                false,
            ),
            Self::Optional => ("Option<i32>", "show", false),
            Self::Nested => ("Option<Result<Noted, i32>>", "show", false),
            Self::Polled => ("Poll<Fallible<i32>>", "show", false),
            Self::Streamed => ("Poll<Option<Result<Noted, i32>>>", "show", false),
            Self::Named => ("Named", "|n| drive(Until::Done, || n, show)", false),
            Self::Lent => ("&'a Noted", "show", false),
            Self::Tuple => ("(Noted, i32)", "show", false),
            Self::Never => ("!", "|never| never", false),
            Self::Numbers => {
                ("impl Iterator<Item = i32>", "|i| show(i.collect::<Vec<_>>())", false)
            }
            Self::Closure => ("impl Fn(i32) -> i32", "|f| show(f(3))", false),
            Self::OfReferences => {
                ("impl Fn(&Noted) -> &i32", "|f| show(*f(&Noted::new(\"seen\")))", false)
            }
            Self::BoxedClosure => ("Box<dyn FnMut(&i32) -> i32>", "|mut f| show(f(&3))", false),
            Self::Any => ("Box<dyn std::any::Any>", "|a| show(a.is::<Noted>())", false),
            Self::Slice => ("&'static [i32]", "show", false),
            Self::Generic => ("T", "|t| show(t.has())", true),
            Self::Object => ("Box<dyn Has + 'a>", "|o| show(o.has())", false),
            Self::Text => ("std::borrow::Cow<'static, str>", "show", false),
        };
        Returns { written: written.to_owned(), shown, hidden }
    }

    pub(crate) fn borrows(self) -> bool {
        matches!(self, Self::Lent | Self::Object)
    }

    /// The operator `?` on a result, on an option.
    pub(crate) fn question_marks(self) -> &'static [&'static str] {
        match self {
            Self::Large => &["large(k)?"],
            Self::Fallible => &["fallible(k)?", "Noted::new(\"try\").result()?.get()"],
            Self::Optional | Self::Nested => {
                &["optional(k)?", "Noted::new(\"try\").option()?.get()"]
            }
            Self::Polled => &["polled(k)?.is_ready()", "fallible(k)?"],
            _ => &[],
        }
    }

    /// Expressions that need no variable.
    #[expect(clippy::too_many_lines, reason = "a list")]
    pub(crate) fn values(self, is_async: bool) -> &'static [&'static str] {
        match self {
            Self::Unit if is_async => &[
                "()",
                "note(\"end\")",
                "pause(\"tail\").await",
                "{ Noted::new(\"temp\").wait().await; }",
            ],
            Self::Unit => &[
                "",
                "()",
                "note(\"end\")",
                "Noted::new(\"temp\").touch()",
                "drop(Noted::new(\"temp\").guard())",
            ],
            Self::Int if is_async => &[
                "Noted::new(\"temp\").get()",
                "Noted::new(\"temp\").wait().await",
                "later(Noted::new(\"given away\")).await + Noted::new(\"temp\").get()",
                "match Noted::new(\"temp\").wait().await { 0 => 1, n => n + 2 }",
            ],
            Self::Int => &[
                "7",
                "return 5",
                "Noted::new(\"temp\").get()",
                "Noted::new(\"temp\").guard().get()",
                "Noted::new(\"one\").get() + Noted::new(\"two\").get()",
                "match Noted::new(\"temp\").guard().get() { 0 => 1, n => n + 2 }",
                "if let Some(g) = Noted::new(\"temp\").option() { g.get() } else { 0 }",
                "if let None = Noted::new(\"temp\").option() { 2 } else { Noted::new(\"else\").get() }",
                "{ let inner = Noted::new(\"inner\"); inner.get() }",
                "Default::default()",
                "\"5\".parse().unwrap()",
                "(Noted::new(\"temp\").get())",
                "{ Noted::new(\"temp\").get() }",
                "loop { break Noted::new(\"temp\").get() }",
            ],
            Self::Noted => &[
                "Noted::new(\"out\")",
                "Default::default()",
                "Noted::new(\"out\").with(Noted::new(\"temp\").get())",
                "return Noted::new(\"out\");",
                "Noted { n: Noted::new(\"temp\").guard().get(), ..Noted::new(\"out\") }",
            ],
            Self::Fallible => &[
                "Ok(1)",
                "fallible(k)",
                "Ok(fallible(k)?)",
                "Err(\"no\".into())",
                "Ok(Noted::new(\"temp\").result()?.get())",
                "fallible(k).map(|n| n + Noted::new(\"temp\").get())",
                "Noted::new(\"temp\").result().map(|g| g.get())",
                "fallible(k)?; Ok(2)",
                "Ok({ let inner = Noted::new(\"inner\"); inner.get() })",
            ],
            Self::ResultD => &[
                "Ok(Noted::new(\"out\"))",
                "Err(Noted::new(\"error\"))",
                "if k == 3 { Err(Noted::new(\"error\")) } else { Ok(Default::default()) }",
                "return Err(Noted::new(\"error\"))",
            ],
            Self::Large => &[
                "Ok(1)",
                "large(k)",
                "Ok(large(k)? + Noted::new(\"temp\").guard().get())",
                "Err(Large::default())",
            ],
            Self::Complex => &[
                "Ok(Default::default())",
                "fallible(k)?; Ok((vec![], vec![vec![(1, vec![])]], vec![]))",
                "Err(\"none\".into())",
            ],
            Self::Optional => &[
                "None",
                "optional(k)",
                "Some(optional(k)? + Noted::new(\"temp\").get())",
                "Noted::new(\"temp\").option().map(|g| g.get())",
            ],
            Self::Nested => &[
                "None",
                "Some(Ok(Noted::new(\"out\")))",
                "Some(Err(3))",
                "Noted::new(\"temp\").option().map(|g| Err(g.get()))",
                "Some(optional(k).map(|_| Noted::new(\"out\")).ok_or(4))",
            ],
            Self::Polled => &[
                "Poll::Pending",
                "polled(k)",
                "Poll::Ready(fallible(k))",
                "Poll::Ready(Ok(fallible(k)? + Noted::new(\"temp\").get()))",
                "polled(k).map_ok(|n| n + Noted::new(\"temp\").guard().get())",
                "Noted::new(\"temp\").result()?; Poll::Pending",
            ],
            Self::Streamed => &[
                "Poll::Pending",
                "Poll::Ready(None)",
                "Poll::Ready(Some(Ok(Noted::new(\"out\"))))",
                "Poll::Ready(Some(Err(Noted::new(\"temp\").guard().get())))",
            ],
            Self::Named => &[
                "Named(Noted::new(\"future\"))",
                "Named(Noted::new(\"future\").with(Noted::new(\"temp\").guard().get()))",
                "return Named(Noted::new(\"future\"));",
                "{ let inner = Noted::new(\"inner\"); Named(inner) }",
            ],
            Self::Lent => &["lent", "{ let _x = Noted::new(\"inner\"); lent }", "&*lent"],
            Self::Tuple => &["(Noted::new(\"out\"), Noted::new(\"temp\").get())"],
            Self::Never => &["panic!(\"never\")", "loop { if k < 7 { panic!(\"in loop\") } }"],
            Self::Numbers => &[
                "vec![1, 2].into_iter()",
                "return vec![1, 2].into_iter();",
                "{ let d = Noted::new(\"kept\"); (0..2).map(move |i| i + d.n) }",
            ],
            Self::Closure => &[
                "move |i| i + 1",
                "|i| i.wrapping_mul(2)",
                "return move |i| i.wrapping_add(k as i32);",
                "{ let d = Noted::new(\"kept\"); move |i| i.wrapping_add(d.n) }",
            ],
            Self::OfReferences => {
                &["|d| &d.n", "return |d| &d.n", "move |d| { note(\"in closure\"); &d.n }"]
            }
            Self::BoxedClosure => &[
                "Box::new(|i| *i)",
                "Box::new(move |i| i.wrapping_add(1))",
                "{ let mut n = 1; Box::new(move |i| { n += 1; i.wrapping_add(n) }) }",
            ],
            Self::Any => {
                &["Box::new(Noted::new(\"any\"))", "Box::new(3)", "Box::<Noted>::default()"]
            }
            Self::Slice => &["&[1, 2, 3]", "&[]", "if k == 1 { &[1] } else { &[2, 3] }"],
            Self::Generic => &["given", "{ note(\"given\"); given }"],
            Self::Object => &["Box::new(Noted::new(\"object\"))", "Box::new(3)"],
            Self::Text => &["\"text\".into()", "From::from(\"text\")", "format!(\"{}\", k).into()"],
        }
    }
}
