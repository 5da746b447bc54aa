//! CRC-32 (IEEE) for a writer, which has a page and short records to check.
//!
//! Readers use crc32fast, which is many times as fast for a whole log. But when it is first called,
//! it asks the processor what it can do, by an instruction that a hypervisor intercepts: some tens
//! of microseconds, which a program that only records does not have to pay.
#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "indexes of one byte into tables of 256, in constants too"
)]

/// The reversed polynomial.
const POLYNOMIAL: u32 = 0xedb8_8320;

/// `TABLES[n][byte]` is what a byte contributes if `n` bytes follow it.
static TABLES: [[u32; 256]; 8] = {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut n = 1;
    while n < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[n - 1][byte];
            tables[n][byte] = before >> 8 ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        n += 1;
    }
    tables
};

/// The checksum of these bytes.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    let mut rest = bytes;
    while let Some((eight, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*eight) ^ u64::from(crc);
        // The first byte has seven behind it.
        crc = (0..8).fold(0, |crc, n| crc ^ TABLES[7 - n][(word >> (8 * n) & 0xff) as usize]);
        rest = behind;
    }
    let one = |crc: u32, byte: &u8| crc >> 8 ^ TABLES[0][(crc as u8 ^ byte) as usize];
    !rest.iter().fold(crc, one)
}

#[cfg(test)]
mod tests {
    use super::crc32;

    #[test]
    fn it_is_the_checksum_that_readers_compute() {
        let bytes: Vec<u8> = (0..4092_u32).map(|n| ((n * n) >> 3) as u8).collect();
        let lengths = if cfg!(miri) { vec![0, 1, 7, 8, 9, 200] } else { (0..300).collect() };
        for len in lengths.into_iter().chain([4092]) {
            assert_eq!(crc32(&bytes[..len]), crc32fast::hash(&bytes[..len]), "{len} bytes");
        }
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
