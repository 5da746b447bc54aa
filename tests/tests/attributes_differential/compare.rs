//! Compares what a function does without attributes with what it does with each set of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::attributes::{PLAIN, SETS, Set};
use crate::case::Case;
use crate::compile::{Compiler, Diagnostic, What, say};

/// What differs.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    pub(crate) set: &'static Set,
    pub(crate) what: Differs,
    /// For whoever mends it.
    pub(crate) said: String,
}

/// In what way it differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Differs {
    /// Doesn't compile, with this error.
    Refused(String),
    /// A warning is lost, of rustc or of clippy.
    Lost(String),
    /// There is a new warning.
    New(String),
    /// Something else happens, and where the logs part: what is expected, and what is seen.
    Log(String, String),
}

impl Difference {
    /// Differences of the same kind have one cause, as a rule.
    pub(crate) fn kind(&self) -> String {
        match &self.what {
            Differs::Refused(code) => format!("does not compile: {code}"),
            Differs::Lost(lint) => format!("the lint {lint} is lost"),
            Differs::New(lint) => format!("the lint {lint} is new"),
            Differs::Log(expected, seen) => {
                let word = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
                format!("does {} in place of {}", word(seen), word(expected))
            }
        }
    }

    fn is_of_clippy(&self) -> bool {
        self.kind().contains("clippy::")
    }
}

/// The attributes and lints that are tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tried<'a> {
    pub(crate) sets: &'a [&'static Set],
    pub(crate) clippy: bool,
}

impl Tried<'_> {
    /// No more than it takes to see one difference again.
    pub(crate) fn again<R>(difference: &Difference, run: impl FnOnce(Tried<'_>) -> R) -> R {
        run(Tried { sets: &[difference.set], clippy: difference.is_of_clippy() })
    }
}

/// The differences of some functions of one edition.
pub(crate) fn compare(
    compiler: &Compiler,
    edition: &'static str,
    cases: Vec<Case>,
    clippy: bool,
) -> Vec<(Case, Difference)> {
    let made = cases.len();
    let cases = valid(compiler, edition, edition, cases);
    let compiling = cases.len();
    say(&format!("edition {edition}: {made} functions made, {compiling} of them compile"));
    let enough = made < 20 || compiling * 10 > made * 9;
    assert!(enough, "the generator makes too many functions that do not compile by themselves");
    let sets: Vec<_> = SETS.iter().collect();
    differences(compiler, edition, edition, &cases, Tried { sets: &sets, clippy })
}

/// Those that compile without attributes.
pub(crate) fn valid(
    compiler: &Compiler,
    name: &str,
    edition: &str,
    mut cases: Vec<Case>,
) -> Vec<Case> {
    loop {
        let said = compiler.program(name, edition, &[&PLAIN], &cases, What::Check, &|_, _| true);
        let wrong: BTreeSet<usize> = said
            .iter()
            .filter(|said| said.is_error)
            .filter_map(|said| said.about.as_ref().map(|(_, case)| *case))
            .collect();
        if wrong.is_empty() {
            return cases;
        }
        cases.retain(|case| !wrong.contains(&case.id));
    }
}

/// All that differs, for functions that compile without attributes.
pub(crate) fn differences(
    compiler: &Compiler,
    name: &str,
    edition: &str,
    cases: &[Case],
    tried: Tried<'_>,
) -> Vec<(Case, Difference)> {
    let mut found = Vec::new();
    if cases.is_empty() {
        return found;
    }
    let sets: Vec<&'static Set> = [&PLAIN].into_iter().chain(tried.sets.iter().copied()).collect();
    let set_of = |name: &str| *sets.iter().find(|set| set.name == name).expect("one of the sets");
    let case_of = |id: usize| cases.iter().find(|case| case.id == id).expect("one of the cases");
    let mut refused: BTreeSet<(String, usize)> = BTreeSet::new();
    let warnings = loop {
        let keep = |set: &Set, case: &Case| {
            set.suits(case) && !refused.contains(&(set.name.to_owned(), case.id))
        };
        let said = compiler.program(name, edition, &sets, cases, What::Run, &keep);
        let errors: Vec<_> = said.iter().filter(|said| said.is_error).collect();
        if errors.is_empty() {
            break said;
        }
        for error in errors {
            let (set, id) = error.about.clone().expect("the compiler looked");
            if refused.insert((set.clone(), id)) {
                let code = if error.code == "none" { &error.message } else { &error.code };
                let what = Differs::Refused(code.clone());
                let said = error.rendered.clone();
                found.push((case_of(id).clone(), Difference { set: set_of(&set), what, said }));
            }
        }
    };
    let keep = |set: &Set, case: &Case| {
        set.suits(case) && !refused.contains(&(set.name.to_owned(), case.id))
    };
    let logs = compiler.run(name);
    let plain: BTreeMap<usize, &Vec<String>> = logs
        .iter()
        .filter(|(set, _, _)| set == PLAIN.name)
        .map(|(_, case, log)| (*case, log))
        .collect();
    for (set, id, log) in &logs {
        let expected = plain[id];
        if log != expected {
            let what = first_difference(expected, log);
            let said =
                format!("without:\n{}\nwith:\n{}", around(expected, log), around(log, expected));
            found.push((case_of(*id).clone(), Difference { set: set_of(set), what, said }));
        }
    }
    let mut warnings = warnings;
    if tried.clippy {
        // rustc's own come again.
        let said = compiler.program(name, edition, &sets, cases, What::Clippy, &keep);
        warnings.extend(said.into_iter().filter(|said| said.code.starts_with("clippy")));
    }
    for set in tried.sets.iter().copied() {
        for case in cases.iter().filter(|case| keep(set, case)) {
            let expected = lints(&warnings, &PLAIN, case);
            let seen = lints(&warnings, set, case);
            for lint in without(&expected, &seen) {
                let said = shown(&warnings, &PLAIN, case, &lint);
                let what = Differs::Lost(lint.code);
                found.push((case.clone(), Difference { set, what, said }));
            }
            for lint in without(&seen, &expected) {
                let said = shown(&warnings, set, case, &lint);
                let what = Differs::New(lint.code);
                found.push((case.clone(), Difference { set, what, said }));
            }
        }
    }
    found
}

/// A lint by its name, and the line of the case that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lint {
    code: String,
    line: u64,
}

fn about<'a>(
    said: &'a [Diagnostic],
    set: &Set,
    case: &Case,
) -> impl Iterator<Item = &'a Diagnostic> {
    let about = (set.name.to_owned(), case.id);
    said.iter().filter(move |said| said.about.as_ref() == Some(&about))
}

/// The warnings of a case, as often as they come.
fn lints(said: &[Diagnostic], set: &Set, case: &Case) -> Vec<Lint> {
    about(said, set, case).map(|said| Lint { code: said.code.clone(), line: said.line }).collect()
}

/// What `these` has more than `others`.
fn without(these: &[Lint], others: &[Lint]) -> Vec<Lint> {
    let mut others = others.to_vec();
    let is_left = |lint: &&Lint| match others.iter().position(|other| other == *lint) {
        Some(at) => {
            others.remove(at);
            false
        }
        None => true,
    };
    these.iter().filter(is_left).cloned().collect()
}

fn shown(said: &[Diagnostic], set: &Set, case: &Case, lint: &Lint) -> String {
    let these =
        about(said, set, case).filter(|said| said.code == lint.code && said.line == lint.line);
    these.fold(String::new(), |shown, said| shown + "[" + set.name + "] " + &said.rendered)
}

fn first_difference(expected: &[String], seen: &[String]) -> Differs {
    let none = "nothing".to_owned();
    let at = expected.iter().zip(seen).take_while(|(one, other)| one == other).count();
    Differs::Log(expected.get(at).unwrap_or(&none).clone(), seen.get(at).unwrap_or(&none).clone())
}

/// The lines around the first one in which a log differs from another.
fn around(log: &[String], other: &[String]) -> String {
    let at = log.iter().zip(other).take_while(|(one, other)| one == other).count();
    let from = at.saturating_sub(8);
    let until = (at + 8).min(log.len());
    let lines = log[from.min(until)..until].iter().enumerate().map(|(index, line)| {
        let mark = if from + index == at { ">" } else { " " };
        format!("  {mark} {line}\n")
    });
    lines.collect()
}
