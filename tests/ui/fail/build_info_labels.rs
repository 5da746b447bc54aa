headcount::build_info!(version = "2", pid = "1");

mod another {
    headcount::build_info!(commit);
    headcount::build_info!(mode = "sum");
    headcount::build_info!(mode = 1, commit = "a");
}

fn main() {}
