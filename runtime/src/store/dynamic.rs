//! Declarations that are made at run time.
//!
//! They are kept under the store's mutex, which fork handlers take, so a forked child finds the
//! list complete. Before this process has a segment a declaration is only noted: it is registered
//! together with the compiled ones, in an order that does not depend on the order of the calls.
//! Afterwards each is registered alone, without a look at any other site.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::declare::catalogue::{contradict, contradicts};
use crate::declare::definition::Definition;
use crate::declare::descriptor::{Descriptor, Label};
use crate::declare::registry::{self, NEVER, Site, Spec, UNASSIGNED};
use crate::error::{Error, ErrorKind};
use crate::model::sorted::SortedMap;

use super::guard::Guard;
use super::state::Store;

/// The maximum number of declarations. A program that needs more has put values into names that
/// belong into labels.
const MOST: usize = 100_000;

/// The name of a family, and those of its labels in the declared order.
type Names = (&'static str, Vec<&'static str>);

/// All declarations that were made at run time, in this process or before it was forked.
#[derive(Debug)]
pub(super) struct Dynamic {
    known: SortedMap<Names, Vec<&'static Site>>,
    count: usize,
    /// Those that have no cells yet, or whose family is not in the log yet: the others are in
    /// force.
    pending: Vec<&'static Site>,
    /// The compiled declaration of each name; of several, the one that is in force.
    compiled: SortedMap<&'static str, &'static Site>,
    /// The first entry of the linker's list when `compiled` was made from it.
    seen: Option<usize>,
    /// Help texts and units that were given to names of other libraries' families.
    texts: SortedMap<String, Text>,
    /// Descriptors with such texts that are not in the log yet: of families that were declared
    /// before they were described.
    late: Vec<Descriptor>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Text {
    help: &'static str,
    unit: &'static str,
}

impl Dynamic {
    pub(super) const fn new() -> Self {
        Self {
            known: SortedMap::new(),
            count: 0,
            pending: Vec::new(),
            compiled: SortedMap::new(),
            seen: None,
            texts: SortedMap::new(),
            late: Vec::new(),
        }
    }

    /// The declaration that is the same, apart from its place.
    fn same(&self, definition: &Definition) -> Option<&'static Site> {
        // Shortened, since keys that are looked up don't live for ever.
        let known: &SortedMap<(&str, Vec<&str>), _> = &self.known;
        let labels = definition.labels.iter().map(String::as_str).collect();
        let alike = known.get(&(definition.name.as_str(), labels))?;
        let is_same = |site: &&&'static Site| match site.spec() {
            Spec::Metric(d) => definition.is(d),
            Spec::Function(_) => false,
        };
        alike.iter().find(is_same).copied()
    }

    /// All declarations of a family.
    fn of_name<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'static Site> {
        let known: &SortedMap<(&'a str, Vec<&'a str>), _> = &self.known;
        let from = (name, Vec::new());
        let of_it = known.from(&from).take_while(move |((known, _), _)| *known == name);
        of_it.flat_map(|(_, sites)| sites.iter().copied())
    }

    fn insert(&mut self, site: &'static Site) {
        let Spec::Metric(d) = site.spec() else { return };
        let names = (d.name, d.labels.iter().map(Label::name).collect());
        self.known.or_default(names).push(site);
        self.count += 1;
        self.pending.push(site);
    }

    /// Reads the linker's list again, if it has grown.
    fn read_compiled(&mut self) {
        let newest = registry::newest();
        if self.seen == Some(newest) {
            return;
        }
        self.seen = Some(newest);
        self.compiled.clear();
        let place = |site: &'static Site| match site.spec() {
            Spec::Metric(d) => (d.file, d.line),
            Spec::Function(_) => ("", 0),
        };
        for site in registry::sites() {
            let Spec::Metric(d) = site.spec() else { continue };
            let known = self.compiled.or_insert_with(d.name, || site);
            if place(site) < place(known) {
                *known = site;
            }
        }
    }

    /// Why a definition can't be in force beside the declarations of its name that are.
    fn contradiction(&self, definition: &Definition) -> Option<Error> {
        let compiled = self.compiled.get(definition.name.as_str()).copied();
        // All that are in force agree with each other, so one of them is enough.
        let declared = self.of_name(&definition.name).find(|site| !site.is_contradicted());
        let known = compiled.filter(|site| !site.is_contradicted()).into_iter().chain(declared);
        known.into_iter().find_map(|known| contradicts(known, definition))
    }

    fn is_in_force(&self, site: &'static Site) -> bool {
        !site.is_contradicted() && !self.pending.iter().any(|known| core::ptr::eq(*known, site))
    }

    fn all(&self) -> Vec<&'static Site> {
        self.known.values().flatten().copied().collect()
    }

    /// Those that need cells, or whose family must be written, in a fixed order.
    pub(super) fn pending(&self, is_open: bool) -> Vec<&'static Site> {
        let pending = self.pending.iter().copied();
        let mut sites: Vec<_> =
            pending.filter(|site| site.is_open() == is_open && !site.is_contradicted()).collect();
        registry::sort(&mut sites);
        sites
    }

    /// Forgets that those are pending which are registered by now. `has_open`: the families with
    /// open labels are written.
    pub(super) fn settle(&mut self, has_open: bool) {
        self.pending.retain(|site| {
            let is_assigned = site.load(Ordering::Relaxed) < UNASSIGNED;
            let is_registered = if site.is_open() { has_open } else { is_assigned };
            !is_registered && !site.is_contradicted()
        });
    }
}

impl Store {
    fn declare(&mut self, mut definition: Definition) -> Result<&'static Site, Error> {
        // Compiled declarations of libraries that were loaded meanwhile come first.
        self.catch_up();
        self.dynamic.read_compiled();
        let known = self.dynamic.same(&definition).filter(|site| !site.is_contradicted());
        if let Some(site) = known {
            return Ok(site);
        }
        // Described before it is declared.
        let text = self.dynamic.texts.get(&definition.name);
        if let Some(text) = text.filter(|_| definition.lacks_help()) {
            (definition.help, definition.unit) = (text.help.to_owned(), text.unit.to_owned());
        }
        if let Some(error) = self.dynamic.contradiction(&definition) {
            return Err(error);
        }
        if self.dynamic.count >= MOST {
            let message = format!(
                "more than {MOST} families are declared at run time: `{}`, declared at {}, is not \
                 accepted; put what varies into labels",
                definition.name,
                definition.place(),
            );
            return Err(Error::new(ErrorKind::Limit { message }));
        }
        let site = definition.into_site();
        self.dynamic.insert(site);
        if self.is_live() {
            self.register_dynamic(site);
        }
        Ok(site)
    }

    /// Registers one declaration. If there is no space for it, it is registered with all others
    /// later, as a compiled one is.
    fn register_dynamic(&mut self, site: &'static Site) {
        let is_registered = if site.is_open() {
            self.declare_families([site].into_iter())
        } else {
            self.register_alone(site)
        };
        if is_registered {
            self.dynamic.pending.pop();
        }
    }

    fn describe(&mut self, name: &str, help: &str, unit: &str) {
        let known = self.dynamic.texts.get(name);
        let is_known = known.is_some_and(|known| known.help == help && known.unit == unit);
        if is_known || known.is_none() && self.dynamic.texts.len() >= MOST {
            return;
        }
        let leak = |text: &str| &*Box::leak(text.to_owned().into_boxed_str());
        let text = Text { help: leak(help), unit: leak(unit) };
        self.dynamic.texts.insert(name.to_owned(), text);
        let without = |site: &'static Site| match site.spec() {
            Spec::Metric(d) if d.is_foreign && d.help.is_empty() && !site.is_contradicted() => {
                Some(Descriptor { help: text.help, unit: text.unit, ..*d })
            }
            _ => None,
        };
        let late: Vec<Descriptor> = self.dynamic.of_name(name).filter_map(without).collect();
        self.dynamic.late.extend(late);
        if self.is_live() {
            self.write_late_texts();
        }
    }

    /// Writes records of families that were described late: with their texts, and without series.
    pub(super) fn write_late_texts(&mut self) {
        let late = core::mem::take(&mut self.dynamic.late);
        if !late.is_empty() && !self.write_families(late.iter()) {
            // There may be space later.
            self.dynamic.late = late;
        }
    }

    /// Finds out which declarations contradict a compiled one that came later: with a library that
    /// was loaded, or because only noted declarations were there before. What is in force stays in
    /// force; of two that are not, the compiled one is.
    pub(super) fn drop_late_contradictions(&mut self) {
        if self.dynamic.count == 0 {
            return;
        }
        self.dynamic.read_compiled();
        let mut losers = Vec::new();
        for (name, compiled) in self.dynamic.compiled.iter() {
            for declared in self.dynamic.of_name(name) {
                if declared.is_contradicted() || compiled.is_contradicted() {
                    continue;
                }
                let Some(error) = contradict(compiled, declared) else { continue };
                let is_in_force = self.dynamic.is_in_force(declared);
                losers.push((if is_in_force { *compiled } else { declared }, error));
            }
        }
        for (site, error) in losers {
            self.drop_contradicted(site, error);
        }
    }

    /// Notes that a site is not in force, because it contradicts another one.
    pub(super) fn drop_contradicted(&mut self, site: &'static Site, error: Error) {
        if site.is_contradicted() {
            return;
        }
        site.assign(NEVER);
        self.note_contradiction(error);
    }
}

/// The site of a definition that was [checked](Definition::check): a new one, or the one that is
/// known.
pub(crate) fn declare(definition: Definition) -> Result<&'static Site, Error> {
    match Guard::settled() {
        Some(mut store) => store.declare(definition),
        None => Err(definition.refused(
            "it is declared inside an operation of headcount, by an allocator or a signal handler, \
             or in a child that was forked without fork handlers",
        )),
    }
}

/// Gives a help text and a unit to families that are declared for other libraries.
pub(crate) fn describe(name: &str, help: &str, unit: &str) {
    if let Some(mut store) = Guard::settled() {
        store.describe(name, help, unit);
    }
}

/// All declarations that were made at run time.
pub(crate) fn declared_at_run_time() -> Vec<&'static Site> {
    Guard::lock().map(|store| store.dynamic.all()).unwrap_or_default()
}

/// Whether anything was declared at run time.
pub(super) fn is_anything_declared() -> bool {
    Guard::lock().is_some_and(|store| store.dynamic.count > 0)
}

/// Reports, once for the program, that a family was used in a way that counts nothing.
pub(crate) fn report_misuse(message: impl FnOnce() -> String) {
    static REPORTED: AtomicBool = AtomicBool::new(false);
    if REPORTED.load(Ordering::Relaxed) {
        return;
    }
    let message = message();
    let Some(mut store) = Guard::lock() else { return };
    if REPORTED.swap(true, Ordering::Relaxed) {
        return;
    }
    store.on_release.warning.get_or_insert_with(|| format!("not counted: {message}"));
    store.problems.current.get_or_insert(Error::invalid(message));
}
