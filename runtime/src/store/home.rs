//! Where this process counts, as far as that is decided: the program's settings, the choice made
//! from them, and the open directory. Children inherit all of it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::{Choice, Config};
use crate::directory::{Directory, Found, KnownDirectory};
use crate::error::Error;

use super::search::{Outcome, Place};

#[derive(Debug, Clone)]
pub(super) struct Home {
    /// The argument of `init`.
    config: Option<Config>,
    /// The combination of `config` and environment; computed once, at first use.
    choice: Option<Choice>,
    /// The directory that was named, once it was open.
    kept: Option<Arc<KnownDirectory>>,
}

impl Home {
    pub(super) const fn new() -> Self {
        Self { config: None, choice: None, kept: None }
    }

    /// `None` until it is made.
    pub(super) fn choice(&self) -> Option<&Choice> {
        self.choice.as_ref()
    }

    pub(super) fn kept(&self) -> Option<&Arc<KnownDirectory>> {
        self.kept.as_ref()
    }

    /// Makes the choice, if that was not done before.
    pub(super) fn decide(&mut self) -> &Choice {
        let config = &mut self.config;
        self.choice.get_or_insert_with(|| config.take().unwrap_or_default().choice())
    }

    /// The directory that was named, once that is decided.
    pub(super) fn directory(&self) -> Option<PathBuf> {
        self.choice.as_ref().and_then(|choice| choice.directory.clone())
    }

    /// Whether the program requires that others see its counts: `None` if it doesn't say.
    pub(super) fn required(&self) -> Option<bool> {
        self.choice.as_ref().and_then(|choice| choice.required)
    }

    /// `init` decides anew.
    pub(super) fn set(&mut self, config: Config, choice: Choice) {
        if self.directory() != choice.directory {
            self.kept = None;
        }
        (self.config, self.choice) = (Some(config), Some(choice));
    }

    /// A search has ended.
    pub(super) fn found(&mut self, Outcome { choice, kept, place }: Outcome) -> Place {
        (self.choice, self.kept) = (Some(choice), kept);
        place
    }

    /// Where segments are created, if that is known without walking a path.
    pub(super) fn place_at_hand(&self) -> Option<Place> {
        let choice = self.choice.as_ref()?;
        if choice.directory.is_none() {
            return Some(None);
        }
        match self.kept.as_ref()?.find() {
            Ok(Found::There(directory)) => Some(Some(Ok(directory))),
            Ok(Found::Removed | Found::Closed) => None,
            Err(e) => Some(Some(Err(e))),
        }
    }

    /// Whether the directory's filesystem has little space left.
    pub(super) fn is_nearly_full(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.is_nearly_full())
    }

    /// Why the members of the group can't share a directory that is meant for them.
    pub(super) fn misfit(&self, directory: &Directory) -> Option<Error> {
        let group = self.choice.as_ref()?.group.filter(|group| !directory.is_open_to(*group))?;
        let message = format!(
            "group {group} can't write to the directory, which was there already: give it that \
             group and mode 2770"
        );
        Some(Error::invalid(message))
    }
}
