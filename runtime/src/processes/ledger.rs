//! The CPU time of living and dead processes: a total that never falls. Pure.
//!
//! When a process is gone, the kernel forgets how much time it used. So collectors write down what
//! they saw last. `FORMAT.md` specifies the bytes.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::collections::BTreeMap;

use super::kernel::Who;
use crate::error::{Error, ErrorKind};
use crate::model::instance::InstanceId;
use crate::segment::format::Fields;

const MAGIC: [u8; 8] = *b"HCLED\r\n\x1a";
const MAJOR: u16 = 1;
const MINOR: u16 = 0;
const HEAD: usize = 64;
const CRC_OFF: usize = 60;
const ENTRY: usize = 64;

/// The most processes that are listed separately. If there are as many, a new process is not
/// counted until others are gone.
pub(super) const MAX_ENTRIES: usize = 1 << 16;

/// The longest ledger: 4 MiB.
pub(super) const MAX_LEN: usize = HEAD + MAX_ENTRIES * ENTRY;

/// The CPU time that collectors have seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    /// The time of processes that are gone.
    pub(super) gone_ns: u64,
    pub(super) entries: BTreeMap<Who, Entry>,
}

/// A process that is not known to be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) cpu_ns: u64,
    /// One of its segments. The segment's lock shows whether a process of another pid namespace is
    /// gone.
    pub(super) instance: InstanceId,
}

/// What became of an entry's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It has used this much CPU time by now.
    Used(u64),
    Gone,
    Unknown,
}

impl Ledger {
    /// The time of all processes, living or gone.
    pub(super) fn total_ns(&self) -> u64 {
        self.entries.values().fold(self.gone_ns, |sum, entry| sum.saturating_add(entry.cpu_ns))
    }

    /// Updates all entries. The total never falls: a process's time does not decrease, and a
    /// process that is gone leaves its time to the total.
    pub(super) fn settle(&mut self, mut fate: impl FnMut(&Who, &Entry) -> Fate) {
        let gone_ns = &mut self.gone_ns;
        self.entries.retain(|who, entry| match fate(who, entry) {
            Fate::Used(cpu_ns) => {
                entry.cpu_ns = entry.cpu_ns.max(cpu_ns);
                true
            }
            Fate::Unknown => true,
            Fate::Gone => {
                *gone_ns = gone_ns.saturating_add(entry.cpu_ns);
                false
            }
        });
    }

    /// Adds a living process. The caller must have held the ledger's lock since before it looked
    /// for the process: if another collector settled it as gone in between, its time would count
    /// twice.
    pub(super) fn enter(&mut self, who: Who, entry: Entry) {
        if self.entries.len() < MAX_ENTRIES {
            self.entries.entry(who).or_insert(entry);
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes =
            Vec::with_capacity(HEAD.saturating_add(self.entries.len().saturating_mul(ENTRY)));
        bytes.extend(MAGIC);
        bytes.extend(MAJOR.to_le_bytes());
        bytes.extend(MINOR.to_le_bytes());
        // At most `MAX_ENTRIES`.
        bytes.extend(u32::try_from(self.entries.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(self.gone_ns.to_le_bytes());
        bytes.resize(HEAD, 0);
        for (who, entry) in &self.entries {
            bytes.extend(who.boot_id);
            bytes.extend(who.pid_namespace.to_le_bytes());
            bytes.extend(who.start_ticks.to_le_bytes());
            bytes.extend(entry.cpu_ns.to_le_bytes());
            bytes.extend(entry.instance);
            bytes.extend(who.pid.to_le_bytes());
            bytes.extend([0; 4]);
        }
        let crc = crc32fast::hash(&bytes).to_le_bytes();
        if let Some(field) = bytes.get_mut(CRC_OFF..HEAD) {
            field.copy_from_slice(&crc);
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut head = Fields::new(bytes, "shorter than a head");
        if head.bytes(MAGIC.len())? != MAGIC {
            return Err(Error::corrupt("not a ledger of processes"));
        }
        let (major, minor) = (head.u16()?, head.u16()?);
        if major != MAJOR {
            return Err(Error::new(ErrorKind::Version { major, minor }));
        }
        let count = head.u32()? as usize;
        let gone_ns = head.u64()?;
        head.bytes(CRC_OFF.saturating_sub(24))?;
        let crc = head.u32()?;
        let len = count.checked_mul(ENTRY).and_then(|len| len.checked_add(HEAD));
        if count > MAX_ENTRIES || len != Some(bytes.len()) {
            return Err(Error::corrupt("the number of its entries"));
        }
        let (before, rest) = bytes.split_at(CRC_OFF.min(bytes.len()));
        let (_, behind) = rest.split_at(rest.len().min(4));
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(before);
        hasher.update(&[0; 4]);
        hasher.update(behind);
        if hasher.finalize() != crc {
            return Err(Error::corrupt("its checksum is wrong"));
        }
        let mut fields = Fields::new(behind, "an entry");
        let mut entries = BTreeMap::new();
        for _ in 0..count {
            let boot_id = id(&mut fields)?;
            let (pid_namespace, start_ticks) = (fields.u64()?, fields.u64()?);
            let entry = Entry { cpu_ns: fields.u64()?, instance: id(&mut fields)? };
            let pid = fields.u32()?;
            fields.u32()?;
            let who = Who { boot_id, pid_namespace, start_ticks, pid };
            if entries.insert(who, entry).is_some() {
                return Err(Error::corrupt("a process twice"));
            }
        }
        Ok(Self { gone_ns, entries })
    }
}

fn id(fields: &mut Fields<'_>) -> Result<[u8; 16], Error> {
    let mut id = [0; 16];
    id.copy_from_slice(fields.bytes(16)?);
    Ok(id)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use super::*;

    fn who(pid: u32) -> Who {
        Who { boot_id: [1; 16], pid_namespace: 2, start_ticks: 3, pid }
    }

    fn ledger(entries: &[(u32, u64)]) -> Ledger {
        let entry = |cpu_ns| Entry { cpu_ns, instance: [7; 16] };
        let entries = entries.iter().map(|(pid, cpu_ns)| (who(*pid), entry(*cpu_ns))).collect();
        Ledger { gone_ns: 5, entries }
    }

    #[test]
    fn who_is_gone_leaves_what_it_used() {
        let mut ledger = ledger(&[(1, 10), (2, 20), (3, 30), (4, 40)]);
        ledger.settle(|who, _| match who.pid {
            1 => Fate::Gone,
            2 => Fate::Used(25),
            3 => Fate::Used(29), // no kernel reports less
            _ => Fate::Unknown,
        });
        assert_eq!(ledger.gone_ns, 15);
        assert_eq!(ledger.entries.len(), 3);
        assert_eq!(ledger.total_ns(), 15 + 25 + 30 + 40);
        ledger.enter(who(2), Entry { cpu_ns: 1, instance: [0; 16] });
        ledger.enter(who(5), Entry { cpu_ns: 1, instance: [0; 16] });
        assert_eq!(ledger.total_ns(), 15 + 25 + 30 + 40 + 1);
    }

    #[test]
    fn it_reads_what_it_wrote_and_nothing_else() {
        for entries in [&[][..], &[(1, 10)], &[(1, 10), (2, 20)]] {
            let ledger = ledger(entries);
            let bytes = ledger.encode();
            assert_eq!(Ledger::decode(&bytes).unwrap(), ledger);
            for at in 0..bytes.len() {
                assert!(Ledger::decode(&bytes[..at]).is_err(), "cut at {at}");
                for bit in 0..8 {
                    let mut bytes = bytes.clone();
                    bytes[at] ^= 1 << bit;
                    assert!(Ledger::decode(&bytes).is_err(), "bit {bit} of byte {at}");
                }
            }
            let mut longer = bytes.clone();
            longer.push(0);
            assert!(Ledger::decode(&longer).is_err());
        }
    }

    #[test]
    fn a_total_that_is_too_large_stays_there() {
        let mut ledger = ledger(&[(1, u64::MAX), (2, 1)]);
        assert_eq!(ledger.total_ns(), u64::MAX);
        ledger.settle(|_, _| Fate::Gone);
        assert_eq!(ledger.total_ns(), u64::MAX);
    }
}
