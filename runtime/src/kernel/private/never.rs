//! What cannot exist.

#[derive(Debug, Clone, Copy)]
enum Nothing {}

/// Nothing is of this type. Only this file sees that, so that code elsewhere isn't called
/// unreachable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Never(Nothing);

impl Never {
    /// Whatever is wanted: nobody has one to ask.
    pub(super) fn absurd<T>(self) -> T {
        match self.0 {}
    }
}
