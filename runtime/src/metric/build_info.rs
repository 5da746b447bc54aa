/// Declares an [`Info`](crate::Info) about the build, called `program_build_info`. Its labels are
/// `package` and `version`, of the package that contains the call, and the further ones given.
///
/// It exists with the value 1 from the first use of the library in a process on; nothing needs to
/// be called. Further labels are `name = constant`, each a `&'static str` that the compiler knows:
/// `env!("..")` of a variable that a build script set, a literal, a constant.
///
/// The page shows the series of all living processes, so two versions that run side by side are two
/// series. A batch job writes `mode = "max"` before its labels: its series stays when the job has
/// ended (see [`Info`](crate::Info)).
///
/// # Examples
///
/// ```
/// const TARGET: &str = if cfg!(debug_assertions) { "debug" } else { "release" };
///
/// headcount::build_info!(commit = "abc123", profile = TARGET);
///
/// # fn main() -> Result<(), headcount::Error> {
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("# TYPE program_build_info gauge\n"), "{text}");
/// assert!(text.contains("program_build_info{commit=\"abc123\",package=\""), "{text}");
/// # Ok(())
/// # }
/// ```
///
/// In a batch job:
///
/// ```standalone_crate
/// headcount::build_info!(mode = "max", commit = "abc123");
///
/// # fn main() {
/// let declarations = headcount::declarations();
/// let info = declarations.iter().find(|one| one.name == "program_build_info");
/// assert_eq!(info.and_then(|info| info.mode), Some(headcount::GaugeMode::Max));
/// # }
/// ```
#[macro_export]
macro_rules! build_info {
    (mode = $mode:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::build_info! { @declare [mode = $mode,] $($name = $value),* }
    };
    ($($name:ident = $value:expr),* $(,)?) => {
        $crate::build_info! { @declare [] $($name = $value),* }
    };
    (@declare [$($mode:tt)*] $($name:ident = $value:expr),*) => {
        const _: () = {
            #[$crate::metric(
                crate = $crate,
                name = "program_build_info",
                help = "What was built.",
                $($mode)*
                labels(
                    package = $crate::__private::env!("CARGO_PKG_NAME"),
                    version = $crate::__private::env!("CARGO_PKG_VERSION"),
                    $($name = $value),*
                )
            )]
            static BUILD_INFO: $crate::Info;
        };
    };
}
