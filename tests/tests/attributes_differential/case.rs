//! A generated function and the code that calls it, as text.

use std::fmt::Write;

use crate::attributes::Set;

/// The editions of Rust.
pub(crate) const EDITIONS: [&str; 4] = ["2015", "2018", "2021", "2024"];

/// What a function is to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Returns its value.
    Sync,
    /// `async fn`
    Async,
    /// `-> impl Future`
    ImplFuture,
    /// `-> Pin<Box<dyn Future>>`, or a name that says so.
    Boxed(&'static str),
    /// The same by a name that does not say so: the attribute's `future` does.
    Alias,
}

impl Kind {
    pub(crate) fn is_future(self) -> bool {
        self != Self::Sync
    }

    /// Whether what runs before the future is made is the function's own.
    pub(crate) fn makes_future(self) -> bool {
        !matches!(self, Self::Sync | Self::Async)
    }
}

/// Where a function stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// In a module.
    Free,
    /// In an `impl` block.
    Inherent,
    /// In an `impl` block of a trait.
    OfTrait,
    /// In a trait, with a body.
    Provided,
}

/// One parameter, and what is given for it.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    /// In front of it.
    pub(crate) attributes: &'static str,
    pub(crate) pattern: String,
    pub(crate) ty: String,
    /// Made before the call, and shown after it.
    pub(crate) setup: Option<String>,
    /// What is handed over; nothing to a parameter that is configured out.
    pub(crate) argument: Option<String>,
}

/// What a function yields.
#[derive(Clone, Debug)]
pub(crate) struct Returns {
    /// The type, as written.
    pub(crate) written: String,
    /// A closure that shows a value.
    pub(crate) shown: &'static str,
    /// Whether an `Err` in it can't be seen by its type.
    pub(crate) hidden: bool,
}

/// A function.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) id: usize,
    pub(crate) edition: &'static str,
    pub(crate) kind: Kind,
    pub(crate) home: Home,
    /// Whether the type that it is a method of has a destructor.
    pub(crate) self_drops: bool,
    /// Attributes of rustc's, and what stands before `fn`.
    pub(crate) before: Vec<String>,
    pub(crate) qualifiers: &'static str,
    pub(crate) generics: Vec<String>,
    pub(crate) receiver: Option<&'static str>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) returns: Returns,
    /// What a function that returns a future does before it makes it.
    pub(crate) early: Vec<String>,
    pub(crate) body: Vec<String>,
    pub(crate) tail: String,
    /// How a future is made of body and tail: `{}` stands for the block.
    pub(crate) making: &'static str,
}

impl Case {
    /// Whether it returns a future, and the call is what counts.
    pub(crate) fn is_call(&self) -> bool {
        matches!(&*self.returns.written, "Named" | "Self::Future")
    }

    pub(crate) fn name(&self) -> String {
        format!("c{}", self.id)
    }

    /// The module with the function and its calls; every line of it has the same number whatever
    /// the attributes are.
    pub(crate) fn module(&self, set: &Set) -> String {
        let mut text = format!("pub mod {} {{\n", self.name());
        text += "    #[allow(unused_imports, clippy::wildcard_imports)] use std::future::Future;\n";
        text += "    #[allow(unused_imports, clippy::wildcard_imports)] use observed::*;\n";
        text += "    #[allow(unused_imports, clippy::wildcard_imports)] use headcount::*;\n";
        self.generated(set, &mut text);
        text += "}\n";
        text
    }

    fn generated(&self, set: &Set, text: &mut String) {
        if self.home == Home::Free {
            let block = set.on_block(self);
            let _ = writeln!(text, "    {block}\n    pub mod inner {{");
            text.push_str(
                "        #[allow(unused_imports, clippy::wildcard_imports)] use super::*;\n",
            );
            text.push_str(&self.function(set));
            text.push_str("    }\n    use self::inner::f;\n");
        } else {
            self.method(set, text);
        }
        self.run(text);
    }

    fn method(&self, set: &Set, text: &mut String) {
        text.push_str(
            "    #[derive(Debug)] pub struct S { pub d: Noted, pub e: Noted, pub n: i32, pub open: bool }\n",
        );
        if self.self_drops {
            text.push_str(
                "    impl Drop for S { fn drop(&mut self) { \
                 note(format!(\"drop S {} {} {:?}\", self.open, self.n, self.d)) } }\n",
            );
        }
        text.push_str(
            "    #[allow(dead_code)] pub fn s() -> S { \
             S { d: Noted::new(\"s.d\"), e: Noted::new(\"s.e\"), n: 2, open: true } }\n",
        );
        let block = set.on_block(self);
        let function = self.function(set);
        let (declared_future, future) = if self.returns.written == "Self::Future" {
            ("type Future: Future<Output = i32>;", "type Future = Named;")
        } else {
            ("", "")
        };
        match self.home {
            Home::Free | Home::Inherent => {
                let _ = writeln!(text, "    {block}\n    impl S {{\n{function}    }}");
            }
            Home::OfTrait => {
                let declared = self.signature(false);
                let _ = writeln!(
                    text,
                    "    pub trait Tr: Sized + 'static {{ {declared_future}\n        {declared};\n    }}"
                );
                let _ =
                    writeln!(text, "    {block}\n    impl Tr for S {{ {future}\n{function}    }}");
            }
            Home::Provided => {
                // A trait's own method knows no fields: it has none of its `self`.
                let _ = writeln!(
                    text,
                    "    {block}\n    pub trait Tr: Sized + 'static {{\n{function}    }}"
                );
                text.push_str("    impl Tr for S {}\n");
            }
        }
    }

    fn function(&self, set: &Set) -> String {
        let mut text = String::new();
        for line in &self.before {
            let _ = writeln!(text, "        {line}");
        }
        let _ = writeln!(text, "        {}", set.on_function(self));
        let _ = writeln!(text, "        {} {{", self.signature(true));
        for line in &self.early {
            let _ = writeln!(text, "            {line}");
        }
        if self.kind.makes_future() {
            let mut block = String::from("async move {\n");
            for line in &self.body {
                let _ = writeln!(block, "                {line}");
            }
            let _ = write!(block, "                {}\n            }}", self.tail);
            let _ = writeln!(text, "            {}", self.making.replace("{}", &block));
        } else {
            for line in &self.body {
                let _ = writeln!(text, "            {line}");
            }
            let _ = writeln!(text, "            {}", self.tail);
        }
        text += "        }\n";
        text
    }

    /// Without a body, the parameters have no patterns.
    fn signature(&self, has_body: bool) -> String {
        let public = if matches!(self.home, Home::Free | Home::Inherent) { "pub " } else { "" };
        let generics = if self.generics.is_empty() {
            String::new()
        } else {
            format!("<{}>", self.generics.join(", "))
        };
        let mut parameters: Vec<String> = self
            .receiver
            .into_iter()
            .map(|receiver| {
                if has_body { receiver } else { receiver.trim_start_matches("mut ") }.to_owned()
            })
            .collect();
        parameters.extend(self.parameters.iter().map(|parameter| {
            let Parameter { attributes, pattern, ty, .. } = parameter;
            let pattern = if has_body { pattern } else { "_" };
            format!("{attributes}{pattern}: {ty}")
        }));
        let written = &self.returns.written;
        let returns = match self.kind {
            Kind::Sync | Kind::Async if written == "()" => String::new(),
            Kind::Sync | Kind::Async => format!(" -> {written}"),
            Kind::ImplFuture => format!(" -> impl Future<Output = {written}> + 'a"),
            Kind::Boxed("Pin") => {
                format!(" -> std::pin::Pin<Box<dyn Future<Output = {written}> + 'a>>")
            }
            Kind::Boxed(name) => format!(" -> {name}<'a, {written}>"),
            Kind::Alias => format!(" -> Answer<'a, {written}>"),
        };
        let asynchronous = if self.kind == Kind::Async { "async " } else { "" };
        let qualifiers = self.qualifiers;
        format!(
            "{public}{asynchronous}{qualifiers}fn f{generics}({}){returns}",
            parameters.join(", ")
        )
    }

    /// Calls the function in each of the ways that its body may go, and lets its futures end in
    /// each of theirs.
    fn run(&self, text: &mut String) {
        text.push_str("    pub fn run() {\n        each(|k| {\n");
        let is_future = self.kind.is_future();
        if is_future {
            text.push_str("        for until in ENDS {\n");
        }
        let mut arguments = Vec::new();
        if let Some(receiver) = self.receiver {
            text.push_str("            #[allow(unused_mut)] let mut own = s();\n");
            arguments.push(
                match receiver {
                    "&self" | "&'a self" | "self: &Self" => "&own",
                    "&mut self" | "&'a mut self" => "&mut own",
                    "self: Box<Self>" | "mut self: Box<Self>" => "Box::new(own)",
                    "self: std::rc::Rc<Self>" => "std::rc::Rc::new(own)",
                    pinned if pinned.contains("Pin") => "std::pin::Pin::new(&mut own)",
                    _ => "own",
                }
                .to_owned(),
            );
        }
        for parameter in &self.parameters {
            if let Some(setup) = &parameter.setup {
                let _ = writeln!(text, "            {setup}");
            }
            arguments.extend(parameter.argument.clone());
        }
        let path = match self.home {
            Home::Free => "f",
            Home::Inherent => "S::f",
            Home::OfTrait | Home::Provided => "<S as Tr>::f",
        };
        let mut called = format!("{path}({})", arguments.join(", "));
        if self.qualifiers.contains("unsafe") {
            called = format!("unsafe {{ {called} }}");
        }
        let shown = self.returns.shown;
        if is_future {
            let _ = writeln!(text, "            drive(until, || {called}, {shown});\n        }}");
        } else {
            let _ = writeln!(text, "            call(|| {called}, {shown});");
        }
        text.push_str("        });\n    }\n");
    }
}
