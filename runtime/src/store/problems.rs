//! What went wrong, for `health` and the logger.

use crate::error::Error;

use super::own_segment::Stage;
use super::state::Store;

#[derive(Debug)]
pub(super) struct Problems {
    /// Why counting is private although a directory was named, or else the last failure.
    pub(super) current: Option<Error>,
    /// Whether it was already logged that only this process sees its counts.
    pub(super) said_alone: bool,
}

impl Problems {
    pub(super) const fn new() -> Self {
        Self { current: None, said_alone: false }
    }
}

impl Store {
    /// Records and publishes an error from growing the segment.
    pub(super) fn note_refusal(&mut self, stage: Stage, error: std::io::Error) {
        self.segment.publish_refusal(stage, &error);
        if self.problems.current.is_none() {
            let path = self.home.directory().unwrap_or_default();
            let error = Error::io("allocate space in the segment", error);
            let error = if path.as_os_str().is_empty() { error } else { error.at(&path) };
            self.on_release.warning = Some(format!("some series are not counted: {error}"));
            self.problems.current = Some(error);
        }
    }

    /// There is no space for exemplars. All values are counted.
    pub(super) fn note_no_exemplars(&mut self, error: std::io::Error) {
        self.segment.publish_refusal(Stage::Series, &error);
        if self.problems.current.is_none() {
            let error = Error::io("allocate space for exemplars in the segment", error);
            self.on_release.warning = Some(format!("some exemplars are not kept: {error}"));
            self.problems.current = Some(error);
        }
    }

    /// Another declaration of its name is in force.
    pub(super) fn note_contradiction(&mut self, error: Error) {
        self.declarations.contradicted += 1;
        let warning = &mut self.on_release.warning;
        warning.get_or_insert_with(|| format!("not counted: {error}"));
        self.problems.current.get_or_insert(error);
    }

    pub(super) fn note_dropped_series(&self) {
        self.segment.publish_dropped_series(self.declarations.dropped);
    }
}
