//! Who may read what the library creates by the standard library: only Unix has such rights.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;

/// Lets only this user read and write a file that is about to be created.
pub(crate) fn of_this_user_only(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Sets the rights of a directory that is about to be created.
pub(crate) fn of_directory(builder: &mut DirBuilder, mode: u32) -> &mut DirBuilder {
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(builder, mode);
    let _ = mode;
    builder
}

/// Lets everybody read a file.
pub(crate) fn let_all_read(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    let _ = file;
    Ok(())
}
