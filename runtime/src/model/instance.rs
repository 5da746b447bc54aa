//! Which process a segment is of, and when that was made.

/// When a segment was made; the instance only so that no two are equal. The greater is the newer.
pub(crate) type Age = (u64, [u8; 16]);

/// The instance in hexadecimal digits, as it stands in names of files.
pub(crate) fn hex(instance: &[u8; 16]) -> String {
    use std::fmt::Write;
    instance.iter().fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
