//! Makes bodies, out of statements that keep to what a variable may still be used for.

use headcount_tests::random::Random;

use crate::parameters::{Type, Variable};
use crate::returns::Yields;

/// A body that is being made.
pub(crate) struct Body<'r> {
    random: &'r mut Random,
    variables: Vec<Variable>,
    yields: Yields,
    /// Whether `.await` may be written here.
    is_async: bool,
    /// Whether this runs before a future is made, which nothing borrowed may go into.
    is_early: bool,
    edition: &'static str,
    locals: usize,
}

impl<'r> Body<'r> {
    pub(crate) fn new(
        random: &'r mut Random,
        variables: Vec<Variable>,
        yields: Yields,
        is_async: bool,
        edition: &'static str,
    ) -> Self {
        Self { random, variables, yields, is_async, is_early: false, edition, locals: 0 }
    }

    /// What a function does before it makes its future.
    pub(crate) fn early(&mut self, lines: &mut Vec<String>) {
        self.is_early = true;
        for _ in 0..self.random.below(5) {
            lines.extend(self.statement());
        }
        self.is_early = false;
        self.is_async = true;
        self.variables.retain(|variable| !variable.is_borrowed && variable.ty != Type::Guard);
    }

    pub(crate) fn lines(&mut self) -> Vec<String> {
        let count = self.random.below(6);
        let mut lines: Vec<String> = (0..count).filter_map(|_| self.statement()).collect();
        if self.yields == Yields::Generic {
            // Every way out hands the same value back.
            lines.retain(|line| !line.contains("return"));
        }
        if self.yields == Yields::Large {
            // An `allow` for the closure around the body would be one for a closure in it.
            lines.retain(|line| !line.contains('|') && !line.contains("fn "));
        }
        lines
    }

    /// What the body yields.
    pub(crate) fn tail(&mut self) -> String {
        let found = self.variables.iter().position(|variable| match self.yields {
            Yields::Noted => {
                variable.ty == Type::Noted && !variable.is_borrowed && !variable.is_mut
            }
            Yields::Int => matches!(variable.ty, Type::Noted | Type::Ref),
            _ => false,
        });
        if let (Some(at), true) = (found, self.random.below(2) == 0) {
            let name = self.variables[at].name.clone();
            return match self.yields {
                Yields::Noted => name,
                _ if self.is_async => {
                    let awaited = format!("{name}.wait().await");
                    self.random.pick(&[format!("{name}.guard().get()"), awaited]).clone()
                }
                _ => {
                    let scrutinee = format!(
                        "if let Some(g) = {name}.option() {{ g.get() }} \
                         else {{ {name}.guard().get() }}"
                    );
                    let guard = format!("{name}.guard().get()");
                    self.random.pick(&[guard, scrutinee]).clone()
                }
            };
        }
        let values = self.yields.values(self.is_async);
        self.random.pick(values).to_string()
    }

    fn local(&mut self) -> String {
        self.locals += 1;
        format!("l{}", self.locals)
    }

    /// One statement, if what was thought of is possible.
    fn statement(&mut self) -> Option<String> {
        if self.variables.is_empty() || self.random.below(3) == 0 {
            return self.of_nothing();
        }
        let at = self.random.index(self.variables.len());
        let variable = self.variables[at].clone();
        let name = variable.name.as_str();
        let text = match variable.ty {
            Type::Noted => return self.of_value(at),
            Type::Ref => self.one_of(&[
                format!("note(format!(\"{{}}\", {name}.get()));"),
                format!("let _l = {name}.guard();"),
                format!("let _ = {name}.option().map(|g| g.get());"),
            ]),
            Type::Mut => self.one_of(&[
                format!("{name}.open = false;"),
                format!("{name}.touch();"),
                format!("*{name} = Noted::new(\"put\");"),
                format!("{{ let again = &mut *{name}; again.n = 8; }}"),
                format!("drop(std::mem::replace({name}, Noted::new(\"swapped\")));"),
            ]),
            Type::Pair => return self.of_pair(at),
            Type::PairMut => self.one_of(&[
                format!("{name}.n = 9;"),
                format!("{name}.a.open = false;"),
                format!("{name}.b = Noted::new(\"new b\");"),
            ]),
            Type::Tx | Type::Own { drops: true } if variable.is_mut => {
                let deep = if variable.ty == Type::Tx { "deep.open" } else { "d.open" };
                self.one_of(&[
                    format!("{name}.open = false;"),
                    format!("{name}.{deep} = false;"),
                    format!("if k == 1 {{ {name}.open = false; }}"),
                ])
            }
            Type::Tx => self.one_of(&[
                format!("note(format!(\"{{}}\", {name}.deep.n));"),
                format!("let _l = {name}.deep;"),
                format!("let _l = {name}.inner.guard();"),
                format!("let _ = {name}.open;"),
                format!("let Tx {{ ref open, .. }} = {name}; note(format!(\"{{}}\", open));"),
            ]),
            Type::TxMut | Type::OwnMut => {
                let inner = if variable.ty == Type::TxMut { "inner" } else { "d" };
                self.one_of(&[
                    format!("{name}.open = false;"),
                    format!("{name}.{inner}.touch();"),
                    format!("{name}.{inner} = Noted::new(\"new inner\");"),
                ])
            }
            Type::Int if variable.is_mut => self.one_of(&[
                format!("{name} += 1;"),
                format!("{name} = 7;"),
                format!("note(format!(\"{{}}\", {name}));"),
            ]),
            Type::Int | Type::IntRef => format!("note(format!(\"{{}}\", {name}));"),
            Type::IntMut => format!("*{name} += 1;"),
            Type::Boxed => return self.of_box(at),
            Type::Optional => return self.of_option(at),
            Type::Has | Type::Dyn => format!("note(format!(\"{{}}\", {name}.has()));"),
            Type::Once => {
                self.variables.remove(at);
                format!("let _l = {name}();")
            }
            Type::Own { .. } => return self.of_self(at),
            Type::OwnRef => self.one_of(&[
                format!("note(format!(\"{{}}\", {name}.d.get()));"),
                format!("note(format!(\"{{}}\", {name}.n));"),
                format!("let _ = &{name}.e;"),
            ]),
            Type::Unknown => format!("let _ = &{name};"),
            Type::Guard => format!("note(format!(\"{{}}\", {name}.get()));"),
        };
        Some(text)
    }

    fn one_of(&mut self, lines: &[String]) -> String {
        self.random.pick(lines).clone()
    }

    /// A line, after which a variable is gone.
    fn gone(&mut self, at: usize, line: String) -> Option<String> {
        if self.variables[at].is_borrowed {
            return None;
        }
        self.variables.remove(at);
        Some(line)
    }

    /// With a `Noted` of the body's own.
    fn of_value(&mut self, at: usize) -> Option<String> {
        let Variable { name, is_mut, is_borrowed, .. } = self.variables[at].clone();
        if is_mut && !is_borrowed && self.random.below(2) == 0 {
            return Some(self.one_of(&[
                format!("{name}.open = false;"),
                format!("{name}.n = 5;"),
                format!("if k == 1 {{ {name}.open = false; }}"),
                format!("{name}.touch();"),
                format!("{name} = Noted::new(\"again\");"),
                format!("let _l = std::mem::replace(&mut {name}, Noted::new(\"swap\"));"),
            ]));
        }
        let local = self.local();
        match self.random.below(if self.is_async { 20 } else { 16 }) {
            0 => self.gone(at, format!("drop({name});")),
            1 => {
                let line = self.gone(at, format!("let {local} = {name};"))?;
                self.variables.push(Variable::new(local, Type::Noted, false));
                Some(line)
            }
            2 => self.gone(at, format!("if k == 4 {{ drop({name}); }}")),
            3 => Some(format!("let _ = {name};")),
            4 => Some(format!("let _ = &{name};")),
            5 if !self.is_early => {
                self.variables[at].is_borrowed = true;
                self.variables.push(Variable::new(local.clone(), Type::Guard, false));
                Some(format!("let {local} = {name}.guard();"))
            }
            6 => self.gone(at, format!("let {local} = move || {name}.eat(); {local}();")),
            7 => {
                Some(format!("let {local} = || {name}.get(); note(format!(\"{{}}\", {local}()));"))
            }
            8 => Some(format!("let Noted {{ name: {local}, .. }} = {name}; note({local});")),
            9 => {
                Some(format!("match {name} {{ Noted {{ n, .. }} => note(format!(\"{{}}\", n)) }}"))
            }
            10 => self.gone(at, format!("std::mem::forget({name});")),
            11 => {
                let value = self.value();
                Some(format!("if k == 2 {{ let _moved = {name}; return {value}; }}"))
                    .filter(|_| !is_borrowed && !self.is_early)
            }
            12 => Some(format!("let {local} = {name}.n; note(format!(\"{{}}\", {local}));")),
            13 => Some(format!("{name}.get();")),
            14 | 15 => Some(format!("note(format!(\"{{}}\", {name}.get()));")),
            16 => self.gone(at, format!("later({name}).await;")),
            17 => Some(format!("{name}.wait().await;")),
            18 => Some(format!("async {{ let _ = {name}.get(); }}.await;")),
            19 => self.gone(at, format!("async move {{ {name}.eat() }}.await;")),
            _ => None,
        }
    }

    fn of_pair(&mut self, at: usize) -> Option<String> {
        let Variable { name, is_mut, moved, .. } = self.variables[at].clone();
        let whole = moved.is_empty();
        let local = self.local();
        let field = *self.random.pick(&["a", "b"]);
        let is_there = !moved.contains(&field);
        match self.random.below(8) {
            0 if whole => self.gone(at, format!("drop({name});")),
            1 if is_there => {
                self.variables[at].moved.push(field);
                self.variables.push(Variable::new(local.clone(), Type::Noted, false));
                Some(format!("let {local} = {name}.{field};"))
            }
            2 if is_there => {
                self.variables[at].moved.push(field);
                Some(format!("drop({name}.{field});"))
            }
            3 if is_mut => Some(format!("{name}.n = 6;")),
            4 if is_mut && is_there => Some(format!("{name}.{field}.open = false;")),
            5 if is_mut => {
                self.variables[at].moved.retain(|moved| *moved != field);
                Some(format!("{name}.{field} = Noted::new(\"new\");"))
            }
            6 if whole => {
                self.variables[at].moved.extend(["a"]);
                Some(format!("let Pair {{ a: {local}, .. }} = {name}; let _ = &{local};"))
            }
            _ => Some(format!("note(format!(\"{{}}\", {name}.n));")),
        }
    }

    fn of_box(&mut self, at: usize) -> Option<String> {
        let Variable { name, is_mut, .. } = self.variables[at].clone();
        let local = self.local();
        match self.random.below(6) {
            0 => self.gone(at, format!("drop(*{name});")),
            1 => {
                self.variables.push(Variable::new(local.clone(), Type::Noted, false));
                self.gone(at, format!("let {local} = *{name};"))
            }
            2 if is_mut => Some(format!("{name}.open = false;")),
            3 if is_mut => Some(format!("*{name} = Noted::new(\"in the box\");")),
            _ => Some(format!("note(format!(\"{{}}\", {name}.get()));")),
        }
    }

    fn of_option(&mut self, at: usize) -> Option<String> {
        let Variable { name, .. } = self.variables[at].clone();
        match self.random.below(4) {
            0 => self.gone(at, format!("if let Some(l) = {name} {{ l.eat(); }}")),
            1 => Some(format!("if let Some(ref l) = {name} {{ let _ = l.get(); }}")),
            2 => Some(format!("let _l = {name}.take();")),
            _ => Some(format!("if let Some(ref mut l) = {name} {{ l.open = false; }}")),
        }
    }

    /// With a `self` by value.
    fn of_self(&mut self, at: usize) -> Option<String> {
        let Variable { ty, is_mut, moved, .. } = self.variables[at].clone();
        let drops = ty == Type::Own { drops: true };
        let field = *self.random.pick(&["d", "e"]);
        let is_there = !moved.contains(&field);
        match self.random.below(7) {
            0 if moved.is_empty() => self.gone(at, "drop(self);".to_owned()),
            1 if moved.is_empty() => {
                self.gone(at, "let own = self; note(format!(\"{}\", own.n));".to_owned())
            }
            2 if !drops && is_there => {
                self.variables[at].moved.push(field);
                let local = self.local();
                self.variables.push(Variable::new(local.clone(), Type::Noted, false));
                Some(format!("let {local} = self.{field};"))
            }
            3 if is_mut => Some("self.open = false;".to_owned()),
            4 if is_mut && is_there => Some(format!("self.{field}.n = 12;")),
            5 if moved.is_empty() => Some("let _ = self;".to_owned()),
            _ => Some("note(format!(\"{}\", self.n));".to_owned()),
        }
    }

    /// Without any of the variables.
    fn of_nothing(&mut self) -> Option<String> {
        let local = self.local();
        if let (marks @ [_, ..], 0) = (self.yields.question_marks(), self.random.below(3)) {
            let mark = self.random.pick(marks);
            return Some(format!("let {local} = {mark}; note(format!(\"{{}}\", {local}));"))
                .filter(|_| !self.is_early);
        }
        let value = self.value();
        let line = match self.random.below(if self.is_async { 30 } else { 27 }) {
            0 | 1 => {
                self.variables.push(Variable::new(local.clone(), Type::Noted, false));
                format!("let {local} = Noted::new(\"{local}\");")
            }
            2 => {
                self.variables.push(Variable::new(local.clone(), Type::Noted, true));
                format!("let mut {local} = Noted::new(\"{local}\");")
            }
            3 => format!("let _{local} = Noted::new(\"{local}\");"),
            4 => format!("let _ = Noted::new(\"{local}\");"),
            5 => format!("let _{local} = Noted::bad(\"{local}\", k == 4);"),
            6 if !self.is_early => format!("if k == 1 {{ return {value}; }}"),
            7 => "if k == 2 { panic!(\"body\"); }".to_owned(),
            8 => format!(
                "for i in 0..2 {{ let l = Noted::new(\"{local}\"); if i == k {{ continue; }} let _ = l.get(); }}"
            ),
            9 => format!(
                "match Noted::new(\"{local}\").guard().get() {{ 0 => note(\"zero\"), _ => note(\"other\") }}"
            ),
            10 => format!(
                "if let Some(g) = Noted::new(\"{local}\").option() {{ note(format!(\"{{}}\", g.get())); }} else {{ let _e = Noted::new(\"else\"); }}"
            ),
            11 => format!(
                "let {local} = &Noted::new(\"{local}\"); note(format!(\"{{}}\", {local}.get()));"
            ),
            12 => "fn helper() -> i32 { 3 } note(format!(\"{}\", helper()));".to_owned(),
            13 => "const N: i32 = 4; note(format!(\"{}\", N));".to_owned(),
            14 => format!(
                "let {local} = 'out: {{ if k == 1 {{ break 'out 1; }} Noted::new(\"{local}\").get() }}; note(format!(\"{{}}\", {local}));"
            ),
            15 => format!(
                "let {local}; if k == 0 {{ {local} = Noted::new(\"{local}\"); let _ = &{local}; }}"
            ),
            16 => format!("let {local} = 5;"),
            17 => format!("let mut {local} = 4; note(format!(\"{{}}\", {local}));"),
            18 => "let k = k + 1; note(format!(\"{}\", k));".to_owned(),
            19 => format!("Noted::new(\"{local}\").get();"),
            20 => "note(here());".to_owned(),
            21 => format!(
                "let {local} = (|| {{ if k == 1 {{ return 1; }} 2 }})(); note(format!(\"{{}}\", {local}));"
            ),
            22 => format!(
                "while let Some(g) = Noted::new(\"{local}\").option() {{ let _ = g.get(); break; }}"
            ),
            23 => format!(
                "let {local}: Vec<_> = (0..2).map(|i| Noted::new(\"{local}\").with(i)).collect(); note(format!(\"{{}}\", {local}.len()));"
            ),
            24 => format!("let _{local} = {{ Noted::new(\"{local}\").get() }};"),
            25 if self.edition >= "2021" => format!(
                "let Some({local}) = Noted::new(\"{local}\").option().map(|g| g.get()) else {{ panic!() }}; note(format!(\"{{{local}}}\"));"
            ),
            26 => "macro_rules! local { ($e:expr) => { note(format!(\"{}\", $e)) } } local!(k);"
                .to_owned(),
            27 => format!("pause(\"{local}\").await;"),
            28 => format!("let {local} = Noted::new(\"{local}\"); {local}.wait().await;"),
            29 => format!(
                "match Noted::new(\"{local}\").wait().await {{ 0 => (), _ => note(\"waited\") }}"
            ),
            _ => return None,
        };
        Some(line)
    }

    /// What an early return returns.
    fn value(&mut self) -> String {
        let values = self.yields.values(self.is_async);
        let value = self.random.pick(values).trim_end_matches(';');
        // Not a `return` of a `return`, nor two statements.
        if value.starts_with("return") || value.contains("?;") {
            return values[0].to_owned();
        }
        value.to_owned()
    }
}
