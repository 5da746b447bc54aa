headcount::build_info!(version = "2", pid = "1");

mod another {
    headcount::build_info!(commit);
}

fn main() {}
