//! Tables, colours and escapes.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, SystemTime};

use headcount::{SegmentInfo, SegmentState};

use super::arguments::Order;

/// Text of others, without characters that a terminal would obey: whoever may write to the
/// directory chooses names and label values.
pub(crate) fn escaped(text: &str) -> String {
    // Includes characters that reverse the direction of writing.
    let turns = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let escape = |c: char| {
        if c.is_control() || turns(c) { c.escape_default().to_string() } else { c.to_string() }
    };
    text.chars().map(escape).collect()
}

/// Prints a page: as it is to a file, and escaped to a terminal.
pub(crate) fn page(out: &mut impl Write, bytes: &[u8], on_terminal: bool) -> io::Result<()> {
    if !on_terminal {
        return out.write_all(bytes);
    }
    for line in String::from_utf8_lossy(bytes).split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        write!(out, "{}{end}", escaped(line))?;
    }
    Ok(())
}

/// Whether the standard output is a terminal that may be coloured: <https://no-color.org>.
pub(crate) fn is_coloured() -> bool {
    #[expect(clippy::disallowed_methods, reason = "what a person has set for all programs")]
    let refuses = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !refuses
}

/// Prints a table whose columns are as wide as their contents, with numbers aligned to the right.
pub(crate) fn processes(
    out: &mut impl Write,
    segments: &mut [SegmentInfo],
    order: Order,
) -> io::Result<()> {
    const HEAD: [&str; 8] = ["PID", "STATE", "AGE", "SERIES", "BYTES", "DROPS", "FILE", "WHY"];
    const RIGHT: [bool; 8] = [true, false, true, true, true, true, false, false];
    sort(segments, order);
    let now = SystemTime::now();
    let rows: Vec<[String; 8]> = segments.iter().map(|segment| row(segment, now)).collect();
    let mut widths = HEAD.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let is_coloured = is_coloured();
    let head = HEAD.map(str::to_owned);
    let states = segments.iter().map(|segment| Some(segment.state()));
    for (row, state) in std::iter::once(&head).chain(&rows).zip(std::iter::once(None).chain(states))
    {
        let mut line = String::new();
        for (number, ((cell, width), right)) in row.iter().zip(widths).zip(RIGHT).enumerate() {
            let cell = if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") };
            match state.filter(|_| is_coloured && number == 1).map(colour) {
                Some(colour) => line.extend(["\x1b[", colour, "m", &cell, "\x1b[0m"]),
                None => line.push_str(&cell),
            }
            line.push_str("  ");
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// The order of creation stays among equals.
fn sort(segments: &mut [SegmentInfo], order: Order) {
    match order {
        Order::Created => {}
        Order::Pid => segments.sort_by_key(|one| one.pid().unwrap_or(u32::MAX)),
        Order::State => segments.sort_by_key(SegmentInfo::state),
        Order::Series => segments.sort_by_key(|one| std::cmp::Reverse(one.series())),
        Order::Bytes => segments.sort_by_key(|one| std::cmp::Reverse(one.bytes())),
        Order::Drops => segments.sort_by_key(|one| std::cmp::Reverse(one.dropped_operations())),
    }
}

/// Beside the word, never in its place.
fn colour(state: SegmentState) -> &'static str {
    match state {
        SegmentState::Live => "32",
        SegmentState::Unreadable => "31",
        SegmentState::Unknown => "33",
        _ => "2",
    }
}

fn row(segment: &SegmentInfo, now: SystemTime) -> [String; 8] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let age = segment.created().map(|created| {
        let age = now.duration_since(created).unwrap_or_default();
        // To the second, in at most two units.
        let age = humantime::format_duration(Duration::from_secs(age.as_secs())).to_string();
        age.split(' ').take(2).collect::<Vec<_>>().join(" ")
    });
    [
        or_dash(segment.pid().map(|pid| pid.to_string())),
        segment.state().to_string(),
        or_dash(age),
        segment.series().to_string(),
        segment.bytes().to_string(),
        segment.dropped_operations().to_string(),
        escaped(segment.file_name()),
        escaped(&segment.error().map_or_else(|| segment.why().to_owned(), ToString::to_string)),
    ]
}
