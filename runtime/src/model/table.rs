//! The form of the tables of kinds, cells and modes: one row for each variant of an enum.

/// Implements the table of an enum: for each variant its code in files, and a row of what is true
/// of it. A variant without a row does not compile, and neither does a code that is used twice. An
/// unknown code comes from a later version.
macro_rules! table {
    ($type:ident, $row:ident: $($variant:ident = $code:literal, $value:expr;)+) => {
        impl $type {
            /// All variants, in the order of the table.
            #[allow(dead_code, reason = "of some enums only tests need it")]
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code in files.
            pub(crate) const fn code(self) -> u8 {
                match self {
                    $(Self::$variant => $code,)+
                }
            }

            /// The variant with this code in files.
            #[deny(unreachable_patterns)]
            pub(crate) const fn with_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }

            const fn row(self) -> $row {
                match self {
                    $(Self::$variant => $value,)+
                }
            }
        }
    };
}

pub(crate) use table;
