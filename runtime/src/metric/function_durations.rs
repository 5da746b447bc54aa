/// Declares the buckets of all functions that are timed without a name, in the whole program.
///
/// These functions share the family `function_calls_duration_seconds`, whose buckets range from 5
/// milliseconds to 10 seconds by default. A program, not a library, declares others, once: up to 14
/// bounds in seconds, in ascending order. If there are two declarations, that whose place comes
/// first in the alphabet is in force, and [`verify`](crate::verify) reports both.
///
/// # Examples
///
/// ```standalone_crate
/// headcount::function_durations!(buckets = [1e-6, 1e-3, 1.0]);
///
/// #[headcount::timed]
/// fn quick() {}
///
/// # fn main() -> Result<(), headcount::Error> {
/// quick();
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// let bounds = text.lines().filter_map(|line| line.split_once(",le=\"")?.1.split('"').next());
/// assert_eq!(bounds.collect::<Vec<_>>(), ["1e-06", "0.001", "1.0", "+Inf"]);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! function_durations {
    (buckets = $bounds:expr $(,)?) => {
        const _: () = {
            const __HEADCOUNT_LIST: &[$crate::__private::f64] = &$bounds;
            static __HEADCOUNT_BOUNDS: [$crate::__private::u64; __HEADCOUNT_LIST.len()] =
                $crate::__private::nanos(__HEADCOUNT_LIST);
            $crate::__private::inventory::submit! {
                $crate::__private::FunctionDurations::new(
                    &__HEADCOUNT_BOUNDS,
                    $crate::__private::file!(),
                    $crate::__private::line!(),
                )
            }
        };
    };
    (native $($schema:tt)*) => {
        ::core::compile_error!(
            "`function_durations!` takes `buckets = [..]` only: what all functions share can't be a \
             native histogram. A function has one of its own by `#[timed(name = \"..\", native)]`"
        );
    };
}
