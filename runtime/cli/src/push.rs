//! `push`: to a gateway, or into a textfile.

use std::fs;
use std::io::Write;

use headcount::{Collector, Error, Pusher};

use super::arguments::Push;
use super::print::escaped;
use super::{Failure, tell_skipped, with_constants};

pub(crate) fn push(out: &mut impl Write, collector: &Collector, how: &Push) -> Result<(), Failure> {
    let collector = with_constants(collector.clone(), &how.labels, &how.prefix);
    let collector = collector.self_metrics(!how.no_self_metrics);
    let (snapshot, target) = if let Some(path) = &how.textfile {
        let snapshot = collector.collect()?;
        snapshot.write_to_textfile(path)?;
        (snapshot, path.display().to_string())
    } else {
        let pusher = pusher(how)?.collector(collector);
        let sent = if how.add { pusher.add() } else { pusher.push() };
        (sent.map_err(kept)?, how.url.clone().unwrap_or_default())
    };
    tell_skipped(snapshot.skipped());
    let families = snapshot.families().len();
    writeln!(out, "pushed {families} families to {}", escaped(&target))?;
    Ok(())
}

/// Needs no directory.
pub(crate) fn delete(how: &Push) -> Result<(), Failure> {
    Ok(pusher(how)?.delete()?)
}

fn pusher(how: &Push) -> Result<Pusher, Failure> {
    let (url, job) = (how.url.clone().unwrap_or_default(), how.job.clone().unwrap_or_default());
    let mut pusher = Pusher::new(url, job).timeout(how.timeout);
    for (name, value) in &how.grouping {
        pusher = pusher.grouping(name, value);
    }
    if let (Some(user), Some(path)) = (&how.user, &how.password_file) {
        let password = fs::read_to_string(path);
        let password = password.map_err(|e| Failure::File(path.clone(), e))?;
        // An editor ends the line.
        pusher = pusher.basic_auth(user, password.trim_end_matches(['\r', '\n']));
    }
    if let Some(path) = &how.ca_file {
        pusher = pusher.ca_file(path);
    }
    Ok(pusher)
}

/// A directory that could not be read has a path, and a gateway that took nothing has none. The
/// next push with an address that is none fails, too.
fn kept(error: Error) -> Failure {
    if error.path().is_none() && !error.is_invalid() {
        Failure::NotPushed(error)
    } else {
        error.into()
    }
}
