/// Declares the buckets of all functions that are timed without a name, in the whole program.
///
/// These functions share the family `function_calls_duration_seconds`, whose buckets range from 5
/// milliseconds to 10 seconds by default. A program, not a library, declares others, once: up to 14
/// bounds in seconds, in ascending order; or [native
/// histograms](macro@crate::metric#native-histograms). If there are two declarations, that whose
/// place comes first in the alphabet is in force, and [`verify`](crate::verify) reports both.
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
///
/// # Native histograms
///
/// `native` makes all of them native histograms, of schema 3; `native(schema = 1)` is coarser, and
/// there are the schemas 0 to 3. Then every function that is called takes memory for the magnitudes
/// of its durations, in each thread that calls it and for each outcome: 256 bytes for each factor
/// of 16 at schema 3, of 256 at schema 2. So a function whose calls take 100 microseconds to 10
/// seconds takes 1.3 KiB for each thread and outcome beside the 136 bytes that it takes anyway; 500
/// such functions in 16 threads take 10 MiB. All threads of a process share 64 MiB: beyond them,
/// further threads count more slowly in cells that they share. A process that may only have a small
/// segment, as under `RLIMIT_AS`, has room for about 100 such functions; what finds none counts in
/// the sum and in the count, and [`health`](crate::health) reports it. If only some functions need
/// fine buckets, give these a name: `#[timed(name = "..", native)]`.
///
/// ```standalone_crate
/// headcount::function_durations!(native);
///
/// #[headcount::timed]
/// fn quick() {}
///
/// # fn main() -> Result<(), headcount::Error> {
/// quick();
///
/// let snapshot = headcount::Collector::new().collect()?;
/// let family = "function_calls_duration_seconds";
/// let family = snapshot.families().iter().find(|known| known.name == family);
/// let headcount::Value::Histogram(calls) = &family.expect("it is declared").series[0].value else {
///     panic!("it is a histogram")
/// };
/// let native = calls.native.as_ref().expect("it is native");
/// assert_eq!((native.schema, native.count()), (3, 1));
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
    (native $(,)?) => {
        $crate::function_durations!(native(schema = $crate::__private::SCHEMAS.0));
    };
    (native(schema = $schema:expr) $(,)?) => {
        const _: () = {
            $crate::__private::inventory::submit! {
                $crate::__private::FunctionDurations::native(
                    $schema,
                    $crate::__private::file!(),
                    $crate::__private::line!(),
                )
            }
        };
    };
    (native $($other:tt)*) => {
        ::core::compile_error!("`native` takes nothing, or a schema: `native(schema = 3)`");
    };
}
