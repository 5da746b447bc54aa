//! The form of the tables of modes, cells and kinds: one row for each variant of an enum.

/// Implements the table of an enum: for each variant a row of what is true of it, and if it stands
/// in files, its code there. A variant without a row does not compile, and neither does a code that
/// is used twice. An unknown code comes from a later version.
macro_rules! table {
    ($type:ident, $code:ty, $row:ident: $($variant:ident = $value:tt, $true_of_it:expr;)+) => {
        $crate::model::table::table! { $type, $row: $($variant = $true_of_it;)+ }

        impl $type {
            /// The code in files.
            pub(crate) const fn code(self) -> $code {
                match self {
                    $(Self::$variant => $value,)+
                }
            }

            /// The variant with this code in files.
            #[deny(unreachable_patterns)]
            pub(crate) const fn with_code(code: $code) -> Option<Self> {
                match code {
                    $($value => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
    ($type:ident, $row:ident: $($variant:ident = $true_of_it:expr;)+) => {
        impl $type {
            /// All variants, in the order of the table.
            #[allow(dead_code, reason = "of some enums only tests need it")]
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),+];

            const fn row(self) -> $row {
                match self {
                    $(Self::$variant => $true_of_it,)+
                }
            }
        }
    };
}

pub(crate) use table;
