//! Assigns slots to series. The log's records and the blocks of shard 0 come first, and only then
//! the slot.

use core::sync::atomic::Ordering;
use std::sync::Arc;

use crate::declare::catalogue;
use crate::declare::descriptor::{Descriptor, Label};
use crate::declare::durations;
use crate::declare::registry::{self, DROPPED, Function, Site, Spec, UNASSIGNED, cells_of};
use crate::fault;
use crate::kernel;
use crate::label::{self, DROPPED_ROW, Entry, Key, NEVER_ROW, ROWS, Row, RowSlot};
use crate::model::cells::MAX_CELLS;
use crate::model::kind::Kind;
use crate::model::outcome::OUTCOMES;
use crate::model::sorted::SortedMap;
use crate::model::text::{MAX_LABEL_VALUE_LEN, cut};
use crate::process::steady_ns;
use crate::segment::records::{LogWriter, text};

use super::attach::{self, Patience};
use super::churn::{RowOf, SeriesKey};
use super::guard::Guard;
use super::idle::Idle;
use super::log_copy::{Planned, full};
use super::names::{self, Detail};
use super::own_segment::Stage;
use super::series::Registered;
use super::state::Store;

impl Store {
    /// Registers the sites that were added to the linker's list since the last scan: by libraries
    /// that were loaded, or by constructors that ran after one that recorded.
    pub(super) fn catch_up(&mut self) {
        if self.is_live() && self.declarations.have_grown() {
            self.register_new();
        }
    }

    /// Registers a site that isn't in the linker's list yet: a constructor that records may run
    /// before the one that adds the site to the list.
    pub(super) fn register_early(&mut self, site: &'static Site) {
        if !site.is_open() && site.load(Ordering::Relaxed) == UNASSIGNED {
            self.register_alone(site);
        }
    }

    /// Registers one site with closed labels; `false` if there is no space.
    pub(super) fn register_alone(&mut self, site: &'static Site) -> bool {
        let is_registered = self.register(site, &shown_names(&[site]));
        if !is_registered {
            self.declarations.dropped += 1;
            self.note_dropped_series();
        }
        is_registered
    }

    /// Registers every site that has no slot yet. Libraries that are loaded later add more.
    pub(super) fn register_new(&mut self) {
        self.declarations.scan();
        durations::choose();
        let mut dropped = self.drop_contradictions();
        let mut sites = registry::unassigned();
        let at_run_time = self.dynamic.pending(false);
        if !at_run_time.is_empty() {
            sites.extend(at_run_time);
            registry::sort(&mut sites);
        }
        let shown = shown_names(&sites);
        for site in sites {
            dropped += u64::from(!self.register(site, &shown));
        }
        let open = registry::sites().filter(|site| site.is_open());
        let has_open = self.declare_families(open.chain(self.dynamic.pending(true)));
        self.dynamic.settle(has_open);
        self.write_late_texts();
        self.declarations.dropped = dropped;
        self.note_dropped_series();
    }

    /// Assigns a slot to a site; `false` if there is no space.
    fn register(&mut self, site: &'static Site, shown: &SortedMap<FunctionKey, String>) -> bool {
        let registered = match site.spec() {
            Spec::Function(function) => {
                let name = shown.get(&function_key(function)).map_or("", String::as_str);
                self.register_function(function, name)
            }
            Spec::Metric(descriptor) => {
                self.register_metric(descriptor, label::closed(descriptor.labels), None)
            }
        };
        match registered {
            Ok(slot) => {
                fault::step!("register.assign", site.assign(slot));
                true
            }
            Err(error) => {
                site.assign(DROPPED);
                self.note_refusal(Stage::Series, error);
                false
            }
        }
    }

    /// Drops the sites that can't be in force beside another declaration of their name. They never
    /// get a slot. Returns their number.
    fn drop_contradictions(&mut self) -> u64 {
        if catalogue::may_conflict() {
            for mut conflict in catalogue::conflicts(&[]) {
                let Some(site) = conflict.loser.take() else { continue };
                self.drop_contradicted(site, conflict.into_error());
            }
        }
        self.drop_late_contradictions();
        self.declarations.contradicted
    }

    /// Writes the families whose series are created later, so that the directory lists everything
    /// its programs declare. A family for which there is no space is written with its first series.
    /// Returns whether there was.
    pub(super) fn declare_families(&mut self, sites: impl Iterator<Item = &'static Site>) -> bool {
        let metric = |site: &'static Site| match site.spec() {
            Spec::Metric(d) if !site.is_contradicted() => Some(d),
            _ => None,
        };
        self.write_families(sites.filter_map(metric))
    }

    /// Writes records of families, unless they are in the log; `false` if there is no space.
    pub(super) fn write_families<'a>(
        &mut self,
        families: impl Iterator<Item = &'a Descriptor>,
    ) -> bool {
        let mut plan = self.log.plan(0);
        for d in families {
            let names = with_fan_name(d.labels.iter().map(Label::name).collect(), d.fan);
            self.log.family(&mut plan, d, &names);
        }
        if plan.records.is_empty() {
            return true;
        }
        let is_written = self.append(&plan.records, self.log.slots_used).is_ok();
        if is_written {
            self.log.admit(plan);
        }
        is_written
    }

    fn register_function(&mut self, f: &Function, name: &str) -> std::io::Result<u32> {
        let parts = registry::function_parts(f.what);
        let mut plan = self.log.plan(parts.width);
        // A path with many generic types can be longer than the limit for label values.
        let values = [name, f.module].map(|value| vec![cut(value, MAX_LABEL_VALUE_LEN)]);
        let has = |bit| f.what & bit != 0;
        let slot = plan.slot;
        for (is_there, kind, outcome, at) in [
            (has(registry::COUNTED), Kind::Calls, false, 0),
            (has(registry::COUNTED_OUTCOME), Kind::Calls, true, 0),
            (has(registry::IN_PROGRESS), Kind::InProgress, false, parts.in_progress),
            (has(registry::OLDEST), Kind::OldestStart, false, parts.oldest),
            (has(registry::EXCEPTIONS), Kind::Exceptions, false, parts.exceptions),
            (has(registry::TIMED), Kind::Durations, false, parts.durations),
            (has(registry::TIMED_OUTCOME), Kind::Durations, true, parts.durations),
        ] {
            if is_there {
                let d = durations::function_family(kind);
                let fan = outcome.then_some(("outcome", &OUTCOMES[..]));
                let names = with_fan_name(vec!["function", "module"], fan);
                let family = self.log.family(&mut plan, &d, &names);
                let (width, age) = (d.width(), self.age(None));
                let mut add = |slot, sets: Vec<Vec<&str>>| {
                    plan.text += text(&names, width, &sets);
                    let mut records = LogWriter::new(&mut plan.records);
                    records.series(family, slot, width, age, &sets);
                };
                let sets = with_fan(values.to_vec(), fan);
                if outcome && kind == Kind::Durations && width < registry::HISTOGRAM {
                    // With fewer cells than there is space for, each outcome is by itself.
                    for (outcome, number) in OUTCOMES.iter().zip(0..) {
                        let [name, module] = values.clone();
                        let sets = vec![name, module, vec![*outcome]];
                        add(slot + at + number * registry::HISTOGRAM, sets);
                    }
                } else {
                    add(slot + at, sets);
                }
            }
        }
        let slot = self.commit(plan)?;
        self.series.add_closed(slot..slot.saturating_add(parts.width));
        Ok(slot)
    }

    /// Registers a series for each combination of `sets`, which has one set of values for each
    /// label. Existing series are found again.
    ///
    /// `row` is the site with open labels if this is a row of one.
    pub(super) fn register_metric(
        &mut self,
        d: &Descriptor,
        sets: Vec<Vec<&str>>,
        row: Option<&'static Site>,
    ) -> std::io::Result<u32> {
        let names = with_fan_name(d.labels.iter().map(Label::name).collect(), d.fan);
        let sets = with_fan(sets, d.fan);
        let count = sets.iter().map(Vec::len).product::<usize>();
        let width = d.width() * u32::try_from(count).unwrap_or(MAX_CELLS);
        let mut plan = self.log.plan(width);
        let family = self.log.family(&mut plan, d, &names);
        // The sizes of the sets are included: `{a} x {b, c}` is not `{a, b} x {c}`.
        let sizes = sets.iter().filter(|_| row.is_none()).map(|set| set.len().to_string());
        let values = sets.iter().flatten().map(|value| (*value).to_owned());
        // No more space than that: there may be very many rows, and a fork copies their pages.
        let mut texts = Vec::with_capacity(values.clone().count() + sizes.clone().count());
        texts.extend(values.chain(sizes));
        let key: SeriesKey = (family, texts);
        if let Some(known) = self.series.by_key.get(&key) {
            return Ok(known.slot);
        }
        let used = row.and_then(|_| self.used_cells(width));
        let slot = used.unwrap_or(plan.slot);
        plan.slot = slot;
        let since = self.age(row);
        plan.text = text(&names, d.width(), &sets);
        let cost = plan.text;
        LogWriter::new(&mut plan.records).series(family, slot, d.width(), since, &sets);
        if let Err(refused) = self.commit(plan) {
            if let Some(slot) = used {
                self.churn.give(slot, width);
            }
            return Err(refused);
        }
        let key = Arc::new(key);
        if row.is_none() {
            self.series.add_closed(slot..slot.saturating_add(width));
        } else {
            self.churn.by_slot.insert(slot, Arc::clone(&key));
            if d.idle_timeout > 0 {
                self.churn.idle.insert(slot, Idle::new(d.idle_timeout));
                (self.churn.remove_idle, self.on_release.remove_idle) =
                    (d.remove_idle, d.remove_idle);
            }
        }
        let row = row.map(|site| RowOf { site, since, text: cost, entries: Vec::with_capacity(1) });
        self.series.by_key.insert(key, Registered { slot, cells: width, row });
        Ok(slot)
    }

    /// Takes `width` cells of removed rows, with all cells zero.
    pub(super) fn used_cells(&mut self, width: u32) -> Option<u32> {
        let memory = self.segment.memory.as_ref()?;
        let slot = self.churn.take(width)?;
        memory.clear(self.shards.used(), slot, width);
        Some(slot)
    }

    /// The time at which counting began, in nanoseconds since the log's epoch: for declarations the
    /// start of the process, for a row its creation.
    fn age(&self, row: Option<&'static Site>) -> u64 {
        let Some(header) = &self.segment.header else { return 0 };
        let made = if row.is_some() { steady_ns() } else { header.created_ns };
        let age = made.saturating_sub(header.log_epoch_ns);
        // A row that comes back is newer than its removal, even if the clock was set back.
        if row.is_some() { age.max(self.log.last_removed.saturating_add(1)) } else { age }
    }

    pub(super) fn commit(&mut self, plan: Planned) -> std::io::Result<u32> {
        let memory = self.segment.memory.as_mut().ok_or_else(full)?;
        self.log.commit(memory, plan)
    }

    /// Publishes records, and that all slots below `end` are assigned.
    pub(super) fn append(&mut self, records: &[u8], end: u32) -> std::io::Result<()> {
        let memory = self.segment.memory.as_mut().ok_or_else(full)?;
        self.log.append(memory, records, end)
    }

    /// The row with these label values; registers it if it is new. If there is no space, or this
    /// thread may not ask for space yet, returns a waiting row.
    fn row(&mut self, site: &'static Site, given: &Key, patience: &Patience) -> &'static RowSlot {
        let Spec::Metric(d) = site.spec() else { return &DROPPED_ROW };
        if site.is_contradicted() {
            return &NEVER_ROW;
        }
        if let Some(row) = label::find(site.address(), &given) {
            return row;
        }
        if self.series.rows_of(site) >= d.max_series {
            site.set_full(true);
            let others = given.others(d.labels);
            if let Some(row) = label::find(site.address(), &&others) {
                return row;
            }
            let row = self.insert_or_wait(site, &others, d, true, patience);
            if row.load() < UNASSIGNED {
                self.series.add_other(site, cells_of(row.load()));
            }
            return row;
        }
        let row = self.insert_or_wait(site, given, d, false, patience);
        if !core::ptr::eq(row, &raw const DROPPED_ROW) {
            self.series.add_row(site);
        }
        row
    }

    fn insert_or_wait(
        &mut self,
        site: &'static Site,
        given: &Key,
        d: &Descriptor,
        is_rest: bool,
        patience: &Patience,
    ) -> &'static RowSlot {
        if let Some(asked) = patience.ask() {
            if self.is_live() {
                match self.insert_row(site, given, d) {
                    Ok(row) => return row,
                    Err(error) => self.note_refusal(Stage::Series, error),
                }
            }
            patience.refuse(asked);
        }
        self.wait_for_space(site, given, is_rest)
    }

    /// Records a table entry for the row at this slot, so that removing the row finds the entry.
    pub(super) fn is_looked_up_at(
        &mut self,
        slot: u32,
        site: &'static Site,
        entry: &'static Entry<Row>,
    ) {
        let key = self.churn.by_slot.get(&slot);
        let known = key.and_then(|key| self.series.by_key.get_mut(key));
        if let Some(row) = known.and_then(|known| known.row.as_mut()) {
            row.entries.push((site, entry));
        }
    }

    fn insert_row(
        &mut self,
        site: &'static Site,
        given: &Key,
        d: &Descriptor,
    ) -> std::io::Result<&'static RowSlot> {
        let slot = self.register_metric(d, label::single(d.labels, given.bytes()), Some(site))?;
        let make = |kept| Row::entry(site.address(), given, kept, site.marked(slot));
        // On failure the row exists without an entry, and is looked up again.
        let none = || std::io::Error::from(kernel::io::Errno::NOMEM);
        let entry = self.churn.arena.put(given.bytes(), make).ok_or_else(none)?;
        self.is_looked_up_at(slot, site, entry);
        ROWS.insert(entry);
        Ok(&entry.slot)
    }
}

/// The row of `site` with these values of its labels that aren't constant. Takes the mutex.
pub(crate) fn row(site: &'static Site, given: &Key) -> &'static RowSlot {
    // This is a nested call, from the allocations of this very function, or a call between fork
    // handlers. It cannot wait, and a handle that is kept from this call counts nowhere.
    attach::ROWS.with(|patience| {
        // How often this thread asks for memory to record in is limited in the same way.
        let store = if patience.ask().is_some() { Guard::live() } else { Guard::settled() };
        store.map_or(&DROPPED_ROW, |mut store| store.row(site, given, patience))
    })
}

type Fan = Option<(&'static str, &'static [&'static str])>;

/// The label `outcome`, or that of a state, is the last one, so that the series of a row are
/// adjacent.
fn with_fan_name(mut names: Vec<&str>, fan: Fan) -> Vec<&str> {
    names.extend(fan.map(|(name, _)| name));
    names
}

fn with_fan(mut sets: Vec<Vec<&str>>, fan: Fan) -> Vec<Vec<&str>> {
    sets.extend(fan.map(|(_, values)| values.to_vec()));
    sets
}

type FunctionKey = (&'static str, u32, usize);

fn function_key(f: &Function) -> FunctionKey {
    (f.place.file(), f.place.line(), f.here as usize)
}

/// The names under which functions are shown: the short ones, unless two functions of one module
/// would have the same. Those have their traits too, and then also their generic arguments.
fn shown_names(sites: &[&'static Site]) -> SortedMap<FunctionKey, String> {
    let functions = || {
        sites.iter().filter_map(|site| match site.spec() {
            Spec::Function(f) => Some((f, (f.here)())),
            Spec::Metric(_) => None,
        })
    };
    let mut shown: Vec<_> = functions().map(|(f, path)| (f, path, String::new())).collect();
    let mut uses = SortedMap::<(String, &str), u32>::new();
    for detail in [Detail::Short, Detail::Trait, Detail::Arguments] {
        let before = core::mem::take(&mut uses);
        for (f, path, name) in &mut shown {
            if before.get(&(name.clone(), f.module)) != Some(&1) {
                *name = names::name(path, f.module, detail);
            }
            *uses.or_default((name.clone(), f.module)) += 1;
        }
    }
    shown.into_iter().map(|(f, _, name)| (function_key(f), name)).collect()
}

const _: () = assert!(OUTCOMES.len() == 4 && DROPPED > UNASSIGNED);
