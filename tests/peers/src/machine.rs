//! Where something was measured.

use std::fs;
use std::thread;

/// Processor, kernel, compiler, load: without them a figure says little.
pub fn describe() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processor = read("/proc/cpuinfo");
    let processor =
        processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let processor = processor.map_or("an unknown processor", |(_, name)| name);
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let clock = read("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    format!(
        "{} x {processor}, Linux {}, clock {}, {}, load {}",
        thread::available_parallelism().map_or(1, usize::from),
        kernel.trim(),
        clock.trim(),
        env!("BESIDE_RUSTC"),
        load.split(' ').next().unwrap_or("?"),
    )
}
