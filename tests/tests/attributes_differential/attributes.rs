//! The sets of attributes that a function is tried with.

use crate::case::{Case, Kind};

/// Attributes of one function.
#[derive(Debug)]
pub(crate) struct Set {
    /// Also the name of the module that the functions are in.
    pub(crate) name: &'static str,
    /// On the function.
    own: &'static [(&'static str, &'static str)],
    /// On the block around it.
    block: &'static str,
    /// Whether what the function returns is looked at.
    pub(crate) looks: bool,
}

/// Without any: what the others are compared with.
pub(crate) static PLAIN: Set = Set { name: "plain", own: &[], block: "", looks: false };

const ALL: &[(&str, &str)] =
    &[("counted", ""), ("timed", ""), ("in_progress", "oldest"), ("count_exceptions", "")];

/// What is tried.
pub(crate) static SETS: [Set; 8] = [
    Set { name: "counted", own: &[("counted", "")], block: "", looks: false },
    Set { name: "timed", own: &[("timed", "")], block: "", looks: false },
    Set { name: "in_progress", own: &[("in_progress", "")], block: "", looks: false },
    Set { name: "count_exceptions", own: &[("count_exceptions", "")], block: "", looks: true },
    Set { name: "outcome", own: &[("counted", "outcome")], block: "", looks: true },
    Set { name: "all", own: ALL, block: "", looks: true },
    Set { name: "block_counted", own: &[], block: "#[counted]", looks: false },
    Set {
        name: "block_all",
        own: &[],
        block: "#[in_progress] #[timed(prefix = \"block\", outcome)] #[counted] #[count_exceptions]",
        looks: true,
    },
];

/// Where there is none: an empty line would be a lint's.
const NOTHING: &str = "#[rustfmt::skip]";

impl Set {
    /// What stands before the function, in one line.
    pub(crate) fn on_function(&self, case: &Case) -> String {
        let future = match case.kind {
            Kind::Alias => "future",
            _ if case.is_call() => "future = false",
            _ => "",
        };
        let attributes = self.own.iter().map(|(name, keys)| {
            let keys: Vec<&str> =
                [*keys, future].into_iter().filter(|key| !key.is_empty()).collect();
            if keys.is_empty() {
                format!("#[{name}]")
            } else {
                format!("#[{name}({})]", keys.join(", "))
            }
        });
        let attributes: Vec<_> = attributes.collect();
        if attributes.is_empty() { NOTHING.to_owned() } else { attributes.join(" ") }
    }

    /// The same for the block around it.
    pub(crate) fn on_block(&self, case: &Case) -> String {
        match self.block {
            "" => NOTHING.to_owned(),
            block if case.is_call() => {
                let own = block.replace(')', ", future = false)");
                own.replace("ed]", "ed(future = false)]")
            }
            block => block.to_owned(),
        }
    }

    /// Whether these attributes are meant for this function.
    ///
    /// They say no to one whose value they are to look at without being able to: a type parameter,
    /// and `#[track_caller]`. `future` is a key of the function's own, so a block can't have it;
    /// its `future = false` applies to types that are called `Future`.
    pub(crate) fn suits(&self, case: &Case) -> bool {
        let hidden = case.returns.hidden || case.before.iter().any(|line| line.contains("caller"));
        let is_shown = case.kind != Kind::Alias && case.returns.written != "Named";
        !(self.looks && hidden) && (self.block.is_empty() || is_shown)
    }
}
