//! Rows as a table in Markdown.

use crate::case::{PEERS, Row};

/// All rows; a peer that has none of the operations gets no column.
pub fn markdown(rows: &[Row]) -> String {
    let has_any = |peer: &&str| rows.iter().any(|row| row.peers.iter().any(|(p, _)| p == peer));
    let peers: Vec<&str> = PEERS.into_iter().filter(has_any).collect();
    let mut head = vec!["operation, ns", "floor", "headcount"];
    head.extend(&peers);
    head.extend(["best peer : headcount", "headcount : floor"]);
    let mut out = line(head.iter().map(ToString::to_string));
    out +=
        &line(head.iter().enumerate().map(|(i, _)| (if i == 0 { "---" } else { "---:" }).into()));
    for row in rows {
        let of = |peer: &&str| row.peers.iter().find(|(p, _)| p == peer).map(|(_, took)| *took);
        let mut cells = vec![row.name.into(), figure(row.floor), figure(Some(row.ours))];
        cells.extend(peers.iter().map(|peer| figure(of(peer))));
        let best = row.peers.iter().map(|(_, took)| *took).reduce(f64::min);
        cells.push(ratio(best, Some(row.ours)));
        cells.push(ratio(Some(row.ours), row.floor));
        out += &line(cells);
    }
    out
}

fn line(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().collect();
    format!("| {} |\n", cells.join(" | "))
}

fn figure(took: Option<f64>) -> String {
    match took {
        None => String::new(),
        Some(took) if took < 10.0 => format!("{took:.2}"),
        Some(took) if took < 100.0 => format!("{took:.1}"),
        Some(took) => format!("{took:.0}"),
    }
}

fn ratio(of: Option<f64>, to: Option<f64>) -> String {
    match (of, to) {
        (Some(of), Some(to)) if to > 0.0 => format!("{:.1}", of / to),
        _ => String::new(),
    }
}
