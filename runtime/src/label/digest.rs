//! A label's text as a number: what a look-up hashes and compares, in registers. Pure.

use core::fmt;

use super::writer::{LabelWriter, Out};

/// Sixteen bytes. A short text is in there as it is, with its length in the last byte: equal digests are equal texts. Of a longer one
/// there is a hash, and who finds two that are equal compares the texts.
///
/// It depends on nothing but the text, however that was written.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Digest {
    pub(super) low: u64,
    pub(super) high: u64,
}

/// The longest text that is its own digest.
const SHORT: usize = 15;
/// Where the length of a short text stands, and 16 of a long one.
const LENGTH: u32 = 56;
const LONG: u64 = (SHORT as u64 + 1) << LENGTH;

/// Bits without a pattern: of the golden ratio. A short digest's last byte can't make it 0.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Both halves of a product, which depend on all bits of both factors.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    let low = product as u64;
    low ^ (product >> 64) as u64
}

impl Digest {
    /// Of a text, if it is short.
    #[inline]
    pub(super) fn brief(text: &[u8]) -> Option<Self> {
        let len = text.len();
        let eight = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
        let four = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
        // The first and the last bytes together are all of them; where they overlap, they are the same.
        let (low, high) = match len {
            8..=SHORT => {
                let rest = text.last_chunk().map_or(0, eight) >> 8;
                (text.first_chunk().map_or(0, eight), rest >> ((SHORT - len) * 8))
            }
            4..8 => {
                let last = text.last_chunk().map_or(0, four) << ((len - 4) * 8);
                (text.first_chunk().map_or(0, four) | last, 0)
            }
            0..4 => {
                let byte = |at: usize| text.get(at).map_or(0, |byte| u64::from(*byte) << (at * 8));
                (byte(0) | byte(len / 2) | byte(len.wrapping_sub(1)), 0)
            }
            _ => return None,
        };
        Some(Self { low, high: high | (len as u64) << LENGTH })
    }

    /// Of a number's text, if it is short.
    #[inline]
    pub(super) fn of_number(is_negative: bool, mut number: u64) -> Option<Self> {
        // Seven digits and a sign are eight bytes.
        if number >= 10_000_000 {
            return None;
        }
        let (mut low, mut len) = (0, 0);
        loop {
            low = low << 8 | (u64::from(b'0') + number % 10);
            len += 1;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        if is_negative {
            low = low << 8 | u64::from(b'-');
            len += 1;
        }
        Some(Self { low, high: len << LENGTH })
    }

    /// Of a text of whatever length.
    #[inline]
    pub(super) fn of(text: &[u8]) -> Self {
        Self::brief(text).unwrap_or_else(|| Self::long(text))
    }

    fn long(text: &[u8]) -> Self {
        let mut long = Long::default();
        let rest = long.blocks_of(text);
        long.ended_by(rest)
    }

    /// Of the text that `write` writes.
    pub(super) fn written(write: impl FnOnce(&mut LabelWriter<'_>)) -> Self {
        let mut written = Written::default();
        write(&mut LabelWriter::new(Out::Digest(&mut written)));
        let rest = written.block.get(..written.used).unwrap_or_default();
        match Self::brief(rest) {
            Some(short) if written.before.blocks == 0 => short,
            _ => written.before.ended_by(rest),
        }
    }

    /// Whether other texts may have the same.
    #[cfg(test)]
    fn is_long(self) -> bool {
        self.high & LONG != 0
    }

    /// `hash`, and this as well.
    #[inline]
    pub(super) fn mixed_into(self, hash: u64) -> u64 {
        fold(hash ^ self.low, MIX ^ self.high)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.high, self.low)
    }
}

const BLOCK: usize = 16;

/// The hash of a long text's whole blocks.
#[derive(Debug, Default)]
struct Long {
    blocks: u64,
    hash: u64,
}

impl Long {
    /// Takes whole blocks, and gives back what is behind them.
    #[inline]
    fn blocks_of<'t>(&mut self, mut text: &'t [u8]) -> &'t [u8] {
        while let Some((block, rest)) = text.split_first_chunk::<BLOCK>() {
            let block = u128::from_le_bytes(*block);
            #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
            self.mix(block as u64, (block >> 64) as u64);
            self.blocks += 1;
            text = rest;
        }
        text
    }

    fn mix(&mut self, low: u64, high: u64) {
        // Turned, since a block may be anything: what makes one of the factors 0 depends on what stands before.
        self.hash = fold(self.hash ^ low, self.hash.rotate_left(32) ^ MIX ^ high);
    }

    #[inline]
    fn ended_by(mut self, rest: &[u8]) -> Digest {
        if let Some(Digest { low, high }) = Digest::brief(rest) {
            self.mix(low, high);
        }
        Digest { low: self.hash, high: LONG | self.blocks }
    }
}

/// What of a text was written so far, in whatever pieces.
#[derive(Debug, Default)]
pub(super) struct Written {
    before: Long,
    /// What is behind the last whole block.
    block: [u8; BLOCK],
    used: usize,
}

impl Written {
    pub(super) fn push(&mut self, mut text: &[u8]) {
        loop {
            if self.used == 0 {
                text = self.before.blocks_of(text);
            }
            if text.is_empty() {
                return;
            }
            let room = self.block.get_mut(self.used..).unwrap_or_default();
            let (now, later) = text.split_at(room.len().min(text.len()));
            if let Some(room) = room.get_mut(..now.len()) {
                room.copy_from_slice(now);
            }
            self.used += now.len();
            text = later;
            if self.used == BLOCK {
                self.before.blocks_of(&self.block);
                self.used = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_depends_on_the_text_alone_and_tells_texts_apart() {
        for len in (0..70).chain([1023, 1024]) {
            let text: Vec<u8> = (0..len).map(|i| b'a' + u8::try_from(i % 23).unwrap()).collect();
            let digest = Digest::of(&text);
            assert_eq!(digest.is_long(), len > SHORT, "{len}");
            for pieces in 1..=len.clamp(1, 40) {
                let written = Digest::written(|out| {
                    for piece in text.chunks(pieces) {
                        out.push_str(core::str::from_utf8(piece).unwrap());
                    }
                });
                assert_eq!(written, digest, "{len} in pieces of {pieces}");
            }
            for at in 0..len {
                let mut other = text.clone();
                other[at] ^= 1;
                assert_ne!(Digest::of(&other), digest, "{len}, {at}");
            }
            // A NUL at the end is a character like any other.
            let mut longer = text.clone();
            longer.push(0);
            assert_ne!(Digest::of(&longer), digest, "{len}");
        }
    }

    #[test]
    fn a_short_text_is_its_own_digest() {
        assert_eq!(Digest::of(b""), Digest { low: 0, high: 0 });
        assert_eq!(Digest::of(b"abc"), Digest { low: 0x63_6261, high: 3 << 56 });
        let fifteen = Digest { low: 0x6867_6665_6463_6261, high: 0x0f6f_6e6d_6c6b_6a69 };
        assert_eq!(Digest::of(b"abcdefghijklmno"), fifteen);
    }

    #[test]
    fn a_number_has_the_digest_of_its_text() {
        for number in (0..1_200).chain([9_999, 10_000, 99_999, 123_456, 999_999, 9_999_999]) {
            for is_negative in [false, true] {
                let text = format!("{}{number}", if is_negative { "-" } else { "" });
                let digest = Digest::of_number(is_negative, number);
                assert_eq!(digest, Some(Digest::of(text.as_bytes())), "{text}");
            }
        }
        assert_eq!(Digest::of_number(false, 10_000_000), None);
        assert_eq!(Digest::of_number(true, u64::MAX), None);
    }
}
