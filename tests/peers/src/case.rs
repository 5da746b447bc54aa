//! One row of the table: an operation, as each library has it.

use headcount_peers::measure::{Choice, Effort, Turn, in_turns};

/// The libraries in the order of the table's columns.
pub const PEERS: [&str; 8] = [
    "prometheus",
    "prometheus-client",
    "metrics",
    "measured",
    "metriken",
    "opentelemetry",
    "autometrics",
    "tracing",
];

/// An operation. The floor is what nobody can do without: a bare addition in memory, the reads of
/// the clock.
pub struct Case<'a> {
    pub name: &'static str,
    choice: Choice,
    floor: Option<Turn<'a>>,
    ours: Turn<'a>,
    peers: Vec<(&'static str, Turn<'a>)>,
}

/// What was measured of it, in nanoseconds for one operation.
pub struct Row {
    pub name: &'static str,
    pub floor: Option<f64>,
    pub ours: f64,
    pub peers: Vec<(&'static str, f64)>,
}

impl<'a> Case<'a> {
    pub fn new(name: &'static str, ours: Turn<'a>) -> Self {
        Self { name, choice: Choice::Least, floor: None, ours, peers: Vec::new() }
    }

    pub fn floor(mut self, turn: Turn<'a>) -> Self {
        self.floor = Some(turn);
        self
    }

    pub fn choose(mut self, choice: Choice) -> Self {
        self.choice = choice;
        self
    }

    pub fn peer(mut self, library: &'static str, turn: Turn<'a>) -> Self {
        assert!(PEERS.contains(&library), "{library} has no column");
        self.peers.push((library, turn));
        self
    }

    /// Measures all of it, in turns.
    pub fn measure(self, effort: Effort) -> Row {
        let has_floor = self.floor.is_some();
        let libraries: Vec<_> = self.peers.iter().map(|(library, _)| *library).collect();
        let peers = self.peers.into_iter().map(|(_, turn)| turn);
        let mut turns: Vec<Turn<'a>> =
            self.floor.into_iter().chain([self.ours]).chain(peers).collect();
        let mut took = in_turns(effort, self.choice, &mut turns).into_iter();
        let floor = has_floor.then(|| took.next().expect("the floor is first"));
        let ours = took.next().expect("ours is next");
        Row { name: self.name, floor, ours, peers: libraries.into_iter().zip(took).collect() }
    }
}
