//! The wire format of protobuf: <https://protobuf.dev/programming-guides/encoding/>.

/// A message that is being written.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

/// Wire types.
const VARINT: u32 = 0;
const FIXED_64: u32 = 1;
const DELIMITED: u32 = 2;

impl Message {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Writes a number in groups of seven bits, the lowest first. All groups but the last have the
    /// highest bit set.
    #[expect(clippy::cast_possible_truncation, reason = "seven bits")]
    pub(super) fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn key(&mut self, field: u32, wire_type: u32) {
        self.varint(u64::from(field << 3 | wire_type));
    }

    pub(super) fn integer(&mut self, field: u32, number: u64) {
        self.key(field, VARINT);
        self.varint(number);
    }

    /// Writes a number that may be negative, so that small ones are short.
    pub(super) fn signed(&mut self, field: u32, number: i64) {
        self.integer(field, u64::from_le_bytes((number << 1 ^ number >> 63).to_le_bytes()));
    }

    pub(super) fn double(&mut self, field: u32, number: f64) {
        self.key(field, FIXED_64);
        self.0.extend_from_slice(&number.to_bits().to_le_bytes());
    }

    fn delimited(&mut self, field: u32, bytes: &[u8]) {
        self.key(field, DELIMITED);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, field: u32, text: &str) {
        self.delimited(field, text.as_bytes());
    }

    /// Writes a message that is written already.
    pub(super) fn nested(&mut self, field: u32, message: &Self) {
        self.delimited(field, message.bytes());
    }

    /// Writes a message of which only the content is known yet: the length goes before it
    /// afterwards.
    pub(super) fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        self.key(field, DELIMITED);
        let start = self.0.len();
        write(self);
        let mut length = Self::default();
        let content = self.0.len().saturating_sub(start);
        length.varint(content as u64);
        self.0.extend_from_slice(&length.0);
        if let Some(written) = self.0.get_mut(start..) {
            written.rotate_left(content);
        }
    }
}

/// The bytes that a message of that length takes within another one.
pub(super) fn length_of_message(field: u32, length: u64) -> u64 {
    let varint = |number: u64| u64::from((64 - (number | 1).leading_zeros()).div_ceil(7));
    varint(u64::from(field << 3)).saturating_add(varint(length)).saturating_add(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_s_examples() {
        let mut message = Message::default();
        message.integer(1, 150);
        assert_eq!(message.bytes(), [0x08, 0x96, 0x01]);
        message.clear();
        message.text(2, "testing");
        assert_eq!(message.bytes(), b"\x12\x07testing");
        message.clear();
        message.message(3, |inner| inner.integer(1, 150));
        assert_eq!(message.bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        message.clear();
        message.double(1, -2.0);
        assert_eq!(message.bytes(), [0x09, 0, 0, 0, 0, 0, 0, 0, 0xc0]);
        message.clear();
        message.varint(u64::MAX);
        assert_eq!(message.bytes(), [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
    }

    #[test]
    fn a_long_message_has_a_long_length_before_it() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 3_000_000] {
            for field in [1, 15, 16] {
                let text = "x".repeat(length);
                let (mut one, mut other) = (Message::default(), Message::default());
                one.message(field, |inner| inner.0.extend_from_slice(text.as_bytes()));
                other.text(field, &text);
                assert_eq!(one.bytes(), other.bytes());
                assert_eq!(one.len(), length_of_message(field, length as u64));
            }
        }
    }
}
