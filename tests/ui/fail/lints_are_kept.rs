#![deny(warnings)]

use headcount::{count_exceptions, counted, timed};

#[counted]
#[timed]
fn in_place(unused: u8, mut never_changed: u8) -> u8 {
    never_changed
}

#[count_exceptions]
fn in_closure(unused: u8, mut never_changed: u8) -> u8 {
    return never_changed;
    let dead = 1;
}

#[count_exceptions]
async fn in_future(unused: u8, mut never_changed: u8) -> u8 {
    never_changed
}

fn main() {
    in_place(1, 1);
    in_closure(1, 1);
    drop(in_future(1, 1));
}
