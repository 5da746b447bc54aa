//! A library may wrap the attributes in a macro of its own, and say where they are found.

pub mod inner {
    pub use headcount as hc;

    #[macro_export]
    macro_rules! measured {
        ($(#[$meta:meta])* fn $name:ident() $body:block) => {
            $(#[$meta])*
            #[$crate::inner::hc::counted(crate = $crate::inner::hc)]
            #[$crate::inner::hc::timed(crate = $crate::inner::hc)]
            fn $name() $body
        };
    }
}

measured! {
    /// Does nothing.
    fn nothing() {}
}

fn main() {
    nothing();
}
