//! Sets of flags, which nothing looks at but memory's.

macro_rules! flags {
    ($($name:ident { $($flag:ident = $bits:expr),* $(,)? })*) => {$(
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) struct $name(u32);

        #[allow(dead_code, reason = "not every set is asked everything")]
        impl $name {
            $(pub(crate) const $flag: Self = Self($bits);)*

            pub(crate) const fn empty() -> Self {
                Self(0)
            }

            pub(crate) const fn bits(self) -> u32 {
                self.0
            }

            pub(crate) const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            pub(crate) const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            pub(crate) const fn intersects(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }
        }

        impl core::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                self.union(other)
            }
        }

        impl core::ops::SubAssign for $name {
            fn sub_assign(&mut self, other: Self) {
                self.0 &= !other.0;
            }
        }
    )*};
}
pub(super) use flags;
