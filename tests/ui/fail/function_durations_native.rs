headcount::function_durations!(native(3));

fn main() {}
