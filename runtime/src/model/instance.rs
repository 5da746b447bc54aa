//! The identity of a segment, and its age.

/// A random number that each segment gets when it is created.
pub(crate) type InstanceId = [u8; 16];

/// When a segment was created. The instance only makes ages unique. The greater age is the newer
/// segment.
pub(crate) type Age = (u64, InstanceId);

/// The instance in hexadecimal digits, as in names of files.
pub(crate) fn hex(instance: &InstanceId) -> String {
    use std::fmt::Write;
    instance.iter().fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
