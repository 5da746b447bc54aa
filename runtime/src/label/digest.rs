//! A label's text as a number, which a lookup hashes and compares in registers. This module is
//! pure.

use core::fmt;

use super::digits::with_digits;
use super::writer::{LabelWriter, Out};

/// Sixteen bytes and a length. For a short text these are its bytes, some of them twice: equal
/// digests mean equal texts. For a longer text they are a hash, and if two are equal the texts must
/// be compared.
///
/// A digest depends only on the text, not on the pieces in which it was written.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Digest {
    pub(super) low: u64,
    pub(super) high: u64,
    /// The length of the text, in bytes.
    pub(super) len: u64,
}

/// The maximum length of a text that is its own digest.
const SHORT: usize = 16;

/// Bits without a pattern, from the golden ratio. No eight bytes of a text are equal to it or
/// combine with it to 0, because neither 7f b9 nor 46 86 is valid UTF-8. So a short text can't make
/// a product 0.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Combines both halves of the product, which depend on all bits of both factors.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    let low = product as u64;
    low ^ (product >> 64) as u64
}

impl Digest {
    /// The digest of a text, if it is short.
    #[inline]
    pub(super) fn brief(text: &[u8]) -> Option<Self> {
        let len = text.len();
        let eight = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
        let four = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
        // The first and the last bytes, which overlap or meet. Together with the length they
        // determine the text, and nothing has to be assembled.
        let (low, high) = if len > SHORT {
            return None;
        } else if len >= 8 {
            (text.first_chunk().map_or(0, eight), text.last_chunk().map_or(0, eight))
        } else if len >= 4 {
            (text.first_chunk().map_or(0, four), text.last_chunk().map_or(0, four))
        } else {
            let byte = |byte: Option<&u8>| byte.map_or(0, |byte| u64::from(*byte));
            let (first, middle, last) = (text.first(), text.get(len / 2), text.last());
            (byte(first) | byte(middle) << 8 | byte(last) << 16, 0)
        };
        Some(Self { low, high, len: len as u64 })
    }

    /// The digest of a number's text, if it is short.
    #[inline]
    pub(super) fn of_number(is_negative: bool, number: u64) -> Option<Self> {
        if is_negative || number >= 1_000 {
            return Self::of_many_digits(is_negative, number);
        }
        // HTTP statuses and the like, the most common values: the same digest that `brief` makes of
        // up to three bytes.
        let digit = |number: u64| u64::from(b'0') + number % 10;
        let (first, middle, len) = match number {
            100.. => (digit(number / 100), digit(number / 10), 3),
            10.. => (digit(number / 10), digit(number), 2),
            _ => (digit(number), digit(number), 1),
        };
        Some(Self { low: first | middle << 8 | digit(number) << 16, high: 0, len })
    }

    /// The digits are put together in a register: if they were written to memory and loaded from
    /// there as words, the loads would wait until all earlier operations of the processor have
    /// ended, of which a lookup before may be one.
    #[inline(never)]
    fn of_many_digits(is_negative: bool, number: u64) -> Option<Self> {
        let (mut text, mut len, mut left) = (0_u128, u32::from(is_negative), number);
        // The first character is the lowest byte.
        while left > 0 || text == 0 {
            let digit = b'0' + (left % 10) as u8;
            text = text << 8 | u128::from(digit);
            left /= 10;
            len += 1;
        }
        if is_negative {
            text = text << 8 | u128::from(b'-');
        }
        let last = |bytes: u32| text >> (8 * (len - bytes));
        #[expect(clippy::cast_possible_truncation, reason = "the lower bytes")]
        let (low, high) = match len {
            17.. => return None,
            8.. => (text as u64, last(8) as u64),
            4.. => (u64::from(text as u32), u64::from(last(4) as u32)),
            _ => return with_digits(is_negative, number, |text| Self::brief(text.as_bytes())),
        };
        Some(Self { low, high, len: u64::from(len) })
    }

    /// The digest of a text of any length.
    #[inline]
    pub(super) fn of(text: &[u8]) -> Self {
        Self::brief(text).unwrap_or_else(|| Self::long(text))
    }

    #[inline(never)]
    fn long(text: &[u8]) -> Self {
        let mut long = Long::default();
        let mut rest = text;
        while let Some((block, behind)) =
            rest.split_first_chunk().filter(|(_, rest)| !rest.is_empty())
        {
            long.mix(block);
            rest = behind;
        }
        long.ended_by(text.last_chunk().unwrap_or(&[0; BLOCK]), text.len())
    }

    /// The digest of the text that `write` writes.
    pub(super) fn written(write: impl FnOnce(&mut LabelWriter<'_>)) -> Self {
        let mut written = Written::default();
        write(&mut LabelWriter::new(Out::Digest(&mut written)));
        written.digest()
    }

    /// Whether other texts may have the same digest.
    #[cfg(test)]
    fn is_long(self) -> bool {
        self.len > SHORT as u64
    }

    /// The two words without the length.
    #[inline]
    pub(super) fn words(self) -> (u64, u64) {
        (self.low, self.high)
    }
}

/// Mixes a digest's words into a hash.
#[inline]
pub(super) fn mixed(hash: u64, (low, high): (u64, u64)) -> u64 {
    fold(hash ^ low, high.wrapping_add(MIX))
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:016x}{:016x}", self.len, self.high, self.low)
    }
}

const BLOCK: usize = 16;

/// The hash of a long text's blocks. Blocks go alternately into two independent halves, so that
/// neither waits for the other. The last block is the last sixteen bytes, even if the previous
/// block contains some of them.
#[derive(Debug, Default)]
struct Long {
    next: u64,
    other: u64,
}

impl Long {
    #[inline]
    fn mix(&mut self, block: &[u8; BLOCK]) {
        let block = u128::from_le_bytes(*block);
        #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
        let (low, high) = (block as u64, (block >> 64) as u64);
        // Rotated, because a block may have any value: whether a factor becomes 0 then depends on
        // the earlier blocks.
        let mixed = fold(self.next ^ low, self.next.rotate_left(32) ^ (MIX ^ high));
        (self.next, self.other) = (self.other, mixed);
    }

    #[inline]
    fn ended_by(mut self, last: &[u8; BLOCK], len: usize) -> Digest {
        self.mix(last);
        Digest { low: self.next, high: self.other, len: len as u64 }
    }
}

/// The part of a text that was written so far, in any number of pieces.
#[derive(Debug, Default)]
pub(super) struct Written {
    before: Long,
    /// The block that was mixed last, followed by the next one.
    bytes: [u8; 2 * BLOCK],
    /// The number of used bytes in the second half.
    used: usize,
    len: usize,
}

impl Written {
    pub(super) fn push(&mut self, mut text: &[u8]) {
        self.len += text.len();
        while !text.is_empty() {
            // Delayed until there is more, because the last block is mixed as such.
            if self.used == BLOCK {
                self.next_block();
            }
            let free = self.bytes.get_mut(BLOCK + self.used..).unwrap_or_default();
            let (now, later) = text.split_at(free.len().min(text.len()));
            if let Some(free) = free.get_mut(..now.len()) {
                free.copy_from_slice(now);
            }
            self.used += now.len();
            text = later;
        }
    }

    fn next_block(&mut self) {
        if let Some(block) = self.bytes.last_chunk() {
            self.before.mix(block);
        }
        self.bytes.copy_within(BLOCK.., 0);
        self.used = 0;
    }

    fn digest(self) -> Digest {
        if self.len <= SHORT {
            return Digest::of(self.bytes.get(BLOCK..BLOCK + self.used).unwrap_or_default());
        }
        let last = self.bytes.get(self.used..).and_then(<[u8]>::first_chunk);
        self.before.ended_by(last.unwrap_or(&[0; BLOCK]), self.len)
    }
}

#[cfg(test)]
mod tests {
    use core::iter;

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

    /// The only text that has this digest.
    fn text_of(digest: Digest) -> Vec<u8> {
        let (low, high) = (digest.low.to_le_bytes(), digest.high.to_le_bytes());
        let len = usize::try_from(digest.len).unwrap();
        match len {
            8..=16 => [&low, &high[16 - len..]].concat(),
            4..8 => [&low[..4], &high[8 - len..4]].concat(),
            0..4 => low[..len].to_vec(),
            _ => unreachable!("{digest:?} is of a long text"),
        }
    }

    #[test]
    fn a_short_text_can_be_read_off_its_digest() {
        for len in 0..=SHORT {
            // All bytes differ, and all of their bits occur.
            for start in [0_u8, 1, 0x55, 0x7f, 0x80, 0xaa, 0xff] {
                let next = |byte: &u8| Some(byte.wrapping_mul(5).wrapping_add(29));
                let text: Vec<u8> = iter::successors(Some(start), next).take(len).collect();
                assert_eq!(text_of(Digest::of(&text)), text);
            }
        }
        assert_eq!(Digest::of(b""), Digest::default());
        assert_eq!(Digest::of(b"abc"), Digest { low: 0x63_6261, high: 0, len: 3 });
        assert_eq!(Digest::of(b"abcde"), Digest { low: 0x6463_6261, high: 0x6564_6362, len: 5 });
    }

    #[test]
    fn texts_of_the_same_ends_have_other_lengths() {
        let digests: Vec<Digest> =
            (0..=40).map(|len| Digest::of("a".repeat(len).as_bytes())).collect();
        for (at, digest) in digests.iter().enumerate() {
            assert!(!digests[..at].contains(digest), "{digest:?}");
        }
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
        // Sixteen bytes with the sign, and no longer.
        let most = 9_999_999_999_999_999;
        assert_eq!(Digest::of_number(false, most), Some(Digest::of(b"9999999999999999")));
        assert_eq!(Digest::of_number(true, most), None);
        assert_eq!(Digest::of_number(false, most + 1), None);
        assert_eq!(Digest::of_number(true, u64::MAX), None);
    }
}
